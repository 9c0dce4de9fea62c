-- One usable experiment for each of two families, one that needs a density, one not done, one without a number.
insert into public.molecules (id, name, smiles) values
    ('00000000-0000-4000-8000-000000000001', 'glycerol', 'OCC(O)CO'), ('00000000-0000-4000-8000-000000000002', 'DMSO', 'CS(C)=O');
insert into public.mixtures (id, name) values ('00000000-0000-4000-8000-000000000003', 'ten percent'), (gen_random_uuid(), 'molal');
insert into public.mixture_components (mixture_id, molecule_id, amount, amount_unit)
    select id, '00000000-0000-4000-8000-000000000002', 10, case name when 'molal' then 'mol/kg' else '%v/v' end from public.mixtures;
insert into public.experiments (name, molecule_id, mixture_id, status, performed_at)
    select 'tg of glycerol', '00000000-0000-4000-8000-000000000001'::uuid, null::uuid, 'done', '2026-03-01 12:00+00'::timestamptz
    union all select 'viability', null, '00000000-0000-4000-8000-000000000003', 'done', '2026-03-02 12:00+00'
    union all select 'molal', null, id, 'done', '2026-03-02 12:00+00' from public.mixtures where name = 'molal'
    union all select 'planned', null, '00000000-0000-4000-8000-000000000003', 'planned', null
    union all select 'text', null, '00000000-0000-4000-8000-000000000003', 'done', '2026-03-03 12:00+00';
insert into public.experiment_properties (experiment_id, name, numeric_value, text_value, unit)
    select id,
        case name when 'tg of glycerol' then 'glass_transition_temperature' else 'post_thaw_viability' end,
        case name when 'tg of glycerol' then 190 when 'text' then null else 70 end,
        case name when 'text' then 'alive' end,
        case name when 'tg of glycerol' then 'K' else '%' end
    from public.experiments;
insert into public.experiment_properties (experiment_id, name, numeric_value, unit)
    select id, 'osmolality', 1.2, 'osm' from public.experiments;
