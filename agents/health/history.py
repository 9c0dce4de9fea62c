"""The reports that are kept in the database."""

from datetime import datetime
from typing import cast

import msgspec

from agents.health.errors import ReportUnknownError
from agents.health.findings import Report, Status
from agents.health.reports import Entry, StoredReport, compare_reports
from agents.runtime.clock import format_rfc3339
from agents.runtime.postgres import Database, Session, load_queries

# Cited: the check on public.health_reports.status, which knows four words.
_STORED = {
    Status.OK: "ok",
    Status.INFO: "ok",
    Status.WARN: "warn",
    Status.CRITICAL: "crit",
    Status.UNKNOWN: "unknown",
    Status.SKIPPED: "unknown",
}
LIST_LIMIT = 100


class History:
    """The table of reports in one database."""

    def __init__(self, database: Database) -> None:
        """Remember where the table is."""
        self._database = database
        self._queries = load_queries("agents.health")

    def keep(self, report: Report, *, days: int) -> int:
        """Store a report and remove those that are older than `days`; return its number."""
        told = {
            "profile": report.profile,
            "status": _STORED[report.status],
            "duration_ms": round(report.duration_ms),
            "report": msgspec.json.encode(report).decode(),
        }

        def work(session: Session) -> int:
            row = session.fetch_one(self._queries["store_report"], told)
            session.execute(self._queries["forget_reports"], {"days": days})
            return cast("int", cast("tuple[object, ...]", row)[0])

        return self._database.transact("keep_report", work)

    def list_reports(self, *, until: int | None = None, limit: int = LIST_LIMIT) -> tuple[Entry, ...]:
        """Return the newest reports first.

        Args:
            until: the newest number that is wanted; None means all.
            limit: how many.
        """
        rows = self._database.fetch_all(self._queries["list_reports"], {"until": until, "limit": limit})
        return tuple(
            Entry(
                id=cast("int", number),
                created_at=format_rfc3339(cast("datetime", created_at)),
                profile=str(profile),
                status=Status(str(status)),
                duration_ms=cast("int", duration_ms),
                found=cast("dict[str, int]", found),
            )
            for number, created_at, profile, status, duration_ms, found in rows
        )

    def read(self, number: int) -> StoredReport:
        """Return one report.

        Raises:
            ReportUnknownError: there is none of that number, or no longer.
        """
        row = self._database.fetch_one(self._queries["read_report"], {"id": number})
        if row is None:
            message = f"there is no report {number}; the list names those that are kept"
            raise ReportUnknownError(message)
        report = msgspec.convert(row[0], Report)
        before = None if row[1] is None else msgspec.convert(row[1], Report)
        return StoredReport(number, report, None if before is None else compare_reports(before, report))
