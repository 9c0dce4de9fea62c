"""Who is asking: a bearer token signed with one pinned algorithm, or the service token from a file."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from http import HTTPStatus
from pathlib import Path
from typing import Self

import jwt

from agents.runtime.errors import SettingsError

_LEEWAY_S = 30
# Chosen: a shorter secret can be found by trying.
_MIN_SECRET_BYTES = 32
# Chosen: no token of three claims is longer; checking one costs time that a sender could order.
_MAX_HEADER_CHARACTERS = 8 * 1024
_ALGORITHMS = ("HS256", "ES256")


class Role(IntEnum):
    """What somebody may do; each role may do what the ones before it may."""

    VIEWER = 1
    OPERATOR = 2


class CallerRefusedError(Exception):
    """A caller without a good token, or whose role is too low."""

    def __init__(self, status: HTTPStatus, details: str) -> None:
        """Keep the status of the answer next to the words."""
        super().__init__(details)
        self.status = status


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose token was good."""

    who: str
    role: Role


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """Turns an Authorization header into a caller."""

    algorithm: str = "HS256"
    """`CRYO_JWT_ALGORITHM`, HS256 or ES256: the only one accepted, whatever a token says of itself."""
    key: bytes | None = None
    """`CRYO_JWT_KEY_FILE`: secret, or public key in PEM. Without it no bearer token is accepted."""
    audience: str | None = None
    """`CRYO_JWT_AUDIENCE`: demanded of a token when set."""
    issuer: str | None = None
    """`CRYO_JWT_ISSUER`: demanded of a token when set."""
    role_claim: str = "cryo_role"
    """`CRYO_JWT_ROLE_CLAIM`: the claim that says viewer or operator."""
    service_token: str | None = None
    """`CRYO_SERVICE_TOKEN_FILE`: secret with which other services act as operators."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables above.

        Raises:
            SettingsError: a file is missing or its secret too short, or the algorithm is none of the two.
        """
        algorithm = environ.get("CRYO_JWT_ALGORITHM", "") or "HS256"
        if algorithm not in _ALGORITHMS:
            message = f"CRYO_JWT_ALGORITHM is {algorithm!r}; set it to HS256 or ES256"
            raise SettingsError(message)
        token = _read(environ, "CRYO_SERVICE_TOKEN_FILE")
        return cls(
            algorithm=algorithm,
            key=_read(environ, "CRYO_JWT_KEY_FILE"),
            audience=environ.get("CRYO_JWT_AUDIENCE") or None,
            issuer=environ.get("CRYO_JWT_ISSUER") or None,
            role_claim=environ.get("CRYO_JWT_ROLE_CLAIM") or "cryo_role",
            service_token=None if token is None else token.decode("ascii", "replace"),
        )

    def identify(self, header: str | None) -> Caller | None:
        """Say who it is; None for an anonymous caller.

        Raises:
            CallerRefusedError: a token was sent and is not good.
        """
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(header) > _MAX_HEADER_CHARACTERS:
            details = "unusable Authorization header; send Authorization: Bearer <token>"
            raise CallerRefusedError(HTTPStatus.UNAUTHORIZED, details)
        if self.service_token is not None and hmac.compare_digest(token.encode(), self.service_token.encode()):
            return Caller("service", Role.OPERATOR)
        if self.key is None:
            raise CallerRefusedError(HTTPStatus.UNAUTHORIZED, "the token is not known here")
        return self._decode(token, self.key)

    def demand(self, header: str | None, needed: Role) -> Caller:
        """Say who it is, and that he may.

        Raises:
            CallerRefusedError: 401 without a good token, 403 when its role is too low.
        """
        caller = self.identify(header)
        if caller is None:
            details = "this needs a token; send Authorization: Bearer <token>"
            raise CallerRefusedError(HTTPStatus.UNAUTHORIZED, details)
        if caller.role < needed:
            details = f"this needs the role {needed.name.lower()}, the token says {caller.role.name.lower()}"
            raise CallerRefusedError(HTTPStatus.FORBIDDEN, details)
        return caller

    def _decode(self, token: str, key: bytes) -> Caller:
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[self.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "sub"], "verify_aud": self.audience is not None},
            )
        except jwt.PyJWTError as error:
            raise CallerRefusedError(HTTPStatus.UNAUTHORIZED, f"the token is not good: {error}") from error
        named = str(claims.get(self.role_claim, "")).upper()
        if named not in Role.__members__:
            known = ", ".join(role.name.lower() for role in Role)
            details = f"the token's claim {self.role_claim} names no role; use one of {known}"
            raise CallerRefusedError(HTTPStatus.FORBIDDEN, details)
        return Caller(str(claims["sub"])[:128], Role[named])


def _read(environ: Mapping[str, str], setting: str) -> bytes | None:
    path = environ.get(setting, "")
    if not path:
        return None
    try:
        secret = Path(path).read_bytes().strip()
    except OSError as error:
        message = f"{setting}: {path}: {error.strerror}; mount the secret"
        raise SettingsError(message) from error
    if len(secret) < _MIN_SECRET_BYTES:
        message = f"{setting}: {path} holds {len(secret)} bytes; use at least {_MIN_SECRET_BYTES}"
        raise SettingsError(message)
    return secret
