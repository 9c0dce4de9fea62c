-- Every table that holds rows of its own and outlives a crash, with the statement that counts and digests its rows.
-- The digest is the sum of both halves of each row's hash: the order of the rows does not matter, equal rows do not
-- cancel each other, and the server needs the memory of one row.
select
    format('%%s.%%s', nspname, relname) as table_name,
    format(
        $digest$
        select
            count(*),
            coalesce(sum(('x' || encode(substr(hash, 1, 8), 'hex'))::bit(64)::bigint), 0),
            coalesce(sum(('x' || encode(substr(hash, 9, 8), 'hex'))::bit(64)::bigint), 0)
        from (
            select sha256(convert_to(row(each_row.*)::text, getdatabaseencoding())) as hash
            from only %%I.%%I as each_row
        ) as hashes
        $digest$,
        nspname, relname
    ) as statement
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where relkind = 'r' and relpersistence = 'p' and nspname = any (%(schemas)s)
    and not exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
order by 1
