/*
expect = ["DATABASE / every role"]
*/
-- @defect
do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$;
