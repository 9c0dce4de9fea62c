-- Everybody may list what a public bucket holds
/*
severity = "warn"
requires = {relations = ["storage.buckets", "storage.objects"]}
evidence = ["policy"]
meaning = "Files that nobody links to can be found by listing them."
remedy = "Drop the policy: objects of a public bucket are served without it."
also = ["supabase:0025_public_bucket_allows_listing"]
*/
select b.name as object, p.polname as policy
from storage.buckets as b
join pg_policy as p
    on p.polrelid = to_regclass('storage.objects') and p.polcmd in ('r', '*') and p.polpermissive
    and pg_get_expr(p.polqual, p.polrelid) like '%bucket_id = ' || quote_literal(b.id) || '%'
where b.public and pg_get_expr(p.polqual, p.polrelid) !~* 'auth\.'
