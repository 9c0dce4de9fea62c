-- Everybody may create objects in a schema
/*
severity = "warn"
meaning = "A user can place a function or table there that others then use by mistake."
remedy = "Run what is shown."
also = ["pg-healthcheck:G11-006"]
*/
select
    quote_ident(n.nspname) as object,
    format('revoke create on schema %I from public', n.nspname) as fix_sql
from pg_namespace as n
cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as g
where g.grantee = 0 and g.privilege_type = 'CREATE' and @is_ours@
