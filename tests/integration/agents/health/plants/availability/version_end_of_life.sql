/*
clean = {warn = -1}
defect = {warn = 100000}
expect = ["server"]
*/
