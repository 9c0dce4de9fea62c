/*
defect = {warn = 0.0001}
expect = ["server"]
*/
-- @defect
select pg_advisory_xact_lock(1), pg_advisory_xact_lock(2), pg_advisory_xact_lock(3), pg_advisory_xact_lock(4);
