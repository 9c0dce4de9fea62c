"""The environment, read once into frozen values; secrets come from files, never from variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from agents.runtime.errors import SettingsError
from agents.runtime.names import PORT_POSTGRES, Colour

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Identity:
    """Which build speaks: it goes into application_name, the migration history and the release record."""

    colour: Colour | None
    """Slot this process belongs to; None outside both."""
    version: str
    """Version of the release; `dev` outside one."""
    git_sha: str
    """Commit of the build; empty when unknown."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read CRYO_COLOUR, CRYO_VERSION and CRYO_GIT_SHA."""
        raw = environ.get("CRYO_COLOUR", "")
        if raw and raw not in set(Colour):
            message = f"CRYO_COLOUR is {raw!r}; set it to blue or green, or leave it out"
            raise SettingsError(message)
        return cls(
            colour=Colour(raw) if raw else None,
            version=environ.get("CRYO_VERSION", "") or "dev",
            git_sha=environ.get("CRYO_GIT_SHA", ""),
        )


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where PostgreSQL is and who we are there."""

    host: str
    """Host name, address, or folder of a unix socket."""
    port: int
    """TCP port, 1 to 65535."""
    name: str
    """Database name."""
    user: str
    """Role to log in as; it owns the schema."""
    password_file: Path | None
    """File with the password on its first line; None for peer or trust authentication."""
    sslmode: str
    """One of libpq's modes; `prefer` because the embedded database has no certificate."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the CRYO_DB_* variables.

        Raises:
            SettingsError: a variable is missing or out of range; the message names it.
        """
        host = environ.get("CRYO_DB_HOST", "")
        if not host:
            message = "CRYO_DB_HOST is not set; set it to the database's host name or socket folder"
            raise SettingsError(message)
        sslmode = environ.get("CRYO_DB_SSLMODE", "prefer")
        if sslmode not in SSL_MODES:
            message = f"CRYO_DB_SSLMODE is {sslmode!r}; use one of {', '.join(SSL_MODES)}"
            raise SettingsError(message)
        password_file = environ.get("CRYO_DB_PASSWORD_FILE", "")
        return cls(
            host=host,
            port=_parse_port(environ.get("CRYO_DB_PORT", str(PORT_POSTGRES))),
            name=environ.get("CRYO_DB_NAME", "") or "cryoprotect",
            user=environ.get("CRYO_DB_USER", "") or "postgres",
            password_file=Path(password_file) if password_file else None,
            sslmode=sslmode,
        )

    def read_password(self) -> str | None:
        """Return the password, or None when no file is configured.

        Raises:
            SettingsError: the file cannot be read or holds nothing.
        """
        if self.password_file is None:
            return None
        return read_secret(self.password_file, setting="CRYO_DB_PASSWORD_FILE")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How to reach the Kubernetes API."""

    in_cluster: bool
    """Use the pod's service account."""
    kubeconfig: Path | None
    """Configuration file outside a pod; None means the client's default place."""
    context: str | None
    """Context in that file; None means its current one."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read KUBERNETES_SERVICE_HOST (set in every pod), KUBECONFIG and CRYO_KUBE_CONTEXT."""
        kubeconfig = environ.get("KUBECONFIG", "")
        return cls(
            in_cluster=bool(environ.get("KUBERNETES_SERVICE_HOST", "")) and not kubeconfig,
            kubeconfig=Path(kubeconfig) if kubeconfig else None,
            context=environ.get("CRYO_KUBE_CONTEXT", "") or None,
        )


def choose_actor(environ: Mapping[str, str]) -> str:
    """Name who runs the command: CRYO_ACTOR, else the login name, else the number of the operating system's user."""
    return environ.get("CRYO_ACTOR") or environ.get("USER") or environ.get("LOGNAME") or f"uid {os.getuid()}"


def read_secret(path: Path, *, setting: str) -> str:
    """Return the first line of a secret file.

    Args:
        path: the file, usually a mounted Kubernetes secret.
        setting: the variable that named it, for the error message.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{setting}: {path} cannot be read ({error.__class__.__name__}); mount the secret there"
        raise SettingsError(message) from error
    secret = text.split("\n", 1)[0].rstrip("\r")
    if not secret:
        message = f"{setting}: {path} holds an empty first line; put the secret there"
        raise SettingsError(message)
    return secret


def _parse_port(raw: str) -> int:
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw) <= _MAX_PORT:
        message = f"CRYO_DB_PORT is {raw!r}; set it to a number from 1 to {_MAX_PORT}"
        raise SettingsError(message)
    return int(raw)
