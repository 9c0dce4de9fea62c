/*
expect = ["collation public.planted"]
icu = true
*/
create collation public.planted (provider = icu, locale = 'de');
create table public.planted (id bigint primary key, value text collate public.planted);
create collation public.unused (provider = icu, locale = 'fr');
update pg_collation set collversion = '0.1' where collname = 'unused';
-- @defect
update pg_collation set collversion = '0.1' where collname = 'planted';
