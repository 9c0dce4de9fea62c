-- A message queue is open to the API
/*
severity = "critical"
requires = {roles = ["anon"], extensions = ["pgmq"]}
evidence = ["granted_to"]
meaning = "Anybody reads or deletes its messages."
remedy = "Enable row-level security on the queue's table, or revoke the grants."
also = ["supabase:0019_insecure_queue_exposed_in_api"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    array_agg(distinct r.rolname::text) as granted_to
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace and n.nspname in ('pgmq', 'pgmq_public')
join pg_roles as r on r.rolname in ('anon', 'authenticated')
where c.relkind in ('r', 'p') and c.relname ~ '^q_' and not c.relrowsecurity
    and has_schema_privilege(r.oid, n.oid, 'usage') and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
group by n.nspname, c.relname
