-- Each row is a hole in row-level security.
-- @expect zero-rows

-- Row-level security is on, and binds the owner too.
select pg_class.relname as unprotected
from pg_class
where pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind in ('r', 'p')
    and not exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
    and (
        not pg_class.relrowsecurity
        or (pg_class.relname = any (array[
        'projects', 'molecules', 'mixtures', 'experiments', 'predictions', 'mixture_components',
    'experiment_properties', 'lab_verifications', 'shared_content', 'teams', 'user_team_membership', 'user_profiles',
    'training_jobs', 'team_roles', 'model_versions', 'audit_log', 'health_reports', 'backup_catalogue',
    'release_history', 'feature_flags', 'feature_flag_overrides'
    ]) and not pg_class.relforcerowsecurity)
    );

select name as absent
from unnest(array[
        'projects', 'molecules', 'mixtures', 'experiments', 'predictions', 'mixture_components',
    'experiment_properties', 'lab_verifications', 'shared_content', 'teams', 'user_team_membership', 'user_profiles',
    'training_jobs', 'team_roles', 'model_versions', 'audit_log', 'health_reports', 'backup_catalogue',
    'release_history', 'feature_flags', 'feature_flag_overrides'
    ]) as name
where to_regclass('public.' || quote_ident(name)) is null;

-- Exactly four policies, one per command, for authenticated alone; no write is open to everybody.
select name as incomplete
from unnest(array[
        'projects', 'molecules', 'mixtures', 'experiments', 'predictions', 'mixture_components',
    'experiment_properties', 'lab_verifications', 'shared_content', 'teams', 'user_team_membership', 'user_profiles',
    'training_jobs', 'team_roles', 'model_versions', 'audit_log', 'health_reports', 'backup_catalogue',
    'release_history', 'feature_flags', 'feature_flag_overrides'
    ]) as name
where (
    select coalesce(string_agg(cmd, ' ' order by cmd), '')
    from pg_policies
    where schemaname = 'public' and tablename = name
) <> 'DELETE INSERT SELECT UPDATE';

select tablename || '.' || policyname as wrong
from pg_policies
where schemaname = 'public'
    and tablename = any (array[
        'projects', 'molecules', 'mixtures', 'experiments', 'predictions', 'mixture_components',
    'experiment_properties', 'lab_verifications', 'shared_content', 'teams', 'user_team_membership', 'user_profiles',
    'training_jobs', 'team_roles', 'model_versions', 'audit_log', 'health_reports', 'backup_catalogue',
    'release_history', 'feature_flags', 'feature_flag_overrides'
    ])
    and (
        permissive <> 'PERMISSIVE'
        or roles <> array['authenticated']::name[]
        or policyname <> tablename || '_' || lower(cmd)
        or (cmd <> 'INSERT' and qual is null)
        or (cmd in ('INSERT', 'UPDATE') and with_check is null)
        or (cmd <> 'SELECT' and 'true' in (qual, with_check))
        or qual = 'true'
    );

-- Rights on tables: nothing for PUBLIC and anon, reading and deleting for authenticated where declared, no more.
select pg_class.relname || ' to ' || coalesce(nullif(acl.grantee, 0)::regrole::text, 'public') || ': '
    || acl.privilege_type as surplus
from pg_class
cross join lateral aclexplode(pg_class.relacl) as acl
where pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and not exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
    and (
        (acl.grantee in (0, 'anon'::regrole))
        or (
            acl.grantee = 'authenticated'::regrole
            and not (pg_class.relkind = 'v' and acl.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))
            and not (acl.privilege_type = 'SELECT' and pg_class.relname = any (array[
        'projects', 'molecules', 'mixtures', 'experiments', 'predictions', 'mixture_components',
    'experiment_properties', 'lab_verifications', 'shared_content', 'teams', 'user_team_membership', 'user_profiles',
    'training_jobs', 'team_roles', 'model_versions'
    ]))
            and not (acl.privilege_type = 'DELETE' and pg_class.relname = any (array[
        'projects', 'molecules', 'mixtures', 'experiments', 'predictions', 'mixture_components',
    'experiment_properties', 'lab_verifications', 'shared_content', 'teams', 'user_team_membership', 'user_profiles',
    'training_jobs'
    ]))
        )
    );

select name || ': ' || privilege as missing
from (
    select name, 'select' as privilege from unnest(array[
        'projects', 'molecules', 'mixtures', 'experiments', 'predictions', 'mixture_components',
    'experiment_properties', 'lab_verifications', 'shared_content', 'teams', 'user_team_membership', 'user_profiles',
    'training_jobs', 'team_roles', 'model_versions'
    ]) as name
    union all
    select name, 'delete' from unnest(array[
        'projects', 'molecules', 'mixtures', 'experiments', 'predictions', 'mixture_components',
    'experiment_properties', 'lab_verifications', 'shared_content', 'teams', 'user_team_membership', 'user_profiles',
    'training_jobs'
    ]) as name
) as needed
where not has_table_privilege('authenticated', 'public.' || quote_ident(name), privilege);

