-- Each row is something missing, or a right that must not be there.
-- @expect zero-rows

select 'table private.quarantined_rows' as missing
where obj_description(to_regclass('private.quarantined_rows'), 'pg_class') is null;

select role_name || ' may read or change quarantined rows' as unsafe
from unnest(array['anon', 'authenticated', 'service_role']) as role_name
where has_table_privilege(role_name, 'private.quarantined_rows', 'select, insert, update, delete, truncate');
