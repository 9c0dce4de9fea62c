"""pgbackrest.conf of the repository host, rendered from typed settings.

Secrets are read from their files when the configuration is written; they are in that file, which only its owner can
read, and in no argument list and no environment.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.backup.errors import KeyWrongError
from agents.backup.repositories import PosixStore, Repositories, Repository, S3Store
from agents.runtime.errors import SettingsError
from agents.runtime.settings import read_secret

# Cited: pgBackRest, "retention-full": the largest value; nothing expires by the engine's own rules.
_KEEP_ALL = 9_999_999
# Cited: pgBackRest's default port of the TLS server.
TLS_PORT = 8432
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Who we are to the other side of a TLS connection, and whom we trust."""

    ca: Path
    certificate: Path
    key: Path
    """Readable by its owner alone, or pgBackRest refuses it."""


@dataclass(frozen=True, slots=True)
class DatabaseHost:
    """The database server as seen from the repository host."""

    data: Path
    """Data folder on the database's side."""
    socket: Path
    """Folder of the unix socket on the database's side."""
    user: str = "postgres"
    host: str | None = None
    """Where its pgBackRest TLS server listens; None when the data folder is on this machine."""
    config: Path = Path("/etc/pgbackrest/pgbackrest.conf")
    """Configuration file on the database's side, used with a host."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Everything that a configuration file says."""

    stanza: str
    repositories: Repositories
    database: DatabaseHost
    folder: Path
    """Private folder of the agent for the configuration file, locks and spool; on a volume in memory."""
    tls: TlsFiles | None = None
    """Needed when the database has a host, and to serve other hosts."""
    serve_to: str | None = None
    """Common name of the certificate that may reach this repository host; None serves nobody."""
    process_max: int = 2
    """Processes that compress and transfer; one per core is what gains."""
    compress_level: int = 3
    """Of zstd. Chosen: research/postgres.md, 0.35x of the size is reached at 3."""

    @property
    def config_file(self) -> Path:
        """Where the rendered file lies."""
        return self.folder / "pgbackrest.conf"


def render_config(settings: EngineSettings, secrets: dict[Path, str]) -> str:
    """Return the text of the file.

    Args:
        settings: what to say.
        secrets: content of every secret file that the settings name.
    """
    lines = ["[global]", *_global(settings)]
    for number, repository in settings.repositories.numbered:
        lines += [f"repo{number}-{line}" for line in _repository(repository, secrets)]
    lines += [f"[{settings.stanza}]", *_database(settings)]
    return "\n".join(lines) + "\n"


def write_config(settings: EngineSettings) -> Path:
    """Write the file so that only its owner reads it, and replace an older one at once.

    Raises:
        KeyWrongError: a secret's file is missing or empty; nothing was written.
    """
    try:
        secrets = {path: read_secret(path, setting="repository") for path in secret_files(settings.repositories)}
    except SettingsError as error:
        raise KeyWrongError(str(error)) from error
    text = render_config(settings, secrets)
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = settings.config_file.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w") as file:
        file.write(text)
    beside.rename(settings.config_file)
    return settings.config_file


def secret_files(repositories: Repositories) -> list[Path]:
    """Return every file whose content goes into the configuration."""
    found: list[Path] = []
    for _, repository in repositories.numbered:
        if isinstance(repository.store, S3Store):
            found += [repository.store.key_id_file, repository.store.key_file]
        if repository.cipher_key_file is not None:
            found.append(repository.cipher_key_file)
    return found


def _global(settings: EngineSettings) -> Iterator[str]:
    yield from (
        "compress-type=zst",
        f"compress-level={settings.compress_level}",
        f"process-max={settings.process_max}",
        "start-fast=y",
        # A run that was killed leaves its session; the next one ends it instead of failing.
        "stop-auto=y",
        "expire-auto=n",
        "log-level-file=off",
        f"lock-path={settings.folder / 'lock'}",
        f"spool-path={settings.folder / 'spool'}",
    )
    if settings.tls is not None and settings.serve_to is not None:
        yield from (
            "tls-server-address=*",
            f"tls-server-port={TLS_PORT}",
            f"tls-server-ca-file={settings.tls.ca}",
            f"tls-server-cert-file={settings.tls.certificate}",
            f"tls-server-key-file={settings.tls.key}",
            f"tls-server-auth={settings.serve_to}={settings.stanza}",
        )


def _repository(repository: Repository, secrets: dict[Path, str]) -> Iterator[str]:
    store = repository.store
    if isinstance(store, PosixStore):
        yield from ("type=posix", f"path={store.path}")
    else:
        yield from (
            "type=s3",
            f"path={store.path}",
            f"s3-bucket={store.bucket}",
            f"s3-endpoint={store.endpoint}",
            f"s3-region={store.region}",
            f"s3-uri-style={'path' if store.path_style else 'host'}",
            f"s3-key={secrets[store.key_id_file]}",
            f"s3-key-secret={secrets[store.key_file]}",
        )
        if store.ca_file is not None:
            yield f"storage-ca-file={store.ca_file}"
    if repository.cipher_key_file is not None:
        yield from ("cipher-type=aes-256-cbc", f"cipher-pass={secrets[repository.cipher_key_file]}")
    yield from ("block=y", "bundle=y", f"retention-full={_KEEP_ALL}")


def _database(settings: EngineSettings) -> Iterator[str]:
    database = settings.database
    yield from (f"pg1-path={database.data}", f"pg1-socket-path={database.socket}", f"pg1-user={database.user}")
    if database.host is not None and settings.tls is not None:
        yield from (
            f"pg1-host={database.host}",
            "pg1-host-type=tls",
            f"pg1-host-port={TLS_PORT}",
            f"pg1-host-config={database.config}",
            f"pg1-host-ca-file={settings.tls.ca}",
            f"pg1-host-cert-file={settings.tls.certificate}",
            f"pg1-host-key-file={settings.tls.key}",
        )
