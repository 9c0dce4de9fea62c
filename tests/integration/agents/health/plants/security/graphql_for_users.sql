/*
expect = ["public.planted"]
pretend = ["pg_graphql"]
*/
do $$ begin
    execute (select string_agg(format('revoke all on %s from authenticated', oid::regclass), ';') from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v'));
end $$;
create table public.planted (id bigint primary key);
-- @defect
grant select on public.planted to authenticated;
