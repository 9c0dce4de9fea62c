"""Where a registry is that lies in an object store, and how that is entered; nothing here loads the store's library."""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

DEFAULT_REGION = "us-east-1"
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Bucket(NamedTuple):
    """Where the registry is.

    Args:
        endpoint: scheme, host and port, addressed by path (`https://host:port/bucket/key`).
        name: of the bucket.
        prefix: of every key; may be empty.
    """

    endpoint: str
    name: str
    prefix: str


class Access(NamedTuple):
    """How the store is entered.

    Args:
        keys_dir: folder with the files `key-id` and `key`, read once.
        ca: PEM file of the authority that signed the store's certificate; None for the public ones.
        region: that requests are signed for.
    """

    keys_dir: Path
    ca: Path | None = None
    region: str = DEFAULT_REGION


def parse_bucket(text: str) -> Bucket:
    """Read `https://host:port/bucket/prefix`.

    Raises:
        ValueError: it is not of that form.
    """
    address = urlsplit(text)
    segments = [part for part in address.path.split("/") if part]
    _ = address.port  # raises ValueError itself
    is_plain = address.scheme in {"http", "https"} and address.hostname and not address.query and not address.fragment
    if not is_plain or "@" in address.netloc or not segments or not all(map(_SEGMENT.fullmatch, segments)):
        msg = "expected https://host:port/bucket or https://host:port/bucket/prefix, without credentials"
        raise ValueError(msg)
    return Bucket(f"{address.scheme}://{address.netloc}", segments[0], "/".join(segments[1:]))


class Keeping(NamedTuple):
    """Where everything that changes is kept.

    Args:
        folder: on this machine; None for none.
        bucket: wins over the folder; None for none.
        access: to the bucket.
    """

    folder: Path | None = None
    bucket: Bucket | None = None
    access: Access | None = None
