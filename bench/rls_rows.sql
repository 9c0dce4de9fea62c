-- Fills the tables that policies read: %(teams)s teams of ten people each, %(rows)s molecules, and shares.
insert into auth.users (id, email)
select md5('user' || i)::uuid, 'user' || i
from generate_series(0, %(teams)s - 1) as i;

insert into public.teams (id, name)
select md5('team' || i)::uuid, 'team ' || i
from generate_series(0, %(teams)s - 1) as i;

insert into public.user_team_membership (user_id, team_id, role_id)
select md5('user' || i)::uuid, md5('team' || (i + k) %% %(teams)s)::uuid, team_roles.id
from generate_series(0, %(teams)s - 1) as i
cross join generate_series(0, 9) as k
join public.team_roles on team_roles.name = 'member'
on conflict do nothing;

insert into public.projects (id, team_id, name, created_by)
select md5('project' || i)::uuid, md5('team' || i %% %(teams)s)::uuid, 'project ' || i,
    md5('user' || i %% %(teams)s)::uuid
from generate_series(0, %(teams)s * 5 - 1) as i;

-- Nine of ten rows in a team, the tenth private; neighbours on disk belong to different teams, as in a grown table.
insert into public.molecules (project_id, team_id, name, smiles, created_by)
select md5('project' || i %% (%(teams)s * 5))::uuid,
    case when i %% 10 < 9 then md5('team' || i %% %(teams)s)::uuid end,
    'molecule ' || i, 'C', md5('user' || i / 7 %% %(teams)s)::uuid
from generate_series(0, %(rows)s - 1) as i;

insert into public.shared_content (molecule_id, shared_with_user_id, created_by)
select molecules.id, md5('user' || number %% %(teams)s)::uuid, molecules.created_by
from (
    select id, created_by, row_number() over () as number
    from public.molecules
    where team_id is null
    limit %(teams)s * 10
) as molecules;

insert into public.shared_content (project_id, shared_with_user_id, created_by)
select projects.id, md5('user' || (number * 3) %% %(teams)s)::uuid, projects.created_by
from (select id, created_by, row_number() over () as number from public.projects) as projects;
