"""Speaks to the database as PostgREST does: logs in as authenticator, becomes the token's role, sets its claims."""

# ruff: noqa: S608 - statements are made of our own words; whole statements are what is tested

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from oracle import Oracle
from psycopg import errors as pg
from world import _ORDER, Row, World, make_id

ANON, SERVICE = "anon", "service_role"
_MARK = re.compile(r"<<([a-z_]+):(\w+)>>")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Rows without a text of their own; nothing else ever names these ids.
_UNNAMED = ("mixture_components", "shared_content", "user_team_membership")
_QUIET = {"updated_at"}


@dataclass(frozen=True)
class Claimant:
    """A token: the role it becomes and what it claims."""

    role: str
    claims: dict[str, Any]

    @property
    def user(self) -> str | None:
        return self.claims.get("sub") if self.role == "authenticated" else None

    def become(self) -> str:
        claims = json.dumps(self.claims).replace("'", "''")
        return (
            "set local session authorization authenticator; "
            f"set local role {self.role}; "
            f"select set_config('request.jwt.claims', '{claims}', true)"
        )


def token(who: str) -> Claimant:
    """The token of a person of the world, of nobody, or of the service."""
    if who in {ANON, SERVICE}:
        return Claimant(who, {"role": who})
    return Claimant("authenticated", {"sub": make_id(who), "role": "authenticated"})


@dataclass
class Outcome:
    """What one statement did."""

    rowcount: int = 0
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    error: psycopg.Error | None = None
    notices: list[str] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        return isinstance(self.error, pg.InsufficientPrivilege) or (self.error is None and self.rowcount <= 0)

    @property
    def told(self) -> str:
        """Everything that the caller could read."""
        said = "" if self.error is None else f"{self.error} {self.error.diag.message_detail}"
        return f"{self.rows} {self.notices} {said}"


State = dict[tuple[str, str], dict[str, Any]]


class Database:
    """One connection in one transaction that is never committed; every statement is undone."""

    def __init__(self, conn: psycopg.Connection, world: World) -> None:
        self.conn, self.world, self.oracle = conn, world, Oracle(world)
        self._notices: list[str] = []
        conn.add_notice_handler(lambda diagnostic: self._notices.append(diagnostic.message_primary or ""))
        parts = [f"select '{table}' as t, to_jsonb(r) as j from public.{table} as r" for table in _ORDER]
        self._read_state = " union all ".join(parts)
        self.refresh()

    def refresh(self) -> None:
        self.planted = self.read_state()

    def read_state(self) -> State:
        found: State = {}
        for table, row in self.conn.execute(self._read_state.encode()):
            key = row["user_id"] if table == "user_profiles" else row["id"]
            found[table, str(key)] = row
        return found

    def attempt(self, who: Claimant, sql: str, *, before: str = "", look: bool = False) -> tuple[Outcome, State]:
        """Run one statement as somebody and undo it; with `look`, read what it left as the superuser."""
        self._notices.clear()
        outcome, state = Outcome(), self.planted
        self.conn.execute(f"savepoint attempt; {before + ';' if before else ''} {who.become()}".encode())
        try:
            cursor = self.conn.execute(sql.encode())
            more: bool | None = True
            while more:
                outcome.rowcount = cursor.rowcount
                outcome.rows += cursor.fetchall() if cursor.description else []
                more = cursor.nextset()
            if look:
                self.conn.execute("reset role; reset session authorization")
                state = self.read_state()
        except psycopg.Error as error:
            outcome.error = error
        self.conn.execute("rollback to savepoint attempt; release savepoint attempt")
        outcome.notices = list(self._notices)
        return outcome, state

    def leaks_read(self, who: Claimant, sql: str, outcome: Outcome) -> list[str]:
        """Marks and ids in the answer of rows that the caller may not see."""
        told = outcome.told
        seen = {match for match in _MARK.findall(told) if f"<<{match[0]}:{match[1]}>>" not in sql}
        rows = [self.world.find(table, name) for table, name in seen]
        ids = set(_UUID.findall(told)) - set(_UUID.findall(sql))
        rows += [row for table in _UNNAMED for row in self.world.rows[table] if row.key in ids]
        return [f"saw {row.table} {row.name}" for row in rows if not self.oracle.sees(who.user, row)]

    def leaks_write(self, who: Claimant, after: State) -> list[str]:
        """Changes of rows that the caller may not make; foreign-key actions of what he may delete are his right."""
        before = self.planted
        gone = before.keys() - after.keys()
        rightly_gone = {key for key in gone if self._may(who, key, self.oracle.deletes)}
        leaks = [f"deleted {key}" for key in gone - rightly_gone if not self._follows(before[key], rightly_gone)]
        leaks += [
            f"inserted {key}: {after[key]}"
            for key in after.keys() - before.keys()
            if not (self.oracle.inserts(who.user, key[0], after[key]) or self._is_first_owner(who, key, before, after))
        ]
        for key in before.keys() & after.keys():
            changed = {column for column in after[key] if after[key][column] != before[key][column]} - _QUIET
            if changed and not self._may_change(who, key, after[key], changed, gone):
                leaks.append(f"changed {key}: {sorted(changed)}")
        return leaks

    def _row(self, key: tuple[str, str]) -> Row:
        """The row as it stands in the database, which has every column."""
        return Row(key[0], key[1], self.planted[key])

    def _may(self, who: Claimant, key: tuple[str, str], ask: Callable[[str | None, Row], bool]) -> bool:
        return ask(who.user, self._row(key))

    def _may_change(
        self, who: Claimant, key: tuple[str, str], after: dict[str, Any], changed: set[str], gone: Iterable[Any]
    ) -> bool:
        if all(after[column] is None and self._names(self.planted[key][column], gone) for column in changed):
            return True
        return self.oracle.may_turn_into(who.user, self._row(key), after, changed=changed)

    def _follows(self, row: dict[str, Any], gone: Iterable[tuple[str, str]]) -> bool:
        """Whether a row refers to a deleted one, so that ON DELETE took it along."""
        return any(self._names(value, gone) for column, value in row.items() if column != "id")

    @staticmethod
    def _names(value: Any, gone: Iterable[tuple[str, str]]) -> bool:
        return value is not None and any(key == str(value) for _, key in gone)

    @staticmethod
    def _is_first_owner(who: Claimant, key: tuple[str, str], before: State, after: State) -> bool:
        row = after[key]
        return (
            key[0] == "user_team_membership"
            and row["user_id"] == who.user
            and ("teams", row["team_id"]) not in before
            and ("teams", row["team_id"]) in after
        )