select name || ': ' || privilege as missing_for_service_role
from unnest(array[
        'projects', 'molecules', 'mixtures', 'experiments', 'predictions', 'mixture_components',
    'experiment_properties', 'lab_verifications', 'shared_content', 'teams', 'user_team_membership', 'user_profiles',
    'training_jobs', 'team_roles', 'model_versions', 'audit_log', 'health_reports', 'backup_catalogue',
    'release_history', 'feature_flags', 'feature_flag_overrides'
    ]) as name
cross join unnest(array['select', 'insert', 'update', 'delete']) as privilege
where not has_table_privilege('service_role', 'public.' || quote_ident(name), privilege);

-- Rights on columns: exactly the declared ones.
with actual as (
    select pg_class.relname || '.' || pg_attribute.attname as name, acl.privilege_type, acl.grantee
    from pg_class
    join pg_attribute on pg_attribute.attrelid = pg_class.oid
    cross join lateral aclexplode(pg_attribute.attacl) as acl
    where pg_class.relnamespace = 'public'::regnamespace
),
declared as (
    select name, 'INSERT' as privilege_type from unnest(array[
        'projects.team_id', 'projects.name', 'projects.description', 'projects.created_by',
    'molecules.project_id', 'molecules.team_id', 'molecules.name', 'molecules.smiles', 'molecules.inchikey',
    'molecules.molecular_formula', 'molecules.cid', 'molecules.created_by', 'mixtures.project_id', 'mixtures.team_id',
    'mixtures.name', 'mixtures.description', 'mixtures.created_by', 'experiments.project_id', 'experiments.team_id',
    'experiments.mixture_id', 'experiments.molecule_id', 'experiments.name', 'experiments.protocol',
    'experiments.status', 'experiments.performed_at', 'experiments.created_by', 'predictions.model_version_id',
    'predictions.team_id', 'predictions.molecule_id', 'predictions.mixture_id', 'predictions.target',
    'predictions.unit', 'predictions.prediction', 'predictions.lower_bound', 'predictions.upper_bound',
    'predictions.confidence_level', 'predictions.in_domain', 'predictions.created_by',
    'mixture_components.mixture_id', 'mixture_components.molecule_id', 'mixture_components.amount',
    'mixture_components.amount_unit', 'mixture_components.created_by', 'experiment_properties.experiment_id',
    'experiment_properties.name', 'experiment_properties.numeric_value', 'experiment_properties.text_value',
    'experiment_properties.unit', 'experiment_properties.uncertainty', 'experiment_properties.created_by',
    'lab_verifications.experiment_id', 'lab_verifications.verification_status', 'lab_verifications.verifier',
    'lab_verifications.equipment_used', 'lab_verifications.comments', 'lab_verifications.created_by',
    'shared_content.project_id', 'shared_content.molecule_id', 'shared_content.mixture_id',
    'shared_content.experiment_id', 'shared_content.shared_with_user_id', 'shared_content.shared_with_team_id',
    'shared_content.can_update', 'shared_content.created_by', 'teams.name', 'teams.description', 'teams.created_by',
    'user_team_membership.user_id', 'user_team_membership.team_id', 'user_team_membership.role_id',
    'user_team_membership.created_by', 'user_profiles.user_id', 'user_profiles.display_name',
    'user_profiles.affiliation', 'training_jobs.model_name', 'training_jobs.parameters',
    'training_jobs.created_by'
    ]) as name
    union all
    select name, 'UPDATE' from unnest(array[
        'projects.team_id', 'projects.name', 'projects.description', 'molecules.project_id',
    'molecules.team_id', 'molecules.name', 'molecules.smiles', 'molecules.inchikey', 'molecules.molecular_formula',
    'molecules.cid', 'mixtures.project_id', 'mixtures.team_id', 'mixtures.name', 'mixtures.description',
    'experiments.project_id', 'experiments.team_id', 'experiments.mixture_id', 'experiments.molecule_id',
    'experiments.name', 'experiments.protocol', 'experiments.status', 'experiments.performed_at',
    'predictions.team_id', 'predictions.target', 'predictions.unit', 'predictions.prediction',
    'predictions.lower_bound', 'predictions.upper_bound', 'predictions.confidence_level', 'predictions.in_domain',
    'mixture_components.amount', 'mixture_components.amount_unit', 'experiment_properties.name',
    'experiment_properties.numeric_value', 'experiment_properties.text_value', 'experiment_properties.unit',
    'experiment_properties.uncertainty', 'lab_verifications.verification_status', 'lab_verifications.verifier',
    'lab_verifications.equipment_used', 'lab_verifications.comments', 'shared_content.can_update', 'teams.name',
    'teams.description', 'user_team_membership.role_id', 'user_profiles.display_name', 'user_profiles.affiliation',
    'training_jobs.model_name', 'training_jobs.parameters', 'training_jobs.status'
    ]) as name
)
select coalesce(actual.name, declared.name) || ': ' || coalesce(actual.privilege_type, declared.privilege_type) as differs
from (select name, privilege_type, grantee from actual where grantee in (0, 'anon'::regrole, 'authenticated'::regrole))
    as actual
