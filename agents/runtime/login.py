"""Lets the role of a service log in, as the owner of the schema; the service itself never has that password."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from agents.runtime.clock import Deadline, SystemClock
from agents.runtime.logs import Redactor
from agents.runtime.names import SessionName
from agents.runtime.postgres import allow_role_login, open_connection
from agents.runtime.settings import DatabaseSettings, Identity, read_secret

# Chosen: a database that is just restarting is back within it.
_CONNECT_S = 120.0


@dataclass(frozen=True, slots=True)
class RoleLogin:
    """Whose role it is, and where its password is."""

    agent: str
    role: str
    password_file: Path


def let_role_log_in(
    login: RoleLogin, environ: Mapping[str, str], *, log: FilteringBoundLogger, redactor: Redactor
) -> None:
    """Set the role's password to the file's; running it again sets it again.

    Raises:
        SettingsError: the file holds no password, or CRYO_DB_* is wrong.
        DatabaseRefusedError: there is no such role, or ours may not change it.
        DatabaseUnavailableError: no connection within two minutes.
    """
    password = read_secret(login.password_file, setting="--password-file")
    redactor.add(password)
    settings, identity = DatabaseSettings.from_environ(environ), Identity.from_environ(environ)
    own_password = settings.read_password()
    if own_password is not None:
        redactor.add(own_password)
    session = SessionName(login.agent, identity.colour, identity.version)
    with open_connection(settings, session, deadline=Deadline.after(_CONNECT_S, SystemClock()), log=log) as conn:
        allow_role_login(conn, login.role, password)
