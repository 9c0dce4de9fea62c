-- Each row is a relation whose constraint or index differs from the declaration, or whose rows do, counted by query.
-- Generated: python -m agents.migrate.foreign_keys.verification <declaration.toml> <this file>
-- @expect zero-rows

with declared (
    child, columns, parent, parent_columns, constraint_name, on_delete, on_update, required, index_name
) as (
    values
        ('public.feature_flags', array['created_by'], 'auth.users', array['id'], 'feature_flags_created_by_fkey', 'n', 'a', false, 'feature_flags_created_by_idx'),
        ('public.teams', array['created_by'], 'auth.users', array['id'], 'teams_created_by_fkey', 'n', 'a', false, 'teams_created_by_idx'),
        ('public.feature_flag_overrides', array['flag_id'], 'public.feature_flags', array['id'], 'feature_flag_overrides_flag_id_fkey', 'c', 'a', true, null),
        ('public.feature_flag_overrides', array['user_id'], 'auth.users', array['id'], 'feature_flag_overrides_user_id_fkey', 'c', 'a', false, 'feature_flag_overrides_user_id_idx'),
        ('public.feature_flag_overrides', array['team_id'], 'public.teams', array['id'], 'feature_flag_overrides_team_id_fkey', 'c', 'a', false, 'feature_flag_overrides_team_id_idx'),
        ('public.feature_flag_overrides', array['created_by'], 'auth.users', array['id'], 'feature_flag_overrides_created_by_fkey', 'n', 'a', false, 'feature_flag_overrides_created_by_idx'),
        ('public.projects', array['team_id'], 'public.teams', array['id'], 'projects_team_id_fkey', 'n', 'a', false, 'projects_team_id_idx'),
        ('public.projects', array['created_by'], 'auth.users', array['id'], 'projects_created_by_fkey', 'n', 'a', false, 'projects_created_by_idx'),
        ('public.mixtures', array['project_id'], 'public.projects', array['id'], 'mixtures_project_id_fkey', 'n', 'a', false, 'mixtures_project_id_idx'),
        ('public.mixtures', array['team_id'], 'public.teams', array['id'], 'mixtures_team_id_fkey', 'n', 'a', false, 'mixtures_team_id_idx'),
        ('public.mixtures', array['created_by'], 'auth.users', array['id'], 'mixtures_created_by_fkey', 'n', 'a', false, 'mixtures_created_by_idx'),
        ('public.molecules', array['project_id'], 'public.projects', array['id'], 'molecules_project_id_fkey', 'n', 'a', false, 'molecules_project_id_idx'),
        ('public.molecules', array['team_id'], 'public.teams', array['id'], 'molecules_team_id_fkey', 'n', 'a', false, 'molecules_team_id_idx'),
        ('public.molecules', array['created_by'], 'auth.users', array['id'], 'molecules_created_by_fkey', 'n', 'a', false, 'molecules_created_by_idx'),
        ('public.experiments', array['project_id'], 'public.projects', array['id'], 'experiments_project_id_fkey', 'n', 'a', false, 'experiments_project_id_idx'),
        ('public.experiments', array['team_id'], 'public.teams', array['id'], 'experiments_team_id_fkey', 'n', 'a', false, 'experiments_team_id_idx'),
        ('public.experiments', array['mixture_id'], 'public.mixtures', array['id'], 'experiments_mixture_id_fkey', 'r', 'a', false, 'experiments_mixture_id_idx'),
        ('public.experiments', array['molecule_id'], 'public.molecules', array['id'], 'experiments_molecule_id_fkey', 'r', 'a', false, 'experiments_molecule_id_idx'),
        ('public.experiments', array['created_by'], 'auth.users', array['id'], 'experiments_created_by_fkey', 'n', 'a', false, 'experiments_created_by_idx'),
        ('public.experiment_properties', array['experiment_id'], 'public.experiments', array['id'], 'experiment_properties_experiment_id_fkey', 'c', 'a', true, 'experiment_properties_experiment_id_idx'),
        ('public.experiment_properties', array['created_by'], 'auth.users', array['id'], 'experiment_properties_created_by_fkey', 'n', 'a', false, 'experiment_properties_created_by_idx'),
        ('public.lab_verifications', array['experiment_id'], 'public.experiments', array['id'], 'lab_verifications_experiment_id_fkey', 'c', 'a', true, 'lab_verifications_experiment_id_idx'),
        ('public.lab_verifications', array['verifier'], 'auth.users', array['id'], 'lab_verifications_verifier_fkey', 'n', 'a', false, 'lab_verifications_verifier_idx'),
        ('public.lab_verifications', array['created_by'], 'auth.users', array['id'], 'lab_verifications_created_by_fkey', 'n', 'a', false, 'lab_verifications_created_by_idx'),
        ('public.mixture_components', array['mixture_id'], 'public.mixtures', array['id'], 'mixture_components_mixture_id_fkey', 'c', 'a', true, null),
        ('public.mixture_components', array['molecule_id'], 'public.molecules', array['id'], 'mixture_components_molecule_id_fkey', 'r', 'a', true, 'mixture_components_molecule_id_idx'),
        ('public.mixture_components', array['created_by'], 'auth.users', array['id'], 'mixture_components_created_by_fkey', 'n', 'a', false, 'mixture_components_created_by_idx'),
        ('public.predictions', array['model_version_id'], 'public.model_versions', array['id'], 'predictions_model_version_id_fkey', 'r', 'a', true, 'predictions_model_version_id_idx'),
        ('public.predictions', array['team_id'], 'public.teams', array['id'], 'predictions_team_id_fkey', 'n', 'a', false, 'predictions_team_id_idx'),
        ('public.predictions', array['molecule_id'], 'public.molecules', array['id'], 'predictions_molecule_id_fkey', 'c', 'a', false, 'predictions_molecule_id_idx'),
        ('public.predictions', array['mixture_id'], 'public.mixtures', array['id'], 'predictions_mixture_id_fkey', 'c', 'a', false, 'predictions_mixture_id_idx'),
        ('public.predictions', array['created_by'], 'auth.users', array['id'], 'predictions_created_by_fkey', 'n', 'a', false, 'predictions_created_by_idx'),
        ('public.shared_content', array['project_id'], 'public.projects', array['id'], 'shared_content_project_id_fkey', 'c', 'a', false, 'shared_content_project_id_idx'),
        ('public.shared_content', array['molecule_id'], 'public.molecules', array['id'], 'shared_content_molecule_id_fkey', 'c', 'a', false, 'shared_content_molecule_id_idx'),
        ('public.shared_content', array['mixture_id'], 'public.mixtures', array['id'], 'shared_content_mixture_id_fkey', 'c', 'a', false, 'shared_content_mixture_id_idx'),
        ('public.shared_content', array['experiment_id'], 'public.experiments', array['id'], 'shared_content_experiment_id_fkey', 'c', 'a', false, 'shared_content_experiment_id_idx'),
        ('public.shared_content', array['shared_with_user_id'], 'auth.users', array['id'], 'shared_content_shared_with_user_id_fkey', 'c', 'a', false, 'shared_content_shared_with_user_id_idx'),
        ('public.shared_content', array['shared_with_team_id'], 'public.teams', array['id'], 'shared_content_shared_with_team_id_fkey', 'c', 'a', false, 'shared_content_shared_with_team_id_idx'),
        ('public.shared_content', array['created_by'], 'auth.users', array['id'], 'shared_content_created_by_fkey', 'c', 'a', false, 'shared_content_created_by_idx'),
        ('public.training_jobs', array['model_version_id'], 'public.model_versions', array['id'], 'training_jobs_model_version_id_fkey', 'n', 'a', false, 'training_jobs_model_version_id_idx'),
        ('public.training_jobs', array['created_by'], 'auth.users', array['id'], 'training_jobs_created_by_fkey', 'n', 'a', false, 'training_jobs_created_by_idx'),
        ('public.user_profiles', array['user_id'], 'auth.users', array['id'], 'user_profiles_user_id_fkey', 'c', 'a', true, null),
        ('public.user_team_membership', array['user_id'], 'auth.users', array['id'], 'user_team_membership_user_id_fkey', 'c', 'a', true, null),
        ('public.user_team_membership', array['team_id'], 'public.teams', array['id'], 'user_team_membership_team_id_fkey', 'c', 'a', true, 'user_team_membership_team_id_idx'),
        ('public.user_team_membership', array['role_id'], 'public.team_roles', array['id'], 'user_team_membership_role_id_fkey', 'r', 'a', true, 'user_team_membership_role_id_idx'),
        ('public.user_team_membership', array['created_by'], 'auth.users', array['id'], 'user_team_membership_created_by_fkey', 'n', 'a', false, 'user_team_membership_created_by_idx')
),
live as (
    select
        declared.*,
        to_regclass(declared.child) as child_oid,
        to_regclass(declared.parent) as parent_oid,
        (
            select array_agg(attribute.attnum order by name.position)
            from unnest(declared.columns) with ordinality as name (column_name, position)
            join pg_attribute as attribute
                on attribute.attrelid = to_regclass(declared.child) and attribute.attname = name.column_name
        ) as child_numbers,
        (
            select array_agg(attribute.attnum order by name.position)
            from unnest(declared.parent_columns) with ordinality as name (column_name, position)
            join pg_attribute as attribute
                on attribute.attrelid = to_regclass(declared.parent) and attribute.attname = name.column_name
        ) as parent_numbers
    from declared
)
select live.child || '.' || live.constraint_name as relation, problem.words as wrong
from live
cross join lateral (
    select 'no such constraint, or its target, actions or validation differ' as words
    where not exists (
        select
        from pg_constraint as found
        where found.conrelid = live.child_oid
            and found.conname = live.constraint_name
            and found.contype = 'f'
            and found.confrelid = live.parent_oid
            and found.conkey = live.child_numbers
            and found.confkey = live.parent_numbers
            and found.confdeltype = live.on_delete::"char"
            and found.confupdtype = live.on_update::"char"
            and found.confmatchtype = 's'
            and found.convalidated
            and not exists (
                select from pg_trigger where tgconstraint = found.oid and tgenabled not in ('O', 'A')
            )
    )
    union all
    select 'more than one constraint on these columns'
    where (
        select count(*)
        from pg_constraint as found
        where found.conrelid = live.child_oid
            and found.contype = 'f'
            and found.conparentid = 0
            and found.conkey @> live.child_numbers
            and found.conkey <@ live.child_numbers
    ) > 1
    union all
    select 'no valid index of the declared name begins with the columns'
    where not exists (
        select
        from pg_index as found
        join pg_class as index_class on index_class.oid = found.indexrelid
        where found.indrelid = live.child_oid
            and index_class.relname = coalesce(live.index_name, index_class.relname)
            and found.indisvalid
            and found.indpred is null
            and (found.indkey::smallint[])[0:cardinality(live.child_numbers) - 1] @> live.child_numbers
    )
    union all
    select 'a required column may be null'
    where live.required
        and exists (
            select
            from pg_attribute as attribute
            where attribute.attrelid = live.child_oid
                and attribute.attnum = any(live.child_numbers)
                and not attribute.attnotnull
        )
) as problem;

