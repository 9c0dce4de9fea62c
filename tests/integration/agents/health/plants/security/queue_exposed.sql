/*
expect = ["pgmq.q_planted"]
pretend = ["pgmq"]
*/
create schema pgmq;
grant usage on schema pgmq to anon;
create table pgmq.q_planted (id bigint primary key);
create table pgmq.q_guarded (id bigint primary key);
alter table pgmq.q_guarded enable row level security;
grant select on pgmq.q_guarded to anon;
-- @defect
grant select on pgmq.q_planted to anon;
