-- Nobody measures the disk
/*
severity = "info"
profile = "quick"
evidence = ["setting"]
meaning = "Whether a slow statement waited for the disk cannot be told."
remedy = "alter system set track_io_timing = on, after pg_test_timing shows a cheap clock."
*/
select name as object, reset_val as setting from pg_settings where name = 'track_io_timing' and reset_val = 'off'