select 'public.feature_flags.feature_flags_created_by_fkey' as relation, count(*) as orphans
from only public.feature_flags as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.teams.teams_created_by_fkey' as relation, count(*) as orphans
from only public.teams as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.feature_flag_overrides.feature_flag_overrides_flag_id_fkey' as relation, count(*) as orphans
from only public.feature_flag_overrides as child
where not exists (select from only public.feature_flags as parent where parent.id = child.flag_id)
having count(*) > 0;

select 'public.feature_flag_overrides.feature_flag_overrides_user_id_fkey' as relation, count(*) as orphans
from only public.feature_flag_overrides as child
where child.user_id is not null and not exists (select from only auth.users as parent where parent.id = child.user_id)
having count(*) > 0;

select 'public.feature_flag_overrides.feature_flag_overrides_team_id_fkey' as relation, count(*) as orphans
from only public.feature_flag_overrides as child
where child.team_id is not null and not exists (select from only public.teams as parent where parent.id = child.team_id)
having count(*) > 0;

select 'public.feature_flag_overrides.feature_flag_overrides_created_by_fkey' as relation, count(*) as orphans
from only public.feature_flag_overrides as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.projects.projects_team_id_fkey' as relation, count(*) as orphans
from only public.projects as child
where child.team_id is not null and not exists (select from only public.teams as parent where parent.id = child.team_id)
having count(*) > 0;

