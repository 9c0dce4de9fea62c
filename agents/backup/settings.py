"""What the agent is told: one JSON file without secrets, checked against types; CRYO_BACKUP_SETTINGS names it."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agents.backup.errors import SettingsInvalidError
from agents.backup.pgbackrest.config import DatabaseHost, EngineSettings, TlsFiles
from agents.backup.repositories import PosixStore, Repositories, Repository, S3Store
from agents.backup.retention import RetentionRules
from agents.backup.settings_file import read_settings_file

VARIABLE = "CRYO_BACKUP_SETTINGS"


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One repository: `path` for a folder, or `bucket` with the rest for S3."""

    path: str = "/"
    """Folder on a volume, or in the bucket."""
    bucket: str | None = None
    endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = True
    ca_file: str | None = None
    keys: str | None = None
    """Folder with the files `key-id` and `key`."""
    cipher_key_file: str | None = None
    key_id: str = ""

    def repository(self) -> Repository:
        """Return the typed store."""
        cipher = Path(self.cipher_key_file) if self.cipher_key_file else None
        if self.bucket is None:
            return Repository(PosixStore(Path(self.path)), cipher, self.key_id)
        if self.keys is None:
            message = f"bucket {self.bucket} has no keys; name the folder with the files key-id and key"
            raise SettingsInvalidError(message)
        keys = Path(self.keys)
        store = S3Store(
            bucket=self.bucket,
            endpoint=self.endpoint,
            region=self.region,
            key_id_file=keys / "key-id",
            key_file=keys / "key",
            path=self.path,
            path_style=self.path_style,
            ca_file=Path(self.ca_file) if self.ca_file else None,
        )
        return Repository(store, cipher, self.key_id)


class KeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files with the keys of manifests and proofs, in PEM."""

    signing_key: str
    trusted_keys: str


class RetentionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Counts and days as in the environment file."""

    hourly: int
    daily: int
    weekly: int
    monthly: int
    yearly: int
    window_days: int
    min_fulls: int
    time_zone: str

    def rules(self) -> RetentionRules:
        """Return the typed rules."""
        try:
            zone = ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            message = f"retention.time_zone {self.time_zone!r} is not known; use a name such as Europe/Berlin"
            raise SettingsInvalidError(message) from error
        return RetentionRules(
            self.hourly, self.daily, self.weekly, self.monthly, self.yearly,
            timedelta(days=self.window_days), self.min_fulls, zone,
        )  # fmt: skip


class BackupSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    stanza: str
    folder: str
    """Private folder in memory for configuration with secrets, locks and spool."""
    data: str
    """Data folder on the database's side."""
    socket: str
    host: str | None = None
    """Where the database's pgBackRest server listens; None when it is on this machine."""
    host_config: str = "/etc/pgbackrest/pgbackrest.conf"
    tls: str | None = None
    """Folder with ca.crt, tls.crt and tls.key."""
    serve_to: str | None = None
    near: StoreSettings
    far: StoreSettings | None = None
    retention: RetentionSettings
    keys: KeySettings | None = None
    """Signs a manifest beside each set, which needs CRYO_DB_* too; without keys there are none, and a drill proves what
    does not need one."""
    max_age_h: float = 26.0
    """Age at which the newest set is stale. Chosen: a day and two hours."""
    process_max: int = 2
    limit_s: float = 6 * 3600.0
    rpo_budget_s: float = 60.0
    rto_budget_s: float = 3600.0

    def engine(self) -> EngineSettings:
        """Return what the engine is told."""
        tls = Path(self.tls) if self.tls else None
        return EngineSettings(
            stanza=self.stanza,
            repositories=Repositories(self.near.repository(), self.far.repository() if self.far else None),
            database=DatabaseHost(
                data=Path(self.data), socket=Path(self.socket), host=self.host, config=Path(self.host_config)
            ),
            folder=Path(self.folder),
            tls=TlsFiles(tls / "ca.crt", tls / "tls.crt", tls / "tls.key") if tls else None,
            serve_to=self.serve_to,
            process_max=self.process_max,
        )


def read_settings(environ: Mapping[str, str]) -> BackupSettings:
    """Read the file.

    Raises:
        SettingsInvalidError: the variable is not set, or the file is missing or wrong; the message says where.
    """
    return read_settings_file(environ, VARIABLE, BackupSettings, tells="where backups are")
