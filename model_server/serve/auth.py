"""Who is asking and what that allows: bearer tokens signed with one pinned algorithm, or the service token."""

import hmac
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple

from model_server.errors import RequestRefusedError, SettingInvalidError

# Chosen: a token is checked once and remembered; a thousand callers at a time are more than a laboratory has.
_REMEMBERED = 1024
_LEEWAY_S = 30
# Chosen: a shorter secret can be found by trying.
_MIN_SECRET_BYTES = 32
# Chosen: no token of three claims is longer; checking one costs time that a sender could order.
_MAX_HEADER_BYTES = 8 * 1024


class Role(IntEnum):
    """What somebody may do; each role may do what the ones before it may."""

    VIEWER = 1
    SCIENTIST = 2
    OPERATOR = 3


class Principal(NamedTuple):
    """Somebody whose token was good. `expires_at` in seconds since 1970; None for the service."""

    who: str
    role: Role
    expires_at: float | None = None


class TokenRules(NamedTuple):
    """How bearer tokens are checked. `role_claim` names the claim that holds the role."""

    algorithm: Literal["HS256", "ES256"]
    key: bytes
    audience: str | None = None
    issuer: str | None = None
    role_claim: str = "cryo_role"


class Gatekeeper:
    """Turns an Authorization header into a principal, and refuses those who may not."""

    def __init__(
        self,
        rules: TokenRules | None,
        service_token: bytes | None,
        *,
        clock: Callable[[], float],
        everywhere: bool = False,
    ) -> None:
        """Set the rules.

        Args:
            rules: of bearer tokens; None accepts none.
            service_token: secret of other services; None accepts none.
            clock: seconds since 1970.
            everywhere: whether reading and predicting need a token too.
        """
        self._rules = rules
        self._service_token = service_token
        self._clock = clock
        self._everywhere = everywhere
        self._known: dict[bytes, Principal] = {}

    def admit(self, header: bytes | None, needed: Role | None, *, exempt: bool = False) -> Principal | None:
        """Let a caller pass or refuse.

        Args:
            header: the Authorization header.
            needed: least role; None for an open endpoint.
            exempt: whether it stays open where everything else is closed.

        Returns:
            who it is; None for an anonymous caller of an open endpoint.

        Raises:
            RequestRefusedError: 401 without a good token, 403 when its role is too low (permanent).
        """
        if needed is None:
            if exempt or not self._everywhere:
                return None
            needed = Role.VIEWER
        if header is None:
            msg = "this needs a token; send Authorization: Bearer <token>"
            raise _unauthorised(msg)
        known = self._known.get(header)
        if known is None or (known.expires_at is not None and known.expires_at <= self._clock()):
            known = self._check(header)
        if known.role < needed:
            raise RequestRefusedError(
                f"this needs the role {needed.name.lower()}, the token says {known.role.name.lower()}",
                code="forbidden",
                status=403,
            )
        return known

    def _check(self, header: bytes) -> Principal:
        scheme, _, token = header.partition(b" ")
        token = token.strip()
        if scheme.lower() != b"bearer" or not token or len(header) > _MAX_HEADER_BYTES:
            msg = "unusable Authorization header; send Authorization: Bearer <token>"
            raise _unauthorised(msg)
        self._known.pop(header, None)
        if self._service_token is not None and hmac.compare_digest(token, self._service_token):
            principal = Principal("service", Role.OPERATOR)
        elif self._rules is not None:
            principal = _decode(token, self._rules)
        else:
            msg = "the token is not known here"
            raise _unauthorised(msg)
        if len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[header] = principal
        return principal


def read_secret(path: Path, setting: str) -> bytes:
    """Read a secret from a file, without its last line break.

    Raises:
        SettingInvalidError: absent or too short (permanent).
    """
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise SettingInvalidError(f"{setting}={path}: {error.strerror}; mount the secret") from error
    if len(secret) < _MIN_SECRET_BYTES:
        raise SettingInvalidError(f"{setting}={path}: holds {len(secret)} bytes; use at least {_MIN_SECRET_BYTES}")
    return secret


def _decode(token: bytes, rules: TokenRules) -> Principal:
    import jwt  # noqa: PLC0415 - only servers that check tokens pay for the library

    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            rules.key,
            # One algorithm, ours: what the token's head says about itself is not asked.
            algorithms=[rules.algorithm],
            audience=rules.audience,
            issuer=rules.issuer,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "sub"], "verify_aud": rules.audience is not None},
        )
    except jwt.PyJWTError as error:
        raise _unauthorised(f"the token is not good: {error}") from error
    named = str(claims.get(rules.role_claim, "")).upper()
    if named not in Role.__members__:
        raise RequestRefusedError(
            f"the token's claim {rules.role_claim} names no role; use one of "
            f"{', '.join(role.name.lower() for role in Role)}",
            code="forbidden",
            status=403,
        )
    return Principal(str(claims["sub"])[:128], Role[named], float(claims["exp"]) + _LEEWAY_S)


def _unauthorised(message: str) -> RequestRefusedError:
    return RequestRefusedError(message, code="unauthorised", status=401)