select 'public.projects.projects_created_by_fkey' as relation, count(*) as orphans
from only public.projects as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.mixtures.mixtures_project_id_fkey' as relation, count(*) as orphans
from only public.mixtures as child
where child.project_id is not null and not exists (select from only public.projects as parent where parent.id = child.project_id)
having count(*) > 0;

select 'public.mixtures.mixtures_team_id_fkey' as relation, count(*) as orphans
from only public.mixtures as child
where child.team_id is not null and not exists (select from only public.teams as parent where parent.id = child.team_id)
having count(*) > 0;

select 'public.mixtures.mixtures_created_by_fkey' as relation, count(*) as orphans
from only public.mixtures as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.molecules.molecules_project_id_fkey' as relation, count(*) as orphans
from only public.molecules as child
where child.project_id is not null and not exists (select from only public.projects as parent where parent.id = child.project_id)
having count(*) > 0;

select 'public.molecules.molecules_team_id_fkey' as relation, count(*) as orphans
from only public.molecules as child
where child.team_id is not null and not exists (select from only public.teams as parent where parent.id = child.team_id)
having count(*) > 0;

select 'public.molecules.molecules_created_by_fkey' as relation, count(*) as orphans
from only public.molecules as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.experiments.experiments_project_id_fkey' as relation, count(*) as orphans
from only public.experiments as child
where child.project_id is not null and not exists (select from only public.projects as parent where parent.id = child.project_id)
having count(*) > 0;

