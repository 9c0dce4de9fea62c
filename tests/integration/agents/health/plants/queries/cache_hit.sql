/*
clean = {warn = 0.0001, parameters = {blocks = 0}}
defect = {warn = 1, parameters = {blocks = 0}}
expect = ["DATABASE"]
*/
