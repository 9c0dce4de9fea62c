"""The verbs of `cryo flags`, from settings to an answer that a person or a machine can read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from agents.flags.changes import Change, FlagState, describe
from agents.flags.errors import FlagChangeError, FlagUnknownError
from agents.flags.ledger import Author, Entry, FlagLedger
from agents.runtime.clock import format_rfc3339
from agents.runtime.login import RoleLogin, let_role_log_in
from agents.runtime.logs import Redactor
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import APP_FLAGS, ROLE_FLAGS, SessionName
from agents.runtime.postgres import Database, PoolSettings, Surroundings, Target
from agents.runtime.settings import DatabaseSettings, Identity, choose_actor

# Columns that change with every row and tell nobody anything.
_NOISE = frozenset({"id", "flag_id", "created_at", "updated_at", "created_by"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did."""

    data: Mapping[str, object]
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Command:
    """One invocation with everything it needs from outside."""

    environ: Mapping[str, str]
    log: FilteringBoundLogger
    redactor: Redactor


def list_flags(command: Command) -> Answer:
    """Show every flag in one line."""
    with _open(command) as ledger:
        flags = ledger.read_flags()
    lines = [f"{flag.name}: {describe(flag)}" for flag in flags]
    return Answer({"flags": [_plain(flag) for flag in flags]}, lines or ["no flags; make one with `cryo flags set`"])


def show_flag(command: Command, name: str) -> Answer:
    """Show one flag with its exceptions.

    Raises:
        FlagUnknownError: there is no such flag.
    """
    with _open(command) as ledger:
        flags = ledger.read_flags(name)
    if not flags:
        message = f"no flag is named {name!r}; `cryo flags list` shows all"
        raise FlagUnknownError(message)
    [flag] = flags
    lines = [f"{flag.name}: {describe(flag)}", *([flag.description] if flag.description else [])]
    lines += [f"{each.kind} {each.id} {'on' if each.enabled else 'off'}: {each.reason}" for each in flag.overrides]
    return Answer({"flag": _plain(flag)}, lines)


def change_flag(command: Command, name: str, change: Change, *, reason: str, dry_run: bool) -> Answer:
    """Make a change, or say what it would do."""
    if not reason.strip():
        message = "--reason is empty; say why, the audit log keeps it"
        raise FlagChangeError(message)
    author = Author(choose_actor(command.environ), reason)
    with _open(command) as ledger:
        before, after = ledger.preview(name, change) if dry_run else ledger.change(name, change, author)
    done = "would change" if dry_run else "changed"
    verdict = "unchanged" if before == after else done
    if verdict == "changed":
        command.log.info("flags.change.applied", flag=name, actor=author.actor, reason=reason, after=describe(after))
    lines = [f"before: {describe(before)}", f"after:  {describe(after)}", f"{name} {verdict}"]
    return Answer({"flag": name, "verdict": verdict, "before": _plain(before), "after": _plain(after)}, lines)


def show_history(command: Command, name: str | None, limit: int) -> Answer:
    """Show who changed what, newest first."""
    with _open(command) as ledger:
        entries = ledger.read_history(name, limit)
    data = [{**asdict(each), "occurred_at": format_rfc3339(each.occurred_at)} for each in entries]
    return Answer({"changes": data}, [_history_line(each) for each in entries] or ["no changes"])


def allow_login(command: Command, password_file: Path) -> Answer:
    """Let the service's role log in; running it again sets the file's password again."""
    let_role_log_in(
        RoleLogin(APP_FLAGS, ROLE_FLAGS, password_file), command.environ, log=command.log, redactor=command.redactor
    )
    return Answer({"role": ROLE_FLAGS}, [f"{ROLE_FLAGS} may log in"])


@contextmanager
def _open(command: Command) -> Iterator[FlagLedger]:
    identity = Identity.from_environ(command.environ)
    target = Target(
        DatabaseSettings.from_environ(command.environ),
        SessionName(APP_FLAGS, identity.colour, identity.version),
        command.redactor,
    )
    metrics, around = DatabaseMetrics(CollectorRegistry()), Surroundings(log=command.log)
    with Database(target, PoolSettings(max_size=1), metrics=metrics, around=around) as database:
        yield FlagLedger(database)


def _plain(flag: FlagState | None) -> object:
    return msgspec.to_builtins(flag)


def _history_line(entry: Entry) -> str:
    kind = "" if entry.table == "feature_flags" else " exception"
    keys = [key for key in {**entry.before, **entry.after} if key not in _NOISE]
    changed = [
        f"{key} {entry.before.get(key)} -> {entry.after.get(key)}"
        for key in sorted(keys)
        if entry.before.get(key) != entry.after.get(key)
    ]
    told = f"{format_rfc3339(entry.occurred_at)}  {entry.actor}  {entry.action}{kind} {entry.flag}"
    return f"{told}: {entry.reason or 'no reason'}; {', '.join(changed)}"
