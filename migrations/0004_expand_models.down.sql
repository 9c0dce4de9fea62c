-- Removes predictions, training jobs and model versions with their rows.

drop table public.predictions, public.training_jobs, public.model_versions;
