"""Reads experiments through the one door to PostgreSQL, in a transaction that the server itself holds to reading."""

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from agents.runtime.logs import Redactor
from agents.runtime.metrics import DatabaseMetrics
from agents.runtime.names import SessionName
from agents.runtime.postgres import Database, PoolSettings, Surroundings, Target, load_queries
from agents.runtime.settings import DatabaseSettings, Identity
from cryo.experiments.export import Found
from model_server.experiments.ledger import MAX_ROWS
from model_server.experiments.row import PROPERTIES

_AGENT = "data"
_QUERY = load_queries("cryo.experiments")["read_experiments"]


def read_experiments(environ: Mapping[str, str], log: FilteringBoundLogger, *, since: date | None) -> list[Found]:
    """Read what the role may see of finished experiments.

    Args:
        environ: holds CRYO_DB_*.
        log: told about retries.
        since: first day; None for all.

    Raises:
        SettingsError: CRYO_DB_* is incomplete (permanent).
        DatabaseRefusedError: the server refused the query or the role (permanent).
        DatabaseUnavailableError: nobody answered (temporary).
    """
    identity = Identity.from_environ(environ)
    session = SessionName(_AGENT, identity.colour, identity.version)
    target = Target(DatabaseSettings.from_environ(environ), session, Redactor())
    metrics, around = DatabaseMetrics(CollectorRegistry()), Surroundings(log=log)
    parameters = {"properties": list(PROPERTIES), "since": since, "limit": MAX_ROWS}
    with Database(target, PoolSettings(max_size=1, read_only=True), metrics=metrics, around=around) as database:
        rows = database.fetch_all(_QUERY, parameters)
    return [Found(*cast("tuple[Any, ...]", row)) for row in rows]
