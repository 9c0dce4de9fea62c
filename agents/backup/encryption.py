"""Files at rest: compressed with zstd, then encrypted with age, in one pass and constant memory.

Both formats outlive this agent: `age -d -i key file | zstd -d` opens a file by hand.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyrage
import zstandard

from agents.backup.errors import KeyWrongError, RepositoryUnavailableError, SetDamagedError
from agents.backup.manifest import StoredFile

SUFFIX = ".zst.age"
# Chosen: pgBackRest's and zstd's own default; level 9 stores a tenth less and takes four times the processor.
LEVEL = 3
_COMMENT = "#"


@dataclass(frozen=True, slots=True)
class Recipients:
    """Public keys: whoever has only these can write a backup and never read one."""

    keys: tuple[pyrage.x25519.Recipient, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The public keys themselves, which is what age calls a key's name."""
        return tuple(str(key) for key in self.keys)


@dataclass(frozen=True, slots=True)
class Identities:
    """Secret keys, for restore and verification."""

    keys: tuple[pyrage.x25519.Identity, ...]

    def __repr__(self) -> str:
        """Tell how many, never which."""
        return f"Identities({len(self.keys)})"

    @property
    def ids(self) -> tuple[str, ...]:
        """The public keys that belong to them."""
        return tuple(str(key.to_public()) for key in self.keys)


def read_recipients(path: Path) -> Recipients:
    """Read age public keys, one a line; an escrow key is a second line.

    Raises:
        KeyWrongError: the file is absent, empty or holds something else.
    """
    lines = _read_lines(path, "age public keys, `age1…`, one a line")
    try:
        return Recipients(tuple(pyrage.x25519.Recipient.from_str(line) for line in lines))
    except pyrage.RecipientError as error:
        raise KeyWrongError(f"{path}: {error}; give age public keys, `age1…`, one a line") from error


def read_identities(path: Path) -> Identities:
    """Read age secret keys, one a line; old keys stay in the file until their sets are gone.

    Raises:
        KeyWrongError: the file is absent, empty or holds something else.
    """
    lines = _read_lines(path, "age secret keys, one a line")
    try:
        return Identities(tuple(pyrage.x25519.Identity.from_str(line) for line in lines))
    except pyrage.IdentityError as error:
        raise KeyWrongError(f"{path}: no age secret key; give `AGE-SECRET-KEY-1…`, one a line") from error


def new_key_pair() -> tuple[str, str]:
    """Make a pair; return the secret key and the public key."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def seal_file(source: Path, target: Path, recipients: Recipients) -> StoredFile:
    """Compress and encrypt a file; return what was written.

    Raises:
        RepositoryUnavailableError: the target's disk is full or refuses us.
    """
    try:
        with source.open("rb") as reader, target.open("xb") as writer:
            counted = _Counting(writer)
            packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).stream_reader(reader)
            pyrage.encrypt_io(packed, counted, list(recipients.keys))
    except OSError as error:
        raise RepositoryUnavailableError(f"{target}: {error.strerror or error}; free space") from error
    return StoredFile(size_bytes=counted.size_bytes, sha256=counted.sha256)


def open_file(source: Path, target: Path, identities: Identities, *, name: str) -> None:
    """Decrypt and unpack a file.

    Args:
        source: the stored object.
        target: must not exist.
        identities: tried one after the other.
        name: of the object, for messages.

    Raises:
        KeyWrongError: none of the keys opens it.
        SetDamagedError: it is not what was written.
    """
    unpacker = zstandard.ZstdDecompressor()
    try:
        with (
            source.open("rb") as reader,
            target.open("xb") as writer,
            unpacker.stream_writer(writer, closefd=False) as unpacked,
        ):
            pyrage.decrypt_io(reader, unpacked, list(identities.keys))
    except pyrage.DecryptError as error:
        if "matching keys" in str(error):
            have = ", ".join(identities.ids)
            raise KeyWrongError(f"{name}: none of the keys opens it (have {have}); add the old identity") from error
        raise SetDamagedError(f"{name}: {error}; its header is damaged") from error
    except (OSError, zstandard.ZstdError) as error:
        raise SetDamagedError(f"{name}: {error}; its content is damaged, or the disk is full") from error


def hash_file(path: Path) -> StoredFile:
    """Read a file's size and sha256."""
    with path.open("rb") as reader:
        digest = hashlib.file_digest(reader, "sha256")
        return StoredFile(size_bytes=reader.tell(), sha256=digest.hexdigest())


class _Counting:
    """A writer that remembers how much and what went through it."""

    def __init__(self, writer: BinaryIO) -> None:
        self._writer = writer
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size_bytes += len(data)
        return self._writer.write(data)

    def flush(self) -> None:
        self._writer.flush()


def _read_lines(path: Path, wanted: str) -> Sequence[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyWrongError(f"{path} cannot be read ({type(error).__name__}); put {wanted} there") from error
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(_COMMENT)]
    if not lines:
        raise KeyWrongError(f"{path} holds no key; put {wanted} there")
    return lines
