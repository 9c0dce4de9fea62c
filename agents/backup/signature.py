"""Signed documents beside a backup: ed25519, so that whoever checks a set holds nothing that could forge one.

A document is written as `{"document": …, "signature": {…}}`. The signature covers the document's bytes as they stand in
the file, with the kind of document before them, so that a signature over one kind never passes for another.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from agents.backup.errors import KeyWrongError, ManifestRefusedError

_DOMAIN = "cryoprotect backup"
_PEM_END = b"-----END PUBLIC KEY-----"


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    algorithm: Literal["ed25519"]
    key_id: str
    value: str


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    document: msgspec.Raw
    signature: _Signature


class Signer:
    """Signs with one private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Keep the key in memory only."""
        self._key = key

    @property
    def key_id(self) -> str:
        """Name of the key, as documents carry it."""
        return key_id_of(self._key.public_key())

    def sign(self, kind: str, document: bytes) -> bytes:
        """Wrap a document; return the content of its file.

        Args:
            kind: what the document is, such as `manifest`.
            document: one JSON value.
        """
        value = base64.b64encode(self._key.sign(_message(kind, document))).decode()
        envelope = _Envelope(msgspec.Raw(document), _Signature("ed25519", self.key_id, value))
        return msgspec.json.encode(envelope) + b"\n"


class Verifier:
    """Checks signatures with the public keys that are trusted."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        """Trust these keys, by id."""
        self._keys = dict(keys)

    def open(self, kind: str, content: bytes, *, where: str) -> bytes:
        """Return the document of a file after its signature was checked.

        Args:
            kind: what the document must be.
            content: the whole file.
            where: the file, for messages.

        Raises:
            ManifestRefusedError: unreadable, edited, or signed for something else.
            KeyWrongError: signed with a key that is not trusted.
        """
        try:
            envelope = msgspec.json.decode(content, type=_Envelope)
            value = base64.b64decode(envelope.signature.value, validate=True)
        except ValueError as error:
            raise ManifestRefusedError(f"{where}: unreadable: {error}; the file is damaged") from error
        key = self._keys.get(envelope.signature.key_id)
        if key is None:
            trusted = ", ".join(sorted(self._keys))
            raise KeyWrongError(
                f"{where}: signed with key {envelope.signature.key_id}, trusted are {trusted}; add the public key"
            )
        document = bytes(envelope.document)
        try:
            key.verify(value, _message(kind, document))
        except InvalidSignature as error:
            raise ManifestRefusedError(
                f"{where}: its signature is not of this {kind}; it was edited after it was signed"
            ) from error
        return document


def read_signer(path: Path) -> Signer:
    """Read an unencrypted ed25519 private key in PEM.

    Raises:
        KeyWrongError: the file is absent or holds something else.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyWrongError(f"{path}: {error}; give an unencrypted ed25519 private key in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyWrongError(f"{path}: holds another kind of key; give an ed25519 private key in PEM")
    return Signer(key)


def read_verifier(path: Path) -> Verifier:
    """Read one or more public keys in PEM, one after the other, so that keys can be rotated.

    Raises:
        KeyWrongError: the file is absent or holds something else.
    """
    try:
        parts = [part.strip() + b"\n" + _PEM_END for part in path.read_bytes().split(_PEM_END) if part.strip()]
        loaded = [load_pem_public_key(part) for part in parts]
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyWrongError(f"{path}: {error}; give ed25519 public keys in PEM") from error
    keys = {key_id_of(key): key for key in loaded if isinstance(key, Ed25519PublicKey)}
    if not keys or len(keys) != len(loaded):
        raise KeyWrongError(f"{path}: holds {len(loaded)} keys, {len(keys)} of them ed25519; correct the file")
    return Verifier(keys)


def new_key_pair() -> tuple[bytes, bytes]:
    """Make a pair; return the private and the public key as PEM."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_id_of(key: Ed25519PublicKey) -> str:
    """Name a key by the first half of its hash."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _message(kind: str, document: bytes) -> bytes:
    return f"{_DOMAIN} {kind}\n".encode() + document
