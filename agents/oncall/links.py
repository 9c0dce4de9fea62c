"""Links that let their holder acknowledge or end one incident, until they expire; pure.

A token is `<incident>.<person>.<expiry>.<signature>`: HMAC-SHA256 over the first three, in base64url. Nothing of it is
secret but the signature, and it opens one incident for one person.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agents.oncall.errors import LinkInvalidError

PATH = "/oncall/act/"
_FORM = re.compile(r"(\d{1,18})\.([A-Za-z0-9_-]{1,200})\.(\d{1,12})\.([A-Za-z0-9_-]{43})")
# What is signed names its purpose, so that the key can never be used to sign something that looks alike elsewhere.
_PURPOSE = b"cryo-oncall-act-1\0"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link allows."""

    incident_id: int
    person: str
    expires_at: datetime


def make_token(grant: Grant, key: bytes) -> str:
    """Sign a grant."""
    person = base64.urlsafe_b64encode(grant.person.encode()).decode().rstrip("=")
    content = f"{grant.incident_id}.{person}.{int(grant.expires_at.timestamp())}"
    return f"{content}.{_sign(content, key)}"


def read_token(token: str, keys: Sequence[bytes], now: datetime) -> Grant:
    """Check a token and return what it allows.

    Args:
        token: as it stood in the path.
        keys: the key that signs, then older ones that are still believed.
        now: an aware instant.

    Raises:
        LinkInvalidError: another form, a wrong signature, or expired; callers learn which only for an expired one.
    """
    found = _FORM.fullmatch(token)
    content = token.rpartition(".")[0]
    if found is None or not any(hmac.compare_digest(_sign(content, key), found[4]) for key in keys):
        message = "this link was not made here; take the one in the message, or use `cryo oncall ack`"
        raise LinkInvalidError(message)
    expires_at = datetime.fromtimestamp(int(found[3]), tz=UTC)
    if now >= expires_at:
        message = f"this link ended at {expires_at:%Y-%m-%d %H:%M} UTC; use `cryo oncall ack {found[1]}`"
        raise LinkInvalidError(message)
    person = base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4)).decode()
    return Grant(int(found[1]), person, expires_at)


def _sign(content: str, key: bytes) -> str:
    digest = hmac.digest(key, _PURPOSE + content.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
