"""Alertmanager's webhook, version 4, as typed values; pure.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config.
"""

from datetime import datetime
from typing import Literal

import msgspec

from agents.oncall.errors import PayloadInvalidError
from agents.oncall.incident import Alert

# Chosen: an incident is told in one message; nobody reads more alerts in it.
MAX_ALERTS = 200
_LONGEST_KEY = 4096


class _Alert(msgspec.Struct, frozen=True, rename="camel"):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime
    fingerprint: str
    ends_at: datetime | None = None
    generator_url: str = msgspec.field(default="", name="generatorURL")


class _Webhook(msgspec.Struct, frozen=True, rename="camel"):
    version: Literal["4"]
    group_key: str
    status: Literal["firing", "resolved"]
    alerts: list[_Alert]
    receiver: str = ""
    external_url: str = msgspec.field(default="", name="externalURL")
    truncated_alerts: int = 0


class Notice(msgspec.Struct, frozen=True):
    """What Alertmanager says about one group of alerts."""

    group_key: str
    firing: bool
    alerts: tuple[Alert, ...]
    """Those that fire, or the ended ones when none does."""
    hidden: int = 0
    """Alerts that Alertmanager or this agent left out."""
    alertmanager_url: str = ""


_DECODER = msgspec.json.Decoder(_Webhook)


def parse_notice(content: bytes) -> Notice:
    """Read a body.

    Raises:
        PayloadInvalidError: it is no webhook of version 4; the message names the field.
    """
    try:
        webhook = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = f"not a webhook of Alertmanager, version 4: {error}"
        raise PayloadInvalidError(message) from error
    if not webhook.group_key or len(webhook.group_key) > _LONGEST_KEY:
        message = f"groupKey has {len(webhook.group_key)} characters; it needs 1 to {_LONGEST_KEY}"
        raise PayloadInvalidError(message)
    if not webhook.alerts:
        message = "alerts is empty; Alertmanager never sends that"
        raise PayloadInvalidError(message)
    if any(each.starts_at.tzinfo is None for each in webhook.alerts):
        message = "startsAt has no offset; Alertmanager sends RFC 3339"
        raise PayloadInvalidError(message)
    firing = webhook.status == "firing"
    told = [each for each in webhook.alerts if each.status == webhook.status]
    alerts = {each.fingerprint: _alert(each) for each in told}
    return Notice(
        group_key=webhook.group_key,
        firing=firing,
        alerts=tuple(alerts.values())[:MAX_ALERTS],
        hidden=webhook.truncated_alerts + max(0, len(alerts) - MAX_ALERTS),
        alertmanager_url=webhook.external_url,
    )


def _alert(found: _Alert) -> Alert:
    return Alert(found.fingerprint, found.starts_at, found.labels, found.annotations)
