-- Measured properties of finished experiments with what was measured, oldest first.
select
    experiment.id::text,
    property.id,
    (experiment.performed_at at time zone 'UTC')::date,
    property.name,
    property.numeric_value::float8,
    property.unit,
    case
        when experiment.molecule_id is not null then jsonb_build_array(jsonb_build_object(
            'name', molecule.name, 'smiles', molecule.smiles, 'amount', 1.0, 'unit', 'mol/mol'
        ))
        else (
            select coalesce(jsonb_agg(jsonb_build_object(
                'name', part.name, 'smiles', part.smiles,
                'amount', component.amount::float8, 'unit', component.amount_unit
            ) order by component.id), '[]'::jsonb)
            from public.mixture_components as component
            join public.molecules as part on part.id = component.molecule_id
            where component.mixture_id = experiment.mixture_id
        )
    end
from public.experiments as experiment
join public.experiment_properties as property on property.experiment_id = experiment.id
left join public.molecules as molecule on molecule.id = experiment.molecule_id
where
    experiment.status = 'done'
    and property.name = any(%(properties)s)
    and (%(since)s::date is null or experiment.performed_at >= %(since)s::date)
order by experiment.performed_at nulls last, experiment.id, property.id
limit %(limit)s;
