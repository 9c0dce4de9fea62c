-- Each row is a table without its comment, or a foreign key whose child side a delete would have to scan.
-- @expect zero-rows

select needed as missing
from unnest(array[
    'projects', 'molecules', 'mixtures', 'mixture_components', 'experiments', 'experiment_properties',
    'lab_verifications', 'shared_content'
]) as needed
where obj_description(to_regclass('public.' || needed), 'pg_class') is null;

select conrelid::regclass || ' ' || conname as foreign_key_without_index
from pg_constraint
where contype = 'f'
    and connamespace = 'public'::regnamespace
    and not exists (
        select
        from pg_index
        where indrelid = conrelid and indisvalid and indkey[0] = conkey[1]
    );
