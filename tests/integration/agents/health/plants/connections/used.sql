/*
defect = {warn = 0.001}
expect = ["server"]
*/
