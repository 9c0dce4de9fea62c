-- What a policy cannot say, because it never sees the old and the new row together.

create or replace function private.keep_created_by() returns trigger
language plpgsql set search_path = '' as $$
begin
    -- Foreign-key actions and the service role are not under the policies; they may clear or correct it.
    if row_security_active(tg_relid) then
        raise exception 'created_by of %.% cannot be changed', tg_table_schema, tg_table_name
            using errcode = 'insufficient_privilege', hint = 'Leave created_by out of the update.';
    end if;
    return new;
end
$$;
comment on function private.keep_created_by() is 'Refuses a change of created_by by anybody who is under the policies.';

create or replace function private.keep_place() returns trigger
language plpgsql set search_path = '' as $$
declare
    permission constant pg_catalog.text := tg_argv[0];
    me constant pg_catalog.uuid := auth.uid();
begin
    if not row_security_active(tg_relid) then
        return new;
    end if;
    if not coalesce(
        old.team_id in (select private.my_teams(permission))
        or (old.created_by = me and (old.team_id is null or old.team_id in (select private.my_teams('create')))),
        false
    ) then
        raise exception 'this row of %.% may not be moved by you', tg_table_schema, tg_table_name
            using errcode = 'insufficient_privilege', hint = 'Ask its owner, or an admin of its team.';
    end if;
    if new.team_id is distinct from old.team_id
        and new.team_id is not null
        and new.team_id not in (select private.my_teams('create')) then
        raise exception 'rows of %.% may not be moved there by you', tg_table_schema, tg_table_name
            using errcode = 'insufficient_privilege', hint = 'The target team must let you create.';
    end if;
    return new;
end
$$;
comment on function private.keep_place() is
    'Lets only the owner, or a role with the given permission, move a row to another team or project.';

create or replace function private.keep_reference_visible() returns trigger
language plpgsql set search_path = '' as $$
declare
    target_table constant pg_catalog.text := tg_argv[0];
    target_id constant pg_catalog.uuid := to_jsonb(new) ->> tg_argv[1];
    is_visible pg_catalog.bool;
begin
    if target_id is null or not row_security_active(tg_relid) then
        return new;
    end if;
    -- Runs as the caller, so a row that he may not see is the same as one that is not there.
    execute format('select exists (select from public.%I where id = $1)', target_table) into is_visible using target_id;
    if not is_visible then
        raise exception '%.% names a row that you cannot see', tg_table_name, tg_argv[1]
            using errcode = 'insufficient_privilege', hint = 'Name a row that a SELECT returns to you.';
    end if;
    return new;
end
$$;
comment on function private.keep_reference_visible() is
    'Refuses a changed reference to a row that the caller cannot see; unchanged ones may point anywhere.';

create or replace function private.own_new_team() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.user_team_membership (user_id, team_id, role_id, created_by)
    select new.created_by, new.id, role.id, new.created_by
    from public.team_roles as role
    where role.name = 'owner'
    on conflict do nothing;
    return null;
end
$$;
comment on function private.own_new_team() is 'Makes the creator of a team its first owner.';

create or replace function private.keep_last_owner() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    owner_role constant pg_catalog.uuid := (select role.id from public.team_roles as role where role.name = 'owner');
begin
    if old.role_id is distinct from owner_role then
        return null;
    end if;
    -- Two owners who leave at once meet at this row: the second waits, then counts, or fails to serialize.
    update public.teams set updated_at = now() where id = old.team_id;
    if not found then
        return null;
    end if;
    -- An account may always be deleted; the service role then names the next owner.
    if not exists (select from auth.users where id = old.user_id) then
        return null;
    end if;
    if not exists (
        select from public.user_team_membership where team_id = old.team_id and role_id = owner_role
    ) then
        raise exception 'team % would be left without an owner', old.team_id
            using errcode = 'check_violation', hint = 'Make somebody else owner first, or delete the team.';
    end if;
    return null;
end
$$;
comment on function private.keep_last_owner() is 'Refuses to take the last owner from a team that stays.';

revoke all on all functions in schema private from public, anon, authenticated;
