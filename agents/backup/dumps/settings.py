"""What `cryo backup dump` is told: one JSON file without secrets; CRYO_DUMP_SETTINGS names it."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agents.backup import encryption, signature
from agents.backup.errors import SettingsInvalidError
from agents.backup.logical import Keys
from agents.backup.retention import RetentionRules
from agents.backup.settings_file import read_settings_file

VARIABLE = "CRYO_DUMP_SETTINGS"


class KeepSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many dumps stay; each count is of periods that keep their newest dump."""

    hourly: int = 0
    daily: int = 7
    weekly: int = 5
    monthly: int = 12
    yearly: int = 3
    window_days: int = 7
    min_verified: int = 2
    time_zone: str = "UTC"

    def rules(self) -> RetentionRules:
        """Return the rules; a dump is always a full set."""
        try:
            zone = ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            message = f"keep.time_zone {self.time_zone!r} is not known; use a name such as Europe/Berlin"
            raise SettingsInvalidError(message) from error
        window = timedelta(days=self.window_days)
        counts = (self.hourly, self.daily, self.weekly, self.monthly, self.yearly)
        return RetentionRules(*counts, window, self.min_verified, zone)


class DumpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file; the database itself is named by CRYO_DB_*."""

    name: str
    """Folder of this database in the repositories; no other database may use it."""
    near: str
    """Folder of the repository; it must exist, so that a volume that is not mounted is noticed."""
    far: str | None = None
    """Folder of the second copy."""
    scratch: str
    """Private folder with room for twice the database; its path must be short."""
    trusted_keys: str
    """File with the public keys that manifests may be signed with."""
    signing_key: str | None = None
    """File with the private key that signs; only a process that backs up or verifies needs it."""
    recipients: str | None = None
    """File with age public keys; only a process that backs up needs it."""
    identities: str | None = None
    """File with age secret keys; only a process that restores or verifies needs it."""
    jobs: int = 2
    max_age_h: float = 26.0
    """Of the newest dump. Chosen: a daily job, and two hours for it to run."""
    limit_s: float = 4 * 3600.0
    keep: KeepSettings = KeepSettings()

    def read_keys(self) -> Keys:
        """Read the key files that are named.

        Raises:
            KeyWrongError: one is missing or holds something else.
        """
        return Keys(
            verifier=signature.read_verifier(Path(self.trusted_keys)),
            signer=signature.read_signer(Path(self.signing_key)) if self.signing_key else None,
            recipients=encryption.read_recipients(Path(self.recipients)) if self.recipients else None,
            identities=encryption.read_identities(Path(self.identities)) if self.identities else None,
        )


def read_settings(environ: Mapping[str, str]) -> DumpSettings:
    """Read the file.

    Raises:
        SettingsInvalidError: the variable is not set, or the file is missing or wrong; the message says where.
    """
    return read_settings_file(environ, VARIABLE, DumpSettings, tells="where dumps are")
