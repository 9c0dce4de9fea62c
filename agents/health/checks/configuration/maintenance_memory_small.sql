-- Vacuum and index builds have little memory
/*
severity = "info"
profile = "quick"
threshold = {warn = 32, below = true, unit = "MiB", source = "cited: the server's default is 64 MiB"}
meaning = "Vacuum goes through every index several times, and index builds spill to disk."
remedy = "Raise maintenance_work_mem."
*/
select name as object, reset_val::float8 / 1024 as value from pg_settings where name = 'maintenance_work_mem'
