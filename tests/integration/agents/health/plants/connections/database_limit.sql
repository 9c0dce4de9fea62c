/*
expect = ["DATABASE"]
*/
do $$ begin execute format('alter database %I connection limit 1000', current_database()); end $$;
-- @defect
do $$ begin execute format('alter database %I connection limit 1', current_database()); end $$;