select 'public.experiments.experiments_team_id_fkey' as relation, count(*) as orphans
from only public.experiments as child
where child.team_id is not null and not exists (select from only public.teams as parent where parent.id = child.team_id)
having count(*) > 0;

select 'public.experiments.experiments_mixture_id_fkey' as relation, count(*) as orphans
from only public.experiments as child
where child.mixture_id is not null and not exists (select from only public.mixtures as parent where parent.id = child.mixture_id)
having count(*) > 0;

select 'public.experiments.experiments_molecule_id_fkey' as relation, count(*) as orphans
from only public.experiments as child
where child.molecule_id is not null and not exists (select from only public.molecules as parent where parent.id = child.molecule_id)
having count(*) > 0;

select 'public.experiments.experiments_created_by_fkey' as relation, count(*) as orphans
from only public.experiments as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.experiment_properties.experiment_properties_experiment_id_fkey' as relation, count(*) as orphans
from only public.experiment_properties as child
where not exists (select from only public.experiments as parent where parent.id = child.experiment_id)
having count(*) > 0;

select 'public.experiment_properties.experiment_properties_created_by_fkey' as relation, count(*) as orphans
from only public.experiment_properties as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.lab_verifications.lab_verifications_experiment_id_fkey' as relation, count(*) as orphans
from only public.lab_verifications as child
where not exists (select from only public.experiments as parent where parent.id = child.experiment_id)
having count(*) > 0;

select 'public.lab_verifications.lab_verifications_verifier_fkey' as relation, count(*) as orphans
from only public.lab_verifications as child
where child.verifier is not null and not exists (select from only auth.users as parent where parent.id = child.verifier)
having count(*) > 0;

select 'public.lab_verifications.lab_verifications_created_by_fkey' as relation, count(*) as orphans
from only public.lab_verifications as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.mixture_components.mixture_components_mixture_id_fkey' as relation, count(*) as orphans
from only public.mixture_components as child
where not exists (select from only public.mixtures as parent where parent.id = child.mixture_id)
having count(*) > 0;

select 'public.mixture_components.mixture_components_molecule_id_fkey' as relation, count(*) as orphans
from only public.mixture_components as child
where not exists (select from only public.molecules as parent where parent.id = child.molecule_id)
having count(*) > 0;

select 'public.mixture_components.mixture_components_created_by_fkey' as relation, count(*) as orphans
from only public.mixture_components as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.predictions.predictions_model_version_id_fkey' as relation, count(*) as orphans
from only public.predictions as child
where not exists (select from only public.model_versions as parent where parent.id = child.model_version_id)
having count(*) > 0;

