-- What an application of the release that knew the schema up to 0005 does, statement by statement; it must go on
-- working on every later schema until a contract step takes something away. Never edit: it is the old release.
insert into auth.users (id, email) values
    ('00000000-0000-4000-8000-000000000001', 'ana@example.org'), ('00000000-0000-4000-8000-000000000002', 'ben@example.org');
insert into public.user_profiles (user_id, display_name) values ('00000000-0000-4000-8000-000000000001', 'Ana');
insert into public.teams (id, name, created_by) values
    ('10000000-0000-4000-8000-000000000001', 'Ice', '00000000-0000-4000-8000-000000000001');
insert into public.user_team_membership (user_id, team_id, role_id)
    select '00000000-0000-4000-8000-000000000002', '10000000-0000-4000-8000-000000000001', id
    from public.team_roles where name = 'member';
insert into public.projects (id, team_id, name, created_by) values
    ('20000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 'Oocytes', '00000000-0000-4000-8000-000000000001');
insert into public.molecules (id, project_id, name, smiles, cid, created_by) values
    ('30000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000001', 'glycerol', 'OCC(O)CO', 753, '00000000-0000-4000-8000-000000000001');
insert into public.mixtures (id, name, created_by) values
    ('40000000-0000-4000-8000-000000000001', 'glycerol in water', '00000000-0000-4000-8000-000000000001');
insert into public.mixture_components (mixture_id, molecule_id, amount, amount_unit) values
    ('40000000-0000-4000-8000-000000000001', '30000000-0000-4000-8000-000000000001', 2.5, 'mol/L');
insert into public.experiments (id, mixture_id, name, created_by) values
    ('50000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001', 'DSC', '00000000-0000-4000-8000-000000000001');
insert into public.experiment_properties (experiment_id, name, numeric_value, unit) values
    ('50000000-0000-4000-8000-000000000001', 'tg', 190, 'K');
insert into public.lab_verifications (experiment_id, verification_status, verifier) values
    ('50000000-0000-4000-8000-000000000001', 'verified', '00000000-0000-4000-8000-000000000002');
insert into public.shared_content (mixture_id, shared_with_user_id, created_by) values
    ('40000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001');
insert into public.model_versions (name, version, unit, digest, card) values
    ('tg', '1.0.0', 'K', 'sha256:' || repeat('a', 64), '{}');
insert into public.training_jobs (model_name) values ('tg');
insert into public.predictions (model_version_id, molecule_id, target, unit, prediction, lower_bound, upper_bound, confidence_level, in_domain)
    select id, '30000000-0000-4000-8000-000000000001', 'tg', 'K', 190, 178, 211, 0.9, true from public.model_versions;
insert into public.audit_log (action, table_name, row_key) values ('insert', 'molecules', '1');
insert into public.health_reports (profile, status, duration_ms, report) values ('quick', 'ok', 12, '{}');
insert into public.backup_catalogue (label, kind, status, started_at) values ('20260101-000000F', 'full', 'done', now());
insert into public.release_history (release_id, app, to_colour, to_version, phase, started_at) values
    ('r1', 'model-server', 'green', '1.0.1', 'promoted', now());
insert into public.feature_flags (name, enabled, rollout_percent, user_ids) values
    ('mixtures', true, 25, array['00000000-0000-4000-8000-000000000001'::uuid]);

update public.molecules set name = 'glycerine' where name = 'glycerol';
update public.experiments set status = 'done', performed_at = now() where name = 'DSC';
update public.lab_verifications set verification_status = 'rejected' where equipment_used is null;
update public.feature_flags set enabled = false where name = 'mixtures';
update public.teams set description = 'frozen' where name = 'Ice';

-- ask: one row each, true
select count(*) = 1 and bool_and(updated_at >= created_at) from public.molecules where name = 'glycerine';
select amount = 2.5 from public.mixture_components join public.molecules on molecules.id = molecule_id where cid = 753;
select p.numeric_value = 190 from public.experiment_properties as p join public.experiments as e on e.id = p.experiment_id where e.status = 'done';
select bool_or(r.can_update) from public.user_team_membership as m join public.team_roles as r on r.id = m.role_id where m.team_id = '10000000-0000-4000-8000-000000000001' and r.name = 'member';
select prediction between lower_bound and upper_bound from public.predictions where target = 'tg';
select not enabled and user_ids = array['00000000-0000-4000-8000-000000000001'::uuid] from public.feature_flags where name = 'mixtures';
select count(*) = 1 from public.shared_content where shared_with_user_id = '00000000-0000-4000-8000-000000000002';
select verification_status = 'rejected' from public.lab_verifications;

delete from public.experiments where name = 'DSC';
delete from public.mixtures where name = 'glycerol in water';
delete from auth.users where email = 'ana@example.org';
select count(*) = 0 from public.experiment_properties;
select count(*) = 0 from public.mixture_components;
select created_by is null from public.molecules where cid = 753;
