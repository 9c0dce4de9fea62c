-- Rows of a v2 database: most are whole, and more than 100,000 in twelve relations point at nobody.
-- Keys are made from numbers, so that a test can say which rows must still be there.

create function pg_temp.key(kind integer, number bigint) returns uuid language sql immutable as $$
    select (lpad(to_hex(kind), 8, '0') || '-0000-4000-8000-' || lpad(to_hex(number), 12, '0'))::uuid
$$;

-- Foreign keys that stand are switched off, as a restore with disabled triggers leaves them.
set session_replication_role = replica;

insert into auth.users (id, email)
select pg_temp.key(1, n), 'user' || n || '@example.org' from generate_series(1, 500) as n;

insert into public.teams (id, name, created_by)
select pg_temp.key(2, n), 'team ' || n, pg_temp.key(1, 1 + n % 500) from generate_series(1, 200) as n;

insert into public.team_roles (id, name)
select pg_temp.key(3, n), (array['viewer', 'member', 'admin'])[n] from generate_series(1, 3) as n;

-- 1, 2, 3: memberships of people, in teams and with roles that are gone
insert into public.user_team_membership (user_id, team_id, role_id)
select pg_temp.key(1, 1 + n % 500), pg_temp.key(2, 1 + n / 500), pg_temp.key(3, 1 + n % 3)
from generate_series(0, 9999) as n;
insert into public.user_team_membership (user_id, team_id, role_id)
select pg_temp.key(91, n), pg_temp.key(2, 1 + n % 200), pg_temp.key(3, 1) from generate_series(1, 4000) as n;
insert into public.user_team_membership (user_id, team_id, role_id)
select pg_temp.key(1, 1 + n % 500), pg_temp.key(92, n), pg_temp.key(3, 1) from generate_series(1, 4000) as n;
insert into public.user_team_membership (user_id, team_id, role_id)
select pg_temp.key(1, 1 + n % 500), pg_temp.key(2, 101 + n / 500), pg_temp.key(93, n) from generate_series(0, 3999) as n;

-- 4: projects of people who are gone
insert into public.projects (id, name, created_by)
select pg_temp.key(4, n), 'project ' || n, pg_temp.key(case when n <= 6000 then 91 else 1 end, 1 + n % 500)
from generate_series(1, 8000) as n;

-- 5: molecules of people who are gone; some have no name, none of them a structure
insert into public.molecules (id, cid, name, molecular_formula, smiles, created_by, updated_at)
select
    pg_temp.key(5, n), n, case when n % 7 = 0 then null when n % 7 = 1 then ' ' else 'molecule ' || n end, 'C3H8O3',
    case when n % 3 = 0 then 'OCC(O)CO' when n % 3 = 1 then '' end,
    pg_temp.key(case when n % 2 = 0 then 91 else 1 end, 1 + n % 500), '2024-05-01'
from generate_series(1, 20000) as n;

-- 6: mixtures of people who are gone
insert into public.mixtures (id, name, created_by)
select
    pg_temp.key(6, n), case when n % 11 = 0 then null else 'mixture ' || n end,
    pg_temp.key(case when n % 2 = 0 then 91 else 1 end, 1 + n % 500)
from generate_series(1, 20000) as n;

-- 7, 8: components without their mixture or molecule
insert into public.mixture_components (id, mixture_id, molecule_id, concentration, concentration_unit)
select
    pg_temp.key(7, n), pg_temp.key(6, 1 + n % 20000), pg_temp.key(5, 1 + n % 19997), 1 + n % 40,
    (array['M', 'mM', '%w/v', 'mg/mL', 'mol/L'])[1 + n % 5]
from generate_series(0, 39999) as n;
insert into public.mixture_components (id, mixture_id, molecule_id, concentration, concentration_unit)
select pg_temp.key(7, 100000 + n), pg_temp.key(96, n), pg_temp.key(5, 1 + n), 1, 'M' from generate_series(1, 15000) as n;
insert into public.mixture_components (id, mixture_id, molecule_id, concentration, concentration_unit)
select pg_temp.key(7, 200000 + n), pg_temp.key(6, n), pg_temp.key(95, n), 1, 'M' from generate_series(1, 15000) as n;

insert into public.property_types (id, name, units, data_type)
select pg_temp.key(8, n), 'property ' || n, 'K', 'numeric' from generate_series(1, 15) as n;
insert into public.molecular_properties (molecule_id, property_type_id, numeric_value)
select pg_temp.key(5, n), pg_temp.key(8, 1 + n % 15), n from generate_series(1, 5000) as n;
insert into public.calculation_methods (id, name) values (pg_temp.key(9, 1), 'scoring');
insert into public.predictions (mixture_id, property_type_id, calculation_method_id, numeric_value, confidence)
select pg_temp.key(6, n), pg_temp.key(8, 1 + n % 15), pg_temp.key(9, 1), n, 0.9 from generate_series(1, 3000) as n;

-- 9, 10: experiments without their mixture, and of people who are gone
insert into public.experiments (
    id, mixture_id, property_type_id, numeric_value, experimental_conditions, date_performed, created_by
)
select
    pg_temp.key(10, n), pg_temp.key(case when n > 20000 then 96 else 6 end, 1 + n % 20000), pg_temp.key(8, 1 + n % 15), n,
    'cooled at 1 K/min', date '2024-01-01' + (n % 300)::integer,
    pg_temp.key(case when n % 3 = 0 then 91 else 1 end, 1 + n % 500)
from generate_series(1, 30000) as n;

-- 11, 12: verifications without their experiment, and by people who are gone or were never people
insert into public.lab_verifications (
    id, experiment_id, verification_status, verifier, equipment_used, created_at
)
select
    pg_temp.key(11, n), pg_temp.key(case when n > 15000 then 99 else 10 end, n),
    (array['pending', 'verified', 'rejected'])[1 + n % 3],
    case when n % 4 = 0 then pg_temp.key(91, n)::text when n % 401 = 0 then 'Dr. Frost'
        else pg_temp.key(1, 1 + n % 500)::text end,
    'cryomicroscope', case when n % 100 <> 0 then timestamptz '2024-06-01' end
from generate_series(1, 25000) as n;

insert into public.feature_flags (name, enabled, user_ids)
values ('Tg_Dashboard', true, array[pg_temp.key(1, 1)]), ('exports', false, '{}');

insert into public.shared_items (item_type, item_id, shared_with_user_id, shared_with_team_id, created_by)
values
    ('molecule', pg_temp.key(5, 3), pg_temp.key(1, 2), null, pg_temp.key(1, 1)),
    ('mixture', pg_temp.key(6, 3), null, pg_temp.key(2, 2), pg_temp.key(91, 1)),
    ('molecule', pg_temp.key(95, 3), pg_temp.key(1, 2), null, pg_temp.key(1, 1)),
    ('molecule', pg_temp.key(5, 3), pg_temp.key(91, 2), null, pg_temp.key(1, 1)),
    ('report', pg_temp.key(5, 3), pg_temp.key(1, 2), null, pg_temp.key(1, 1));
insert into public.shared_resources (team_id, resource_type, resource_id)
values
    (pg_temp.key(2, 5), 'project', pg_temp.key(4, 5)),
    (pg_temp.key(2, 5), 'experiment', pg_temp.key(10, 5)),
    (pg_temp.key(2, 5), 'mixture', pg_temp.key(96, 5));
insert into public.comments (resource_type, resource_id, content) values ('mixture', pg_temp.key(6, 1), 'works');
insert into public.notifications (user_id, message) values (pg_temp.key(1, 1), 'welcome');

reset session_replication_role;
analyze;
