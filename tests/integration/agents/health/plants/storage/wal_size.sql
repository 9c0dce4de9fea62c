/*
clean = {warn = 100}
defect = {warn = 0}
expect = ["pg_wal"]
*/
