-- Holds one flag against other changes until the transaction ends.
select id from public.feature_flags where name = %(name)s for update
