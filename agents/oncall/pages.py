"""The page behind a link: what the incident is, and buttons; looking at it changes nothing.

Mail programs and chats open links to show a preview, so only the button's POST acts. The page has no script and loads
nothing, and it tells the browser to keep neither it nor its address.
"""

from html import escape
from http import HTTPStatus

from agents.oncall.incident import Incident, Status
from agents.runtime.clock import format_rfc3339
from agents.runtime.web.answer import Answer

ACTIONS = ("acknowledge", "resolve")
_HEADERS = (
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-robots-tag", "noindex, nofollow"),
)
_STATES = {
    Status.OPEN: "It fires and nobody has acknowledged it.",
    Status.CALMING: "It is quiet at the moment.",
    Status.RESOLVED: "It is over.",
}


def show_incident(incident_id: int, incident: Incident, *, told: str = "") -> Answer:
    """Show an incident with the buttons that make sense; `told` says what was just done."""
    alerts = "".join(
        f"<li>{escape(alert.annotations.get('summary') or alert.labels.get('alertname', alert.fingerprint))}</li>"
        for alert in incident.alerts[:20]
    )
    state = _STATES.get(incident.status, f"{incident.actor} works on it.")
    held = incident.resumes if incident.status is Status.CALMING else incident.status
    buttons = [action for action in ACTIONS if incident.status is not Status.RESOLVED]
    if held is Status.ACKNOWLEDGED:
        buttons = [action for action in buttons if action != "acknowledge"]
    forms = "".join(
        f'<form method="post"><button name="action" value="{action}">{action.capitalize()}</button></form>'
        for action in buttons
    )
    name = incident.label("alertname") or "several alerts"
    body = (
        f"<h1>{escape(name)}, {escape(incident.severity)}</h1>"
        f"{f'<p role=status><strong>{escape(told)}.</strong></p>' if told else ''}"
        f"<p>{escape(state)}</p><ul>{alerts}</ul>{forms}"
        f"<p>Incident {incident_id}, began {format_rfc3339(incident.opened_at)}.</p>"
    )
    return _page(HTTPStatus.OK, f"Incident {incident_id}", body)


def show_problem(status: HTTPStatus, text: str) -> Answer:
    """Say why a link does not work."""
    return _page(status, "On-call", f"<h1>This did not work</h1><p>{escape(text)}</p>")


def _page(status: HTTPStatus, title: str, body: str) -> Answer:
    document = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
        f"<body><main>{body}</main></body></html>"
    )
    return Answer(status, document.encode(), _HEADERS, "text/html; charset=utf-8")
