"""Carries out a plan: one mender at a time, each step told to the audit log before and after, and looked at again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.health.errors import AuditMissingError, MenderBusyError, PlanChangedError, StandbyRefusedError
from agents.health.findings import Outcome
from agents.health.fixes import Mended, Step, plan_fixes
from agents.runtime.clock import Clock
from agents.runtime.errors import AgentError
from agents.runtime.postgres import Connection, as_our_error, load_queries

# Chosen: counters of a finished statement arrive within a second; what is still found then is still there.
_LOOKS, _PAUSE_S = 6, 0.5


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who wants what done."""

    hash: str
    objects: Sequence[str]
    actor: str
    request_id: str | None = None


def apply_fixes(
    conn: Connection, assignment: Assignment, look: Callable[[Sequence[str]], Sequence[Outcome]], *, clock: Clock
) -> tuple[Mended, ...]:
    """Do what the hash names, if that is still what would be done.

    Args:
        conn: a session of its own in autocommit mode, as a role that owns the tables.
        assignment: the hash of the plan, and for whom.
        look: asks some checks again by id, all when none is named.
        clock: for durations and the wait for counters.

    Raises:
        StandbyRefusedError: the server is a standby.
        AuditMissingError: there is no audit log that this role may write.
        MenderBusyError: another fix is running.
        PlanChangedError: the plan is another one by now.
    """
    _take_turn(conn)
    plan = plan_fixes(look(()), assignment.objects)
    if plan.hash != assignment.hash:
        message = (
            f"the plan has changed: it is {plan.hash[:12]} now, not {assignment.hash[:12]}; look at it again first"
        )
        raise PlanChangedError(message)
    return tuple(_mend(conn, step, assignment, look, clock) for step in plan.steps)


def _take_turn(conn: Connection) -> None:
    with as_our_error("prepare a fix", remedy="check the role's rights"):
        row = conn.execute(load_queries("agents.health")["mender"].text).fetchone()
        conn.execute(load_queries("agents.health")["mender_limits"].text)
    standby, may_record, alone = row if row is not None else (True, False, False)
    if standby:
        message = "the server is a standby; ask the primary"
        raise StandbyRefusedError(message)
    if not may_record:
        message = "public.audit_log is not there or not ours to write; apply the migrations, fix as the schema's owner"
        raise AuditMissingError(message)
    if not alone:
        message = "another fix runs on this database; wait for it and look again"
        raise MenderBusyError(message)


def _mend(
    conn: Connection,
    step: Step,
    assignment: Assignment,
    look: Callable[[Sequence[str]], Sequence[Outcome]],
    clock: Clock,
) -> Mended:
    began_s = clock.monotonic()
    _record(conn, step, assignment, action="health.fix.started", outcome="")
    error: str | None = None
    mended = False
    try:
        with as_our_error(f"fix {step.object}", remedy="see the server's log"):
            conn.execute(step.sql.encode())
        mended = _look_again(step, look, clock)
    except AgentError as failure:
        error = str(failure)
    outcome = "mended" if mended else (error or "the check still finds it")
    _record(conn, step, assignment, action="health.fix.finished", outcome=outcome)
    return Mended(step, mended, round((clock.monotonic() - began_s) * 1000, 3), error)


def _look_again(step: Step, look: Callable[[Sequence[str]], Sequence[Outcome]], clock: Clock) -> bool:
    for _ in range(_LOOKS):
        [outcome] = look([step.check])
        if outcome.reason is None and all(each.object != step.object for each in outcome.findings):
            return True
        clock.sleep(_PAUSE_S)
    return False


def _record(conn: Connection, step: Step, assignment: Assignment, *, action: str, outcome: str) -> None:
    told = {
        "action": action,
        "object": step.object,
        "check": step.check,
        "sql": step.sql,
        "actor": assignment.actor,
        "outcome": outcome,
        "request_id": assignment.request_id,
    }
    with as_our_error("write the audit log", remedy="check the role's rights"):
        conn.execute(load_queries("agents.health")["record_fix"].text, told)
