/*
expect = ["pictures"]
*/
create schema storage;
create table storage.buckets (id text primary key, name text, public boolean);
create table storage.objects (id bigint primary key, bucket_id text, owner uuid);
insert into storage.buckets values ('pictures', 'pictures', true), ('papers', 'papers', false);
alter table storage.objects enable row level security;
create policy own on storage.objects for select to authenticated
using (bucket_id = 'pictures' and owner = (select auth.uid()));
create policy closed on storage.objects for select to anon using (bucket_id = 'papers');
-- @defect
create policy listing on storage.objects for select to anon using (bucket_id = 'pictures');
