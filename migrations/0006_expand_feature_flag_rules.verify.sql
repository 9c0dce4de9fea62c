-- Each row is a missing part, or a right that must not be there.
-- @expect zero-rows

select needed as missing
from unnest(array['feature_flags', 'feature_flag_overrides']) as needed
where (
    select count(*)
    from pg_trigger
    where tgrelid = to_regclass('public.' || needed)
        and tgname = needed || '_audit'
        and tgfoid = to_regprocedure('private.record_flag_change()')
        and tgenabled = 'O'
) <> 1;

select proname as unsafe
from pg_proc
where pronamespace = 'private'::regnamespace
    and proname in ('record_flag_change', 'read_feature_flags')
    and (
        not prosecdef
        or coalesce(array_to_string(proconfig, ','), '') <> 'search_path=""'
        or has_function_privilege('anon', oid, 'execute')
        or has_function_privilege('authenticated', oid, 'execute')
    );

select 'cryo_flags may not read the flags' as missing
where not has_function_privilege('cryo_flags', 'private.read_feature_flags()', 'execute');

select table_schema || '.' || table_name || ' to ' || grantee as forbidden
from information_schema.table_privileges
where (table_name = 'feature_flag_overrides' and grantee = 'PUBLIC')
    or grantee = 'cryo_flags';
