-- Shares of the v2 table shared_items whose item and receiver exist and that were not copied yet.
with source as (
    select
        case when item_type = 'project' then item_id end as project_id,
        case when item_type = 'molecule' then item_id end as molecule_id,
        case when item_type = 'mixture' then item_id end as mixture_id,
        case when item_type = 'experiment' then item_id end as experiment_id,
        shared_with_user_id,
        shared_with_team_id,
        (select users.id from auth.users where users.id = shared_items.created_by) as created_by,
        coalesce(created_at, now()) as created_at
    from public.shared_items
)
select *
from source
where num_nonnulls(shared_with_user_id, shared_with_team_id) = 1
    and (
        exists (select from public.projects where id = source.project_id)
        or exists (select from public.molecules where id = source.molecule_id)
        or exists (select from public.mixtures where id = source.mixture_id)
        or exists (select from public.experiments where id = source.experiment_id)
    )
    and (
        exists (select from auth.users where id = source.shared_with_user_id)
        or exists (select from public.teams where id = source.shared_with_team_id)
    )
    and not exists (
        select
        from public.shared_content as known
        where (known.project_id, known.molecule_id, known.mixture_id, known.experiment_id,
                known.shared_with_user_id, known.shared_with_team_id)
            is not distinct from (source.project_id, source.molecule_id, source.mixture_id, source.experiment_id,
                source.shared_with_user_id, source.shared_with_team_id)
    )
