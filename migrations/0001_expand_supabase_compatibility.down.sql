-- Removes the stand-in, never Supabase's own schema; roles stay, because other databases of the cluster may use them.

do $$
begin
    if obj_description(to_regnamespace('auth'), 'pg_namespace') like 'CryoProtect stand-in%' then
        drop schema auth cascade;
    end if;
end
$$;
