-- A published table cannot be changed
/*
severity = "critical"
evidence = ["publication"]
meaning = "Without a key the server refuses every update and delete on it."
remedy = "Give it a primary key, or alter table ... replica identity full."
*/
select distinct
    format('%I.%I', n.nspname, c.relname) as object,
    t.pubname as publication
from pg_publication_tables as t
join pg_publication as p on p.pubname = t.pubname and (p.pubupdate or p.pubdelete)
join pg_namespace as n on n.nspname = t.schemaname
join pg_class as c on c.relnamespace = n.oid and c.relname = t.tablename
where (c.relreplident = 'n' or (c.relreplident = 'd' and not exists (
    select from pg_index as i where i.indrelid = c.oid and i.indisprimary
)))
