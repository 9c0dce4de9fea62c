-- What the policies ask about the caller: each is called once per query, never once per row.
-- Types are written with their schema, because an empty search_path still looks for types among temporary ones first.

create or replace function private.my_teams(permission text) returns setof uuid
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
    return query
    select membership.team_id
    from public.user_team_membership as membership
    join public.team_roles as role on role.id = membership.role_id
    where membership.user_id = (select auth.uid())
        and case permission
            when 'view' then role.can_view
            when 'create' then role.can_create
            when 'update' then role.can_update
            when 'delete' then role.can_delete
            when 'manage_members' then role.can_manage_members
            when 'view_verifications' then role.can_view_verifications
            when 'update_verifications' then role.can_update_verifications
            when 'own' then role.can_manage_members and role.name = 'owner'
            else false
        end;
end
$$;
comment on function private.my_teams(text) is 'Teams in which the caller''s role has the permission; none for an unknown one.';

create or replace function private.share_holds(
    sharer uuid, item_team uuid, item_owner uuid
) returns boolean
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
    -- A share is worth what its sharer may do today, so that nobody prepares access for the time after he leaves.
    -- Without a sharer it was put there by the service role, which answers for itself.
    if sharer is null then
        return true;
    end if;
    if item_team is null then
        return coalesce(sharer = item_owner, false);
    end if;
    return exists (
        select
        from public.user_team_membership as membership
        join public.team_roles as role on role.id = membership.role_id
        where membership.user_id = sharer
            and membership.team_id = item_team
            and (role.can_update or (role.can_create and sharer = item_owner))
    );
end
$$;
comment on function private.share_holds(uuid, uuid, uuid) is 'Whether the sharer of an item may share it now.';

create or replace function private.my_shared(kind text, permission text) returns setof uuid
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
    me constant pg_catalog.uuid := auth.uid();
    teams constant pg_catalog.uuid[] := array(
        select private.my_teams(case permission when 'update' then 'update' else 'view' end)
    );
begin
    case kind
        when 'project' then
            return query
            select item.id
            from public.shared_content as share
            join public.projects as item on item.id = share.project_id
            where (share.shared_with_user_id = me or share.shared_with_team_id = any (teams))
                and (permission = 'view' or (permission = 'update' and share.can_update))
                and private.share_holds(share.created_by, item.team_id, item.created_by);
        when 'molecule' then
            return query
            select item.id
            from public.shared_content as share
            join public.molecules as item on item.id = share.molecule_id
            where (share.shared_with_user_id = me or share.shared_with_team_id = any (teams))
                and (permission = 'view' or (permission = 'update' and share.can_update))
                and private.share_holds(share.created_by, item.team_id, item.created_by);
        when 'mixture' then
            return query
            select item.id
            from public.shared_content as share
            join public.mixtures as item on item.id = share.mixture_id
            where (share.shared_with_user_id = me or share.shared_with_team_id = any (teams))
                and (permission = 'view' or (permission = 'update' and share.can_update))
                and private.share_holds(share.created_by, item.team_id, item.created_by);
        when 'experiment' then
            return query
            select item.id
            from public.shared_content as share
            join public.experiments as item on item.id = share.experiment_id
            where (share.shared_with_user_id = me or share.shared_with_team_id = any (teams))
                and (permission = 'view' or (permission = 'update' and share.can_update))
                and private.share_holds(share.created_by, item.team_id, item.created_by);
    end case;
end
$$;
comment on function private.my_shared(text, text) is 'Items of one kind that are shared with the caller or with a team of his.';

create or replace function private.my_shared_projects() returns table (project_id uuid, holder_id uuid)
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
    return query
    select item.id, coalesce(item.team_id, item.created_by)
    from public.projects as item
    where item.id in (select private.my_shared('project', 'view'));
end
$$;
comment on function private.my_shared_projects() is
    'Projects shared with the caller, and whose rows in them the share opens: the team''s, or the owner''s without one.';

create or replace function private.my_controlled_shares() returns setof uuid
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
    me constant pg_catalog.uuid := auth.uid();
    update_teams constant pg_catalog.uuid[] := array(select private.my_teams('update'));
    create_teams constant pg_catalog.uuid[] := array(select private.my_teams('create'));
begin
    return query
    select share.id
    from public.projects as item
    join public.shared_content as share on share.project_id = item.id
    where item.team_id = any (update_teams)
        or (item.created_by = me and (item.team_id is null or item.team_id = any (create_teams)))
    union all
    select share.id
    from public.molecules as item
    join public.shared_content as share on share.molecule_id = item.id
    where item.team_id = any (update_teams)
        or (item.created_by = me and (item.team_id is null or item.team_id = any (create_teams)))
    union all
    select share.id
    from public.mixtures as item
    join public.shared_content as share on share.mixture_id = item.id
    where item.team_id = any (update_teams)
        or (item.created_by = me and (item.team_id is null or item.team_id = any (create_teams)))
    union all
    select share.id
    from public.experiments as item
    join public.shared_content as share on share.experiment_id = item.id
    where item.team_id = any (update_teams)
        or (item.created_by = me and (item.team_id is null or item.team_id = any (create_teams)));
end
$$;
comment on function private.my_controlled_shares() is 'Shares of items that the caller may share himself.';

create or replace function private.role_rank(name text) returns integer
language sql immutable parallel safe set search_path = '' as $$
    select array_position(array['viewer', 'member', 'admin', 'owner'], name)
$$;
comment on function private.role_rank(text) is 'Order of the roles; null for a name that is none of them.';

create or replace function private.my_grants() returns table (team_id uuid, role_id uuid)
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
    return query
    select membership.team_id, granted.id
    from public.user_team_membership as membership
    join public.team_roles as mine on mine.id = membership.role_id and mine.can_manage_members
    join public.team_roles as granted on private.role_rank(granted.name) <= private.role_rank(mine.name)
    where membership.user_id = (select auth.uid());
end
$$;
comment on function private.my_grants() is 'Roles that the caller may give and take in each team: none above his own.';

create or replace function private.my_teammates() returns setof uuid
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
    return query
    select membership.user_id
    from public.user_team_membership as membership
    where membership.team_id in (select private.my_teams('view'));
end
$$;
comment on function private.my_teammates() is 'People in the teams that the caller may see.';
