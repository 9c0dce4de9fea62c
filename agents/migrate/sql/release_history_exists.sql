-- Whether releases are recorded in this database.
select to_regclass('public.release_history') is not null
