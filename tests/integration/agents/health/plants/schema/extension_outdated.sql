/*
expect = ["plpgsql"]
*/
-- @defect
update pg_extension set extversion = '0.1' where extname = 'plpgsql';
