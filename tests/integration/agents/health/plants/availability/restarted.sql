/*
clean = {warn = 0}
defect = {warn = 1e9}
expect = ["server"]
*/
