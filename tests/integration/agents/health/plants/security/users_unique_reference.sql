/*
expect = ["public.planted / planted_email_fkey"]
*/
create table public.planted (id bigint primary key, user_id uuid references auth.users (id), email text);
-- @defect
alter table public.planted add foreign key (email) references auth.users (email);
