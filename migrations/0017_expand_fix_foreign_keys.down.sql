-- Removes the quarantine with the rows in it.

drop table private.quarantined_rows;