select 'public.predictions.predictions_team_id_fkey' as relation, count(*) as orphans
from only public.predictions as child
where child.team_id is not null and not exists (select from only public.teams as parent where parent.id = child.team_id)
having count(*) > 0;

select 'public.predictions.predictions_molecule_id_fkey' as relation, count(*) as orphans
from only public.predictions as child
where child.molecule_id is not null and not exists (select from only public.molecules as parent where parent.id = child.molecule_id)
having count(*) > 0;

select 'public.predictions.predictions_mixture_id_fkey' as relation, count(*) as orphans
from only public.predictions as child
where child.mixture_id is not null and not exists (select from only public.mixtures as parent where parent.id = child.mixture_id)
having count(*) > 0;

select 'public.predictions.predictions_created_by_fkey' as relation, count(*) as orphans
from only public.predictions as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.shared_content.shared_content_project_id_fkey' as relation, count(*) as orphans
from only public.shared_content as child
where child.project_id is not null and not exists (select from only public.projects as parent where parent.id = child.project_id)
having count(*) > 0;

select 'public.shared_content.shared_content_molecule_id_fkey' as relation, count(*) as orphans
from only public.shared_content as child
where child.molecule_id is not null and not exists (select from only public.molecules as parent where parent.id = child.molecule_id)
having count(*) > 0;

select 'public.shared_content.shared_content_mixture_id_fkey' as relation, count(*) as orphans
from only public.shared_content as child
where child.mixture_id is not null and not exists (select from only public.mixtures as parent where parent.id = child.mixture_id)
having count(*) > 0;

select 'public.shared_content.shared_content_experiment_id_fkey' as relation, count(*) as orphans
from only public.shared_content as child
where child.experiment_id is not null and not exists (select from only public.experiments as parent where parent.id = child.experiment_id)
having count(*) > 0;

select 'public.shared_content.shared_content_shared_with_user_id_fkey' as relation, count(*) as orphans
from only public.shared_content as child
where child.shared_with_user_id is not null and not exists (select from only auth.users as parent where parent.id = child.shared_with_user_id)
having count(*) > 0;

select 'public.shared_content.shared_content_shared_with_team_id_fkey' as relation, count(*) as orphans
from only public.shared_content as child
where child.shared_with_team_id is not null and not exists (select from only public.teams as parent where parent.id = child.shared_with_team_id)
having count(*) > 0;

select 'public.shared_content.shared_content_created_by_fkey' as relation, count(*) as orphans
from only public.shared_content as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.training_jobs.training_jobs_model_version_id_fkey' as relation, count(*) as orphans
from only public.training_jobs as child
where child.model_version_id is not null and not exists (select from only public.model_versions as parent where parent.id = child.model_version_id)
having count(*) > 0;

select 'public.training_jobs.training_jobs_created_by_fkey' as relation, count(*) as orphans
from only public.training_jobs as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;

select 'public.user_profiles.user_profiles_user_id_fkey' as relation, count(*) as orphans
from only public.user_profiles as child
where not exists (select from only auth.users as parent where parent.id = child.user_id)
having count(*) > 0;

select 'public.user_team_membership.user_team_membership_user_id_fkey' as relation, count(*) as orphans
from only public.user_team_membership as child
where not exists (select from only auth.users as parent where parent.id = child.user_id)
having count(*) > 0;

select 'public.user_team_membership.user_team_membership_team_id_fkey' as relation, count(*) as orphans
from only public.user_team_membership as child
where not exists (select from only public.teams as parent where parent.id = child.team_id)
having count(*) > 0;

select 'public.user_team_membership.user_team_membership_role_id_fkey' as relation, count(*) as orphans
from only public.user_team_membership as child
where not exists (select from only public.team_roles as parent where parent.id = child.role_id)
having count(*) > 0;

select 'public.user_team_membership.user_team_membership_created_by_fkey' as relation, count(*) as orphans
from only public.user_team_membership as child
where child.created_by is not null and not exists (select from only auth.users as parent where parent.id = child.created_by)
having count(*) > 0;
