"""What the backup's pods are told: the agent's settings, and pgbackrest.conf of the database's side; no secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agents.runtime.names import APP_BACKUP, APP_OBJECT_STORE, APP_POSTGRES, PORT_OBJECT_STORE, PORT_PGBACKREST

if TYPE_CHECKING:
    from infra.backup_sections import Backup

STANZA = "main"
BUCKET = "backups"
DATA = "/var/lib/postgresql/data/pgdata"
SOCKETS = "/var/run/postgresql"
TLS_FOLDER = "/run/secrets/backup-tls"
KEYS_FOLDER = "/run/secrets/backup-store"
CIPHER_FOLDER = "/run/secrets/backup-cipher"
CIPHER_ENTRY = "passphrase"
PRIVATE_FOLDER = "/run/pgbackrest"
SETTINGS_FOLDER = "/etc/cryo-backup"
SETTINGS_FILE = "settings.json"
CONFIG_FOLDER = "/etc/pgbackrest"
CONFIG_FILE = "pgbackrest.conf"
SPOOL = "/var/spool/pgbackrest"
VOLUME_FOLDER = "/var/lib/pgbackrest"


def agent_settings(backup: Backup) -> str:
    """Return the agent's settings file."""
    document = {
        "stanza": STANZA,
        "folder": PRIVATE_FOLDER,
        "data": DATA,
        "socket": SOCKETS,
        "host": APP_POSTGRES,
        "host_config": f"{CONFIG_FOLDER}/{CONFIG_FILE}",
        "tls": TLS_FOLDER,
        "serve_to": APP_POSTGRES,
        "near": _repository(backup),
        "retention": backup.retention.model_dump() | {"time_zone": backup.time_zone},
        "limit_s": backup.deadline_s,
        "rpo_budget_s": backup.archive_timeout_s,
    }
    return json.dumps(document, indent=2, sort_keys=True)


def _repository(backup: Backup) -> dict[str, object]:
    repository = backup.repository
    cipher: dict[str, object] = {"cipher_key_file": f"{CIPHER_FOLDER}/{CIPHER_ENTRY}", "key_id": "backup-cipher"}
    if repository.volume is not None:
        return {"path": VOLUME_FOLDER} | cipher
    if repository.s3 is not None:
        outside = repository.s3
        return cipher | {
            "bucket": outside.bucket,
            "endpoint": outside.endpoint,
            "region": outside.region,
            "path": outside.path,
            "path_style": outside.path_style,
            "keys": KEYS_FOLDER,
        }
    return cipher | {
        "bucket": BUCKET,
        # The port is part of what is signed.
        "endpoint": f"{APP_OBJECT_STORE}:{PORT_OBJECT_STORE}",
        "path": "/main",
        "keys": KEYS_FOLDER,
        "ca_file": f"{TLS_FOLDER}/ca.crt",
    }


def database_config(backup: Backup) -> str:
    """Return pgbackrest.conf of the database's pod, which sends WAL to the repository host and knows no key."""
    queue = backup.queue_max.replace("i", "iB")
    lines = [
        "[global]",
        f"repo1-host={APP_BACKUP}",
        "repo1-host-type=tls",
        f"repo1-host-port={PORT_PGBACKREST}",
        f"repo1-host-config={PRIVATE_FOLDER}/{CONFIG_FILE}",
        f"repo1-host-ca-file={TLS_FOLDER}/ca.crt",
        f"repo1-host-cert-file={TLS_FOLDER}/tls.crt",
        f"repo1-host-key-file={TLS_FOLDER}/tls.key",
        "archive-async=y",
        f"archive-push-queue-max={queue}",
        f"spool-path={SPOOL}",
        "compress-type=zst",
        "compress-level=3",
        "process-max=2",
        "lock-path=/tmp/pgbackrest",
        "log-level-file=off",
        "tls-server-address=*",
        f"tls-server-port={PORT_PGBACKREST}",
        f"tls-server-ca-file={TLS_FOLDER}/ca.crt",
        f"tls-server-cert-file={TLS_FOLDER}/tls.crt",
        f"tls-server-key-file={TLS_FOLDER}/tls.key",
        f"tls-server-auth={APP_BACKUP}={STANZA}",
        f"[{STANZA}]",
        f"pg1-path={DATA}",
        f"pg1-socket-path={SOCKETS}",
        "pg1-user=postgres",
    ]
    return "\n".join(lines) + "\n"


def server_arguments(backup: Backup) -> list[str]:
    """Return what PostgreSQL is started with so that it archives."""
    settings = {
        "archive_mode": "on",
        "archive_command": f"/usr/bin/pgbackrest --stanza={STANZA} archive-push %p",
        "archive_timeout": f"{backup.archive_timeout_s}s",
    }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
