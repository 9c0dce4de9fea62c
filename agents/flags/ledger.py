"""Writes a change of a flag, with its actor and reason in the audit log of the same transaction; reads both back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import msgspec

from agents.flags.changes import Change, FlagState, SetOverride, plan_change
from agents.runtime.postgres import Database, Query, Session, load_queries


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes a flag, and why; both go into the audit log."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit log."""

    occurred_at: datetime
    actor: str
    action: str
    table: str
    flag: str
    reason: str
    before: Mapping[str, object]
    after: Mapping[str, object]


class FlagLedger:
    """The flags of one database, to be changed."""

    def __init__(self, database: Database) -> None:
        """Prepare; nothing is asked yet."""
        self._database = database
        self._queries = load_queries("agents.flags")

    def read_flags(self, name: str | None = None) -> tuple[FlagState, ...]:
        """Return all flags, or the one of that name."""
        return self._database.read("flags_list", lambda session: self._read(session, name))

    def preview(self, name: str, change: Change) -> tuple[FlagState | None, FlagState | None]:
        """Return the flag before and after a change, without making it."""

        def look(session: Session) -> tuple[FlagState | None, FlagState | None]:
            return self._plan(session, name, change)

        return self._database.read("flags_preview", look)

    def change(self, name: str, change: Change, author: Author) -> tuple[FlagState | None, FlagState | None]:
        """Make a change; return the flag before and after. Nothing is written when they are the same.

        Raises:
            CommitUnknownError: the connection broke while the change was committed.
        """

        def work(session: Session) -> tuple[FlagState | None, FlagState | None]:
            session.fetch_one(self._queries["lock_flag"], {"name": name})
            before, after = self._plan(session, name, change)
            if before != after:
                session.execute(self._queries["set_actor"], {"actor": author.actor, "reason": author.reason})
                query, parameters = self._statement(name, before, after, change)
                session.execute(query, parameters)
            return before, after

        # Attempted once: repeated after a lost answer, a removal would say that there is nothing to remove.
        return self._database.transact("flags_change", work)

    def read_history(self, name: str | None, limit: int) -> tuple[Entry, ...]:
        """Return the latest changes, newest first."""
        rows = self._database.fetch_all(self._queries["read_history"], {"name": name, "limit": limit})
        return tuple(
            Entry(
                occurred_at=cast("datetime", row[0]),
                actor=str(row[1]),
                action=str(row[2]),
                table=str(row[3]),
                flag=str(row[4]),
                reason=str(row[5] or ""),
                before=json.loads(str(row[6])) if row[6] else {},
                after=json.loads(str(row[7])) if row[7] else {},
            )
            for row in rows
        )

    def _read(self, session: Session, name: str | None) -> tuple[FlagState, ...]:
        rows = session.fetch_all(self._queries["read_flags"], {"name": name})
        return tuple(msgspec.json.decode(str(row[0]), type=FlagState) for row in rows)

    def _plan(self, session: Session, name: str, change: Change) -> tuple[FlagState | None, FlagState | None]:
        flags = {flag.name: flag for flag in self._read(session, None)}
        before = flags.get(name)
        return before, plan_change(name, before, change, flags)

    def _statement(
        self, name: str, before: FlagState | None, after: FlagState | None, change: Change
    ) -> tuple[Query, dict[str, object]]:
        if after is None:
            return self._queries["remove_flag"], {"name": name}
        if not isinstance(change, SetOverride):
            return self._queries["write_flag"], {
                "name": name,
                "description": after.description,
                "enabled": after.enabled,
                "rollout_percent": after.rollout_percent,
            }
        receiver = change.receiver
        parameters = {"name": name, "kind": receiver.kind, "id": receiver.id, "enabled": change.enabled}
        if change.enabled is None:
            return self._queries["remove_override"], parameters
        overrides = before.overrides if before else ()
        known = any((each.kind, each.id) == (receiver.kind, receiver.id) for each in overrides)
        return self._queries["change_override" if known else "add_override"], {**parameters, "reason": change.reason}
