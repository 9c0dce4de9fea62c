-- An index leads with a column of few values
/*
severity = "info"
evidence = ["table", "column", "distinct_values", "rows"]
parameters = {rows = 10000, values = 3}
meaning = "The planner will hardly use it: each value is too large a share of the table."
remedy = "Drop it, or make it partial for the rare value that is asked for."
also = ["pg-healthcheck:G08-007"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('%I.%I', n.nspname, t.relname) as table,
    a.attname as column,
    s.stadistinct as distinct_values,
    t.reltuples as rows
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_class as t on t.oid = i.indrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = t.oid and a.attnum = i.indkey[0]
join pg_statistic as s on s.starelid = t.oid and s.staattnum = a.attnum and not s.stainherit
where i.indnkeyatts = 1 and i.indpred is null and not i.indisunique and @is_ours@
    and s.stadistinct between 1 and @values@ and t.reltuples >= @rows@
