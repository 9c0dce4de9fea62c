-- Removes the scientific data with its rows.

drop table public.shared_content, public.lab_verifications, public.experiment_properties, public.experiments,
    public.mixture_components, public.mixtures, public.molecules, public.projects;
