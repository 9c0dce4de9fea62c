"""The registry's bytes in a bucket of any S3-compatible object store that honours conditional writes.

Created keys carry If-None-Match, replaced ones If-Match, so two writers who read the same record cannot both win. A
store that ignores these headers (rclone's S3 server does) would lose one of two changes silently; it is found by asking
and refused. Nothing else than PUT, GET, HEAD, LIST and DELETE is used.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from model_server.errors import RegistryBusyError, RegistryUnreachableError, SettingInvalidError
from model_server.registry.bucket import Access, Bucket
from model_server.registry.store import Stored, StoreKeyError, check_key

KEY_ID_FILE, KEY_FILE = "key-id", "key"
# Chosen: a request of a reachable store takes milliseconds; a person who promotes waits for at most a few of these.
_TIMEOUT = timedelta(seconds=10)
_RETRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=15)}
_PROBES = "probes/"

T = TypeVar("T")


class ObjectStore:
    """A store in a bucket."""

    def __init__(self, bucket: Bucket, access: Access) -> None:
        """Read the credentials; nothing is asked yet.

        Raises:
            SettingInvalidError: a file cannot be read (permanent).
        """
        self._where = "/".join(part for part in bucket if part)
        options: dict[str, object] = {"timeout": _TIMEOUT, "allow_http": bucket.endpoint.startswith("http:")}
        if access.ca is not None:
            options["root_certificate"] = _read(access.ca)
        given = {
            "prefix": bucket.prefix or None,
            "endpoint": bucket.endpoint,
            "region": access.region,
            "access_key_id": _read(access.keys_dir / KEY_ID_FILE).strip(),
            "secret_access_key": _read(access.keys_dir / KEY_FILE).strip(),
            "virtual_hosted_style_request": False,
            "client_options": options,
        }
        self._store = S3Store(bucket.name, **given, retry_config=_RETRIES)  # type: ignore[arg-type] # its typed dicts are not exported
        # A conditional write whose answer was lost must not be sent again by itself: the second would be refused by
        # the first, and its sender would take its own change for somebody else's.
        self._writer = S3Store(bucket.name, **given, retry_config={**_RETRIES, "max_retries": 0})  # type: ignore[arg-type] # as above

    def __str__(self) -> str:
        """Name the bucket in messages."""
        return self._where

    def read(self, key: str) -> Stored | None:
        """Return content and tag; None when absent."""

        def get() -> Stored:
            found = obstore.get(self._store, check_key(key))
            return Stored(bytes(found.bytes()), _tag(found.meta["e_tag"]))

        return self._unless_absent(get)

    def tag(self, key: str) -> str | None:
        """The store's ETag; None when absent."""
        return self._unless_absent(lambda: _tag(obstore.head(self._store, check_key(key))["e_tag"]))

    def keys(self, prefix: str) -> list[str]:
        """List the keys below a prefix."""
        with self._asked():
            listing = obstore.list(self._store, prefix=check_key(prefix.rstrip("/")))
            return sorted(entry["path"] for page in listing for entry in page)

    def create(self, key: str, content: bytes) -> None:
        """Write a key once; the same content again does nothing.

        Raises:
            StoreKeyError: the key holds other content (permanent).
        """
        if self._put_absent(check_key(key), content):
            return
        found = self.read(key)
        if found is None or found.content != content:
            raise StoreKeyError(f"{self}/{key} holds other content; remove the damaged object and register again")

    def replace(self, key: str, content: bytes, *, expected: str | None) -> None:
        """Write if the stored tag is still the expected one.

        Raises:
            RegistryBusyError: somebody else was faster (temporary).
            RegistryUnreachableError: no answer; it may have been written, so read before another attempt (temporary).
        """
        checked = check_key(key)
        done = (
            self._put_absent(checked, content) if expected is None else self._put_unchanged(checked, content, expected)
        )
        if not done:
            raise RegistryBusyError(f"{self}/{key} was changed by somebody else; look at it again and repeat")

    def delete(self, key: str) -> None:
        """Remove a key."""
        self._unless_absent(lambda: obstore.delete(self._store, check_key(key)))

    def require_conditions(self) -> None:
        """Find out that the store refuses a write over something unseen, by trying it on a key of its own.

        Raises:
            SettingInvalidError: it does not, or the keys may not write (permanent).
            RegistryUnreachableError: it does not answer (temporary).
        """
        key = f"{_PROBES}{secrets.token_hex(8)}"
        try:
            honours = self._put_absent(key, b"first") and not self._put_absent(key, b"second")
            honours = honours and not self._put_unchanged(key, b"third", '"0123456789abcdef0123456789abcdef"')
        finally:
            self.delete(key)
        if not honours:
            raise SettingInvalidError(
                f"CRYO_REGISTRY_S3: {self} ignores If-None-Match or If-Match, so of two changes at a time one would be "
                "lost; use a store with conditional writes, or a folder"
            )

    def _put_absent(self, key: str, content: bytes) -> bool:
        with self._asked():
            try:
                obstore.put(self._writer, key, content, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def _put_unchanged(self, key: str, content: bytes, expected: str) -> bool:
        with self._asked():
            try:
                obstore.put(self._writer, key, content, mode={"e_tag": expected}, use_multipart=False)
            except (PreconditionError, FileNotFoundError, NotFoundError):
                return False
        return True

    def _unless_absent(self, ask: Callable[[], T]) -> T | None:
        with self._asked():
            try:
                return ask()
            except (FileNotFoundError, NotFoundError):
                return None

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
            raise SettingInvalidError(
                f"{self} refuses the keys of CRYO_REGISTRY_S3_KEYS: {_first_line(error)}"
            ) from error
        except BaseError as error:
            raise RegistryUnreachableError(f"{self}: {_first_line(error)}", retry_after_s=5.0) from error


def _tag(given: str | None) -> str:
    if not given:
        msg = "CRYO_REGISTRY_S3: the store sends no ETag; use another"
        raise SettingInvalidError(msg)
    return given


def _read(path: Path) -> str:
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingInvalidError(f"{path}: {error}; mount the object store's keys there") from error
    if not content.strip():
        raise SettingInvalidError(f"{path} is empty; mount the object store's keys there")
    return content


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