full join declared
    on declared.name = actual.name
    and declared.privilege_type = actual.privilege_type
    and actual.grantee = 'authenticated'::regrole
where actual.name is null or declared.name is null;

-- The triggers that keep created_by, place, references and the last owner are there and fire.
select wanted as trigger_missing_or_off
from unnest(array[
        'projects.projects_created_by', 'projects.projects_team', 'molecules.molecules_created_by',
    'molecules.molecules_team', 'molecules.molecules_project', 'molecules.molecules_project_id_visible',
    'mixtures.mixtures_created_by', 'mixtures.mixtures_team', 'mixtures.mixtures_project',
    'mixtures.mixtures_project_id_visible', 'experiments.experiments_created_by', 'experiments.experiments_team',
    'experiments.experiments_project', 'experiments.experiments_project_id_visible',
    'experiments.experiments_mixture_id_visible', 'experiments.experiments_molecule_id_visible',
    'predictions.predictions_created_by', 'predictions.predictions_team',
    'mixture_components.mixture_components_created_by', 'experiment_properties.experiment_properties_created_by',
    'lab_verifications.lab_verifications_created_by', 'shared_content.shared_content_created_by',
    'teams.teams_created_by', 'teams.teams_owner', 'user_team_membership.user_team_membership_created_by',
    'user_team_membership.user_team_membership_last_owner', 'training_jobs.training_jobs_created_by'
    ]) as wanted
where not exists (
    select
    from pg_trigger
    where tgrelid = to_regclass('public.' || quote_ident(split_part(wanted, '.', 1)))
        and tgname = split_part(wanted, '.', 2)
        and tgenabled in ('O', 'A')
);

-- Functions that see past the policies: fixed search_path, an owner who really does, no door for anon or in public.
select pg_proc.oid::regprocedure as unsafe
from pg_proc
join pg_roles on pg_roles.oid = pg_proc.proowner
where pg_proc.pronamespace = 'private'::regnamespace
    and pg_proc.prosecdef
    and (
        coalesce(array_to_string(pg_proc.proconfig, ','), '') !~ '(^|,)search_path=""(,|$)'
        or not (pg_roles.rolsuper or pg_roles.rolbypassrls)
        or has_function_privilege('anon', pg_proc.oid, 'execute')
    );

select name as sees_no_more_than_its_caller
from unnest(array[
        'private.my_teams(text)', 'private.my_shared(text, text)', 'private.my_shared_projects()',
    'private.my_controlled_shares()', 'private.my_grants()', 'private.my_teammates()'
    ]) as name
where not (select prosecdef from pg_proc where oid = name::regprocedure);

select pg_proc.oid::regprocedure as open_to_all
from pg_proc
cross join lateral aclexplode(coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))) as acl
where pg_proc.pronamespace = 'private'::regnamespace
    and acl.privilege_type = 'EXECUTE'
    and (
        acl.grantee in (0, 'anon'::regrole)
        or (acl.grantee = 'authenticated'::regrole and not pg_proc.oid = any ((array[
        'private.my_teams(text)', 'private.my_shared(text, text)', 'private.my_shared_projects()',
    'private.my_controlled_shares()', 'private.my_grants()', 'private.my_teammates()'
    ])::regprocedure[]))
    );

select name as not_callable
from unnest(array[
        'private.my_teams(text)', 'private.my_shared(text, text)', 'private.my_shared_projects()',
    'private.my_controlled_shares()', 'private.my_grants()', 'private.my_teammates()'
    ]) as name
where not has_function_privilege('authenticated', name, 'execute')
    or not has_schema_privilege('authenticated', 'private', 'usage');

select pg_proc.oid::regprocedure as definer_in_public
from pg_proc
where pg_proc.pronamespace = 'public'::regnamespace
    and pg_proc.prosecdef
    and not exists (
        select from pg_depend
        where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e'
    )
    and (has_function_privilege('anon', pg_proc.oid, 'execute') or has_function_privilege('authenticated', pg_proc.oid, 'execute'));

-- Views show their caller what he may see.
select pg_class.relname as definer_view
from pg_class
where pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind = 'v'
    and not exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
    and not coalesce('security_invoker=true' = any (pg_class.reloptions)
        or 'security_invoker=on' = any (pg_class.reloptions)
        or 'security_invoker=1' = any (pg_class.reloptions), false);

-- Schemas: anon does not reach private, and no API role creates in public.
select 'schema ' || wrong as open_schema
from unnest(array['private']) as wrong
where has_schema_privilege('anon', wrong, 'usage');

select role || ' may create in public' as open_schema
from unnest(array['anon', 'authenticated']) as role
where has_schema_privilege(role, 'public', 'create');

-- API roles neither pass row-level security nor own a table.
select rolname as passes
from pg_roles
where rolname in ('anon', 'authenticated', 'authenticator') and (rolsuper or rolbypassrls);

select pg_class.relname as owned_by_api_role
from pg_class
where pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind in ('r', 'p', 'v', 'm')
    and pg_class.relowner in ('anon'::regrole, 'authenticated'::regrole);
