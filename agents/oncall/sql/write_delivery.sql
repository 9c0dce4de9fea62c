-- Writes what became of a message, unless somebody else has taken it over since.
update oncall.deliveries
set state = %(state)s, attempts = %(attempts)s, unknowns = %(unknowns)s, not_before = %(not_before)s,
    claimed_at = %(claimed_at)s, finished_at = %(finished_at)s, error = %(error)s
where id = %(id)s and state = %(held_state)s and attempts = %(held_attempts)s
