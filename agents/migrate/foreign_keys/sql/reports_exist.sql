-- Whether any run was ever reported.
select to_regclass('cryo.foreign_key_reports') is not null
