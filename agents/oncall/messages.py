"""What people read: subject and text of one message about one incident; pure."""

import re
from dataclasses import dataclass
from datetime import datetime

from agents.oncall.escalation import Order
from agents.oncall.incident import Alert, Incident
from agents.runtime.clock import format_rfc3339

# Chosen: a phone shows as much of a subject.
_SUBJECT_LIMIT = 160
# Cited: Slack cuts the text of a message off at 4,000 characters; the rest is room for markup.
_TEXT_LIMIT = 3_500
# Chosen: more alerts of one group say nothing new.
_ALERTS_SHOWN = 10
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")
_MARKS = {Order.PAGE: "FIRING", Order.ACKNOWLEDGED: "ACKNOWLEDGED", Order.RESOLVED: "RESOLVED"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message before a channel gives it its form."""

    id: str
    """The same for every copy, so that a mail program shows two copies as one."""
    subject: str
    text: str
    link: str
    """Where its reader can acknowledge; empty where there is no such place."""


@dataclass(frozen=True, slots=True)
class About:
    """What a message is about."""

    kind: Order
    incident_id: int
    """Number that commands and links use."""
    delivery_id: int
    """Makes the message's own identity."""
    stage: int
    """Step that a page belongs to, from 0."""


def write_message(about: About, incident: Incident, *, link: str, now: datetime) -> Message:
    """Write a message.

    Args:
        about: what it is about.
        incident: as it is now, which may be later than the order.
        link: address that its reader may open, or nothing.
        now: shown as the time of the message.
    """
    kind, incident_id = about.kind, about.incident_id
    name = incident.label("alertname") or "several alerts"
    where = " ".join(filter(None, (incident.label("service"), incident.label("env") or incident.label("environment"))))
    subject = _one_line(f"[{_MARKS[kind]} {incident.severity}] {name}{f' ({where})' if where else ''} #{incident_id}")
    lines = [_headline(kind, incident, about.stage), ""]
    for alert in incident.alerts[:_ALERTS_SHOWN]:
        lines += _alert_lines(alert)
    left_out = len(incident.alerts) - _ALERTS_SHOWN + incident.hidden
    if left_out > 0:
        lines += [f"and {left_out} more alerts of the same group", ""]
    text = _clip("\n".join(lines).strip(), _TEXT_LIMIT)
    if kind is Order.PAGE:
        way = f"Acknowledge: {link}\nor run: " if link else "Acknowledge: "
        text += f"\n\n{way}cryo oncall ack {incident_id}"
    text += f"\n\nIncident {incident_id}, began {format_rfc3339(incident.opened_at)}, told {format_rfc3339(now)}"
    return Message(f"incident-{incident_id}-{about.delivery_id}", subject[:_SUBJECT_LIMIT], text, link)


def _headline(kind: Order, incident: Incident, stage: int) -> str:
    if kind is Order.ACKNOWLEDGED:
        return f"{incident.actor} works on it."
    if kind is Order.RESOLVED:
        return f"It is over{f': {incident.actor} said so' if incident.by_hand else ''}."
    if incident.round:
        return f"It fires again (round {incident.round + 1}), step {stage + 1}."
    return "It fires and nobody has acknowledged it." if stage else "It fires."


def _alert_lines(alert: Alert) -> list[str]:
    told = alert.annotations
    lines = [told.get("summary") or alert.labels.get("alertname", alert.fingerprint)]
    lines += [told["description"]] if told.get("description") else []
    for label, name in (("Runbook", "runbook_url"), ("Dashboard", "dashboard_url")):
        if told.get(name):
            lines.append(f"{label}: {told[name]}")
    return [_CONTROL.sub(" ", line) for line in lines] + [""]


def _one_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
