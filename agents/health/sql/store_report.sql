-- Keeps one report and gives its number.
insert into public.health_reports (profile, status, duration_ms, report)
values (%(profile)s, %(status)s, %(duration_ms)s, %(report)s::text::jsonb)
returning id, created_at
