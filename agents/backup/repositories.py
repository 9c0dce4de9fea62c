"""Where backups are stored: typed settings of each store, with every secret as the path of a file."""

import re
from dataclasses import dataclass
from pathlib import Path

from agents.backup.errors import SettingsInvalidError

# Cited: Amazon S3, "Bucket naming rules".
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ENDPOINT = re.compile(r"(?P<host>[A-Za-z0-9.-]+)(?::(?P<port>\d{1,5}))?")
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class PosixStore:
    """A folder, usually a volume of its own."""

    path: Path
    """Absolute."""

    def __post_init__(self) -> None:
        """Refuse a relative path."""
        if not self.path.is_absolute():
            message = f"repository path {str(self.path)!r} is relative; give an absolute path"
            raise SettingsInvalidError(message)


@dataclass(frozen=True, slots=True)
class S3Store:
    """A bucket of any S3-compatible store; TLS always."""

    bucket: str
    endpoint: str
    """Host with its port if that is not 443; the port is signed with the host, so it belongs here."""
    region: str
    key_id_file: Path
    """File with the access key id on its first line."""
    key_file: Path
    """File with the secret access key on its first line."""
    path: str = "/"
    """Folder in the bucket."""
    path_style: bool = True
    """Bucket in the path instead of in the host name; what most stores that are not Amazon's need."""
    ca_file: Path | None = None
    """Certificates to trust besides the system's."""

    def __post_init__(self) -> None:
        """Refuse what no store could be."""
        if _BUCKET.fullmatch(self.bucket) is None:
            message = f"bucket {self.bucket!r} is no legal name; use 3 to 63 of a-z, 0-9, '.' and '-'"
            raise SettingsInvalidError(message)
        found = _ENDPOINT.fullmatch(self.endpoint)
        if found is None or (found["port"] is not None and not 1 <= int(found["port"]) <= _MAX_PORT):
            message = f"endpoint {self.endpoint!r} is no host or host:port; leave out https:// and any path"
            raise SettingsInvalidError(message)
        if not self.path.startswith("/"):
            message = f"folder {self.path!r} in bucket {self.bucket} is relative; begin it with /"
            raise SettingsInvalidError(message)
        if not self.region:
            message = f"bucket {self.bucket} has no region; stores without regions take any, such as us-east-1"
            raise SettingsInvalidError(message)


Store = PosixStore | S3Store


@dataclass(frozen=True, slots=True)
class Repository:
    """A store with the key that everything in it is encrypted with."""

    store: Store
    cipher_key_file: Path | None = None
    """File with the passphrase on its first line; None stores in the clear."""
    key_id: str = ""
    """Name of that key, which the catalogue keeps with each set; never the key itself."""


@dataclass(frozen=True, slots=True)
class Repositories:
    """The stores in the order of their numbers: the first is near, a second is the far copy."""

    near: Repository
    far: Repository | None = None

    @property
    def numbered(self) -> tuple[tuple[int, Repository], ...]:
        """Every repository with its number, from 1."""
        found = [self.near, *([self.far] if self.far else [])]
        return tuple(enumerate(found, start=1))
