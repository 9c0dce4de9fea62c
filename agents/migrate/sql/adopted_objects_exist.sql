-- Whether this database was adopted, asked without creating anything.
select to_regclass('cryo.adopted_objects') is not null
