"""Signatures over released models: ed25519, so that a server holds nothing that could sign.

What is signed is the digest of `card.json`. The card names the sha256 of every other file, so one signature covers the
folder. An HMAC would have needed no library, but every server that checks one could also forge one.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

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

from model_server.errors import ArtefactInvalidError, SettingInvalidError

# A signature made for something else must never pass for one of a model.
_DOMAIN = b"cryoprotect released model\n"
_PEM_END = b"-----END PUBLIC KEY-----"


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of `signature.json`; `value` is base64."""

    algorithm: Literal["ed25519"]
    key_id: str
    digest: str
    value: str


class KeyPair(NamedTuple):
    """A new pair as PEM text."""

    private: bytes
    public: bytes


class Verifier:
    """Checks signatures with the public keys of one file."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        """Trust these keys, by id."""
        self._keys = dict(keys)

    def check(self, content: bytes | None, *, digest: str, where: str) -> None:
        """Accept a release or refuse it.

        Args:
            content: of `signature.json`; None when there is none.
            digest: of the card that was read, as `sha256:...`.
            where: the release, for messages.

        Raises:
            ArtefactInvalidError: unsigned, signed by a key that is not trusted, or for other content (permanent).
        """
        if content is None:
            raise ArtefactInvalidError(f"{where}: is not signed and a key is configured; sign it or do not serve it")
        try:
            signature = msgspec.json.decode(content, type=Signature)
            value = base64.b64decode(signature.value, validate=True)
        except ValueError as error:
            raise ArtefactInvalidError(f"{where}: unreadable signature: {error}; sign it again") from error
        key = self._keys.get(signature.key_id)
        if key is None:
            raise ArtefactInvalidError(
                f"{where}: signed by key {signature.key_id}, trusted are {sorted(self._keys)}; add the key or re-sign"
            )
        try:
            key.verify(value, _message(digest))
        except InvalidSignature as error:
            raise ArtefactInvalidError(f"{where}: the signature is not of {digest}; restore the release") from error


def sign_digest(digest: str, private_pem: bytes, *, where: str) -> bytes:
    """Sign a release's digest; return the content of `signature.json`.

    Raises:
        SettingInvalidError: not an unencrypted ed25519 private key (permanent).
    """
    try:
        key = load_pem_private_key(private_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingInvalidError(f"{where}: {error}; give an unencrypted ed25519 key in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingInvalidError(f"{where}: holds another kind of key; give an ed25519 key in PEM")
    value = base64.b64encode(key.sign(_message(digest))).decode()
    return msgspec.json.encode(Signature("ed25519", key_id_of(key.public_key()), digest, value)) + b"\n"


def read_verifier(path: Path) -> Verifier:
    """Read one or more public keys in PEM, one after the other, so that keys can be rotated.

    Raises:
        SettingInvalidError: the file is absent or holds something else (permanent).
    """
    try:
        parts = [part + _PEM_END for part in path.read_bytes().split(_PEM_END) if part.strip()]
        loaded = [load_pem_public_key(part.strip()) for part in parts]
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise SettingInvalidError(f"{path}: {error}; give ed25519 public keys in PEM") from error
    keys = {key_id_of(key): key for key in loaded if isinstance(key, Ed25519PublicKey)}
    if not keys or len(keys) != len(loaded):
        raise SettingInvalidError(f"{path}: holds {len(loaded)} keys, {len(keys)} of them ed25519; correct the file")
    return Verifier(keys)


def new_key_pair() -> KeyPair:
    """Make a key pair."""
    key = Ed25519PrivateKey.generate()
    return KeyPair(
        private=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        public=key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )


def key_id_of(key: Ed25519PublicKey) -> str:
    """Name a key by the first half of its hash."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _message(digest: str) -> bytes:
    return _DOMAIN + digest.encode()
