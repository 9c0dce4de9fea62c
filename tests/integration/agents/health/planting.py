"""The way from a planted defect to what a check says of it."""

import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from prometheus_client import CollectorRegistry

from agents.health.definition import Check, Profile
from agents.health.examine import Order, ask_check, read_facts
from agents.health.findings import Outcome
from agents.health.registry import load_checks
from agents.health.settings import HealthSettings
from agents.runtime.clock import Deadline, SystemClock
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.postgres import Session, load_queries

SCHEMA = Path(__file__).resolve().parents[4] / "migrations" / "schema.sql"
PLANTS = Path(__file__).parent / "plants"
PLANT_FILE = re.compile(r"\A/\*\n(?P<head>.*?)\n\*/\n(?P<body>.*)\Z", re.DOTALL)


@dataclass(frozen=True)
class Plant:
    """A defect: how the database looks without it and with it, and what must be found."""

    check: str
    expect: tuple[str, ...]
    clean_sql: str
    defect_sql: str
    undo_sql: str
    mode: str = "transaction"
    clean: dict[str, Any] = field(default_factory=dict)
    defect: dict[str, Any] = field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    icu: bool = False
    """Needs a server that was built with ICU."""
    pretend: tuple[str, ...] = ()
    """Extensions that nobody can install here; their row in the catalogue is all that the check asks for."""


def read_plants() -> dict[str, Plant]:
    return {
        check: _read_plant(check, path.read_text(encoding="utf-8"))
        for path in sorted(PLANTS.glob("*/*.sql"))
        for check in [f"{path.parent.name}.{path.stem}"]
    }


def _read_plant(check: str, text: str) -> Plant:
    found = PLANT_FILE.match(text)
    assert found is not None, check
    body, _, undo = found["body"].partition("-- @undo\n")
    clean, _, defect = body.partition("-- @defect\n")
    head = tomllib.loads(found["head"])
    return Plant(check, tuple(head.pop("expect")), clean, defect, undo, **head)


def ask(conn: psycopg.Connection, check_id: str, change: dict[str, Any] | None = None) -> Outcome:
    """Ask one check over a connection, and leave nothing of the asking behind."""
    change = dict(change or {})
    age_s = change.pop("statistics_age_s", None)
    check = adjust(load_checks()[check_id], change)
    session = Session(conn, DatabaseMetrics(CollectorRegistry()), SystemClock())
    with conn.transaction(force_rollback=True):
        session.fetch_one(load_queries("agents.health")["prepare_session"])
        facts = read_facts(session, [check])
        if age_s is not None:
            facts = replace(facts, statistics_age_s=age_s)
        order = Order(
            Profile.FULL, [check], layout=HealthSettings.from_environ({"CRYO_HEALTH_SCHEMA": str(SCHEMA)}).layout
        )
        return ask_check(session, check, facts, order, Deadline.after(60, SystemClock()))


def adjust(check: Check, change: dict[str, Any]) -> Check:
    """Give a check other numbers, as a deployment may."""
    parameters = {**check.parameters, **change.get("parameters", {})}
    limits = check.threshold
    if "warn" in change:
        assert limits is not None
        limits = msgspec.structs.replace(limits, warn=change["warn"], critical=None)
    return msgspec.structs.replace(check, threshold=limits, parameters=parameters)


def objects(outcome: Outcome) -> list[str]:
    return sorted(each.object for each in outcome.findings)
