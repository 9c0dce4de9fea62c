-- Closes what an adopted database brings: foreign policies, tables without a rule, definer views and functions.

do $$
declare
    found record;
begin
    -- Permissive policies are joined by OR, so one that stays could open what ours close.
    for found in
        select pg_policy.polname, pg_policy.polrelid::regclass as relation
        from pg_policy
        where pg_policy.polrelid in (select to_regclass('public.' || quote_ident(name)) from unnest({declared}) as name)
    loop
        execute format('drop policy %I on %s', found.polname, found.relation);
    end loop;

    -- What an extension brought belongs to it, and is often not ours to alter.
    for found in
        select pg_class.oid::regclass as relation, pg_class.relkind
        from pg_class
        where pg_class.relnamespace = 'public'::regnamespace
            and pg_class.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
            and not pg_class.relname = any ({declared})
            and not exists (
                select from pg_depend
                where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
            )
    loop
        if found.relkind = 'S' then
            execute format('revoke all on sequence %s from public, anon, authenticated', found.relation);
        elsif found.relkind = 'v' then
            -- A view then shows its caller what he may see; its grants stay, because the app reads it.
            execute format('alter view %s set (security_invoker = true)', found.relation);
            execute format('revoke all on %s from public, anon', found.relation);
        else
            execute format('revoke all on %s from public, anon, authenticated', found.relation);
        end if;
        if found.relkind in ('r', 'p') then
            execute format('alter table %s enable row level security', found.relation);
        end if;
    end loop;

    for found in
        select pg_proc.oid::regprocedure as routine
        from pg_proc
        where pg_proc.pronamespace = 'public'::regnamespace
            and pg_proc.prosecdef
            and not exists (
                select from pg_depend
                where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e'
            )
    loop
        execute format('revoke all on routine %s from public, anon, authenticated', found.routine);
    end loop;
end
$$;
