-- Each row is a missing part, or a right that must not be there.
-- @expect zero-rows

select needed as missing
from unnest(array['incidents', 'deliveries', 'journal']) as needed
where to_regclass('oncall.' || needed) is null;

select 'a message may be in the outbox twice' as wrong
where not exists (select from pg_constraint where conname = 'deliveries_identity_key' and contype = 'u');

select grantee || ' may ' || privilege_type || ' ' || table_name as forbidden
from information_schema.table_privileges
where table_schema = 'oncall'
    and grantee <> (select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'oncall')
    and not (grantee = 'cryo_oncall' and privilege_type in ('SELECT', 'INSERT', 'UPDATE') and table_name <> 'journal')
    and not (grantee = 'cryo_oncall' and privilege_type = 'INSERT' and table_name = 'journal');

select 'cryo_oncall may use schema ' || nspname as forbidden
from pg_namespace
where nspname in ('private', 'cryo', 'auth') and has_schema_privilege('cryo_oncall', oid, 'usage');
