-- One row per release, from its first phase to its last.
insert into public.release_history (
    release_id, app, from_colour, to_colour, from_version, to_version, git_sha, phase, reasons, started_at, finished_at
) values (
    %(release_id)s, %(app)s, %(from_colour)s, %(to_colour)s, %(from_version)s, %(to_version)s, %(git_sha)s, %(phase)s,
    %(reasons)s::jsonb, %(started_at)s, %(finished_at)s
)
on conflict (release_id) do update set
    phase = excluded.phase,
    reasons = excluded.reasons,
    finished_at = excluded.finished_at
