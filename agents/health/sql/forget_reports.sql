-- Removes what is older than it is kept for.
delete from public.health_reports where created_at < now() - make_interval(days => %(days)s)
