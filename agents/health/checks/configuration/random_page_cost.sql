-- The planner plans for spinning disks
/*
severity = "info"
profile = "quick"
threshold = {warn = 4, unit = "times a sequential page", source = "cited: 4 is the default for spinning disks; 1.1 is what every cloud vendor recommends"}
meaning = "On solid-state disks it reads whole tables where an index would be faster."
remedy = "alter system set random_page_cost = 1.1, unless the disks really spin."
*/
select name as object, reset_val::float8 as value from pg_settings where name = 'random_page_cost'
