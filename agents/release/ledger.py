"""The database beside a release: is there a verified backup, and what became of each release."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources

from structlog.typing import FilteringBoundLogger

from agents.release.gates import is_downgrade, judge_downgrade
from agents.release.record import ReleaseRecord
from agents.release.states import Phase, has_promoted
from agents.release.verdicts import Finding, Verdict
from agents.runtime.clock import Clock, Deadline, format_rfc3339
from agents.runtime.errors import DatabaseRefusedError, SettingsError
from agents.runtime.names import APP_RELEASE, SessionName
from agents.runtime.postgres import Connection, open_connection
from agents.runtime.settings import DatabaseSettings, Identity

# Cited: issue 6, level 3 is the first at which the backup was restored into an instance of its own.
MIN_VERIFIED_LEVEL = 3
# Chosen: the database is no part of the way that traffic takes; a release waits for it this long and no longer.
_CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One release as public.release_history keeps it."""

    release_id: str
    phase: str
    from_colour: str | None
    to_colour: str
    from_version: str | None
    to_version: str
    reasons: list[str]
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The platform's database, when the release was told where it is."""

    settings: DatabaseSettings | None
    identity: Identity
    clock: Clock
    log: FilteringBoundLogger

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], clock: Clock, log: FilteringBoundLogger) -> "Ledger":
        """Read CRYO_DB_*; without CRYO_DB_HOST there is no ledger."""
        settings = DatabaseSettings.from_environ(environ) if environ.get("CRYO_DB_HOST") else None
        return cls(settings, Identity.from_environ(environ), clock, log)

    def find_backup(self, max_age_s: float) -> Finding:
        """Ask for a backup that was restored once and is at most so old; no database is no proof."""
        if self.settings is None:
            return Finding(Verdict.INCONCLUSIVE, ("backup: CRYO_DB_HOST names no database to ask",))
        now = self.clock.now()
        facts = {"level": MIN_VERIFIED_LEVEL, "since": now - timedelta(seconds=max_age_s), "now": now}
        try:
            with self._connect(self.settings) as conn:
                row = conn.execute(_sql("verified_backup"), facts).fetchone()
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing is proven
            return Finding(Verdict.INCONCLUSIVE, (f"backup: the catalogue does not answer ({error})",))
        if row is None:
            told = f"backup: none of the last {max_age_s / 3600:.1f} h is verified to level {MIN_VERIFIED_LEVEL}"
            return Finding(Verdict.FAIL, (f"{told} in public.backup_catalogue; take and verify one",))
        label, level, finished_at = row
        when = format_rfc3339(finished_at) if isinstance(finished_at, datetime) else finished_at
        return Finding(Verdict.PASS, (f"backup {label}, verified to level {level}, finished {when}",))

    def find_contracts(self, since: datetime) -> tuple[str, ...] | None:
        """Return contract migrations applied since a moment; None when there is no database to ask.

        Raises:
            AgentError: the database does not answer; a rollback must not guess.
        """
        if self.settings is None:
            return None
        with self._connect(self.settings) as conn:
            rows = conn.execute(_sql("contracts_since"), {"since": since}).fetchall()
        return tuple(str(row[0]) for row in rows)

    def judge_downgrade(self, app: str, new: str, old: str) -> Finding:
        """Say whether the schema still fits a version that is older than the live one; no answer is no proof."""
        if self.settings is None or not is_downgrade(new, old):
            return judge_downgrade(new, old, None if self.settings is None else ())
        try:
            with self._connect(self.settings) as conn:
                facts = {"app": app, "version": new}
                rows = conn.execute(_sql("contracts_after_version"), facts).fetchall()
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing is proven
            return Finding(Verdict.INCONCLUSIVE, (f"schema: the database does not answer ({error})",))
        return judge_downgrade(new, old, tuple(str(row[0]) for row in rows))

    def read_history(self, app: str, limit: int) -> list[HistoryRow]:
        """Return releases that promoted or ended, newest first.

        Raises:
            SettingsError: CRYO_DB_* names no database.
            AgentError: the database does not answer.
        """
        if self.settings is None:
            message = (
                "CRYO_DB_HOST is not set; the history is in the database, `cryo release status` shows the last one"
            )
            raise SettingsError(message)
        with self._connect(self.settings) as conn:
            rows = conn.execute(_sql("read_history"), {"app": app, "limit": limit}).fetchall()
        return [_history_row(row) for row in rows]

    def write_history(self, record: ReleaseRecord) -> None:
        """Write the row of a release that promoted or ended; a failure is logged and is no reason to stop a release."""
        # Never on the way to a moved or restored route: a database that does not answer would hold it up.
        if self.settings is None or not (record.is_over or record.phase is Phase.PROMOTED):
            return
        try:
            with self._connect(self.settings) as conn:
                conn.execute(_sql("write_history"), history_row(record, git_sha=self.identity.git_sha))
        except Exception as error:  # noqa: BLE001 - the record in the ConfigMap is the truth, the row its copy
            self.log.warning("release.history.failed", release_id=record.release_id, reason=str(error))

    def _connect(self, settings: DatabaseSettings) -> Connection:
        session = SessionName(APP_RELEASE, self.identity.colour, self.identity.version)
        return open_connection(settings, session, deadline=Deadline.after(_CONNECT_S, self.clock), log=self.log)


def history_row(record: ReleaseRecord, *, git_sha: str) -> dict[str, object]:
    """Return the columns of a release's row.

    A promotion is told as `promoted` from then on: a contract migration counts its rollback window from that moment.
    """
    promoted = has_promoted(record.phase)
    ended_at = record.entered(Phase.PROMOTED) if promoted else None
    if record.is_over and ended_at is None:
        ended_at = datetime.fromisoformat(record.transitions[-1].at)
    return {
        "release_id": record.release_id,
        "app": record.app,
        "from_colour": record.source.value,
        "to_colour": record.target.value,
        "from_version": record.versions.get(record.source),
        "to_version": record.versions.get(record.target, "unknown"),
        "git_sha": git_sha or None,
        "phase": Phase.PROMOTED.value if promoted else record.phase.value,
        "reasons": json.dumps(list(record.transitions[-1].because)),
        "started_at": datetime.fromisoformat(record.transitions[0].at),
        "finished_at": ended_at,
    }


def _sql(name: str) -> bytes:
    return resources.files("agents.release").joinpath("sql", f"{name}.sql").read_bytes()


def _history_row(row: tuple[object, ...]) -> HistoryRow:
    release_id, phase, from_colour, to_colour, from_version, to_version, reasons, started_at, finished_at = row
    if not isinstance(started_at, datetime) or not isinstance(reasons, list):
        message = f"public.release_history: the row of {release_id} has another shape; migrate the database"
        raise DatabaseRefusedError(message)
    return HistoryRow(
        release_id=str(release_id),
        phase=str(phase),
        from_colour=None if from_colour is None else str(from_colour),
        to_colour=str(to_colour),
        from_version=None if from_version is None else str(from_version),
        to_version=str(to_version),
        reasons=[str(each) for each in reasons],
        started_at=started_at,
        finished_at=finished_at if isinstance(finished_at, datetime) else None,
    )
