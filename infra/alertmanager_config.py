"""What Alertmanager is told: alerts/routing with the addresses of one environment."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.monitoring_sections import Mail, Monitoring

ROUTING = Path(__file__).resolve().parent.parent / "alerts" / "routing"
CONFIG_FOLDER = "/etc/alertmanager"
CONFIG_FILE = "alertmanager.yml"
SECRETS_FOLDER = f"{CONFIG_FOLDER}/secrets"


def alertmanager_files(settings: Monitoring, routing: Path = ROUTING) -> Mapping[str, str]:
    """Return configuration and templates by file name."""
    document = yaml.safe_load((routing / "alertmanager.yaml").read_text(encoding="utf-8"))
    templates = {path.name: path.read_text(encoding="utf-8") for path in sorted((routing / "templates").glob("*.tmpl"))}
    # A template cannot see the configuration, so the one thing that differs is a template of its own.
    templates["links.tmpl"] = f'{{{{ define "cryo.runbooks" }}}}{settings.runbooks}{{{{ end }}}}\n'
    # Anchors come out as copies; PyYAML would write them as anchors of its own.
    text = yaml.dump(fill(document, settings), Dumper=_WithoutAnchors, sort_keys=False, width=120)
    return {CONFIG_FILE: text, **templates}


def fill(document: Mapping[str, Any], settings: Monitoring) -> dict[str, Any]:
    """Return the document with the environment's addresses, and without the channels that it does not have."""
    filled = copy.deepcopy(dict(document))
    filled["global"] = {"resolve_timeout": document["global"]["resolve_timeout"]}
    if settings.mail is not None:
        filled["global"] |= _mail(settings.mail, document["global"])
    if settings.slack is not None:
        filled["global"]["slack_api_url_file"] = f"{SECRETS_FOLDER}/slack-url"
    filled["receivers"] = [_receiver(receiver, settings) for receiver in filled["receivers"]]
    for interval in filled["time_intervals"]:
        for part in interval["time_intervals"]:
            part["location"] = settings.time_zone
    return filled


def _mail(mail: Mail, example: Mapping[str, Any]) -> dict[str, Any]:
    filled = {"smtp_smarthost": mail.smarthost, "smtp_from": mail.sender, "smtp_require_tls": mail.require_tls}
    if mail.username is not None:
        filled |= {
            "smtp_auth_username": mail.username,
            "smtp_auth_password_file": example["smtp_auth_password_file"],
        }
    return filled


def _receiver(receiver: dict[str, Any], settings: Monitoring) -> dict[str, Any]:
    filled = dict(receiver)
    if settings.mail is None:
        filled.pop("email_configs", None)
    else:
        for each in filled.get("email_configs", ()):
            each["to"] = ", ".join(settings.mail.recipients)
    if settings.slack is None:
        filled.pop("slack_configs", None)
    else:
        for each in filled.get("slack_configs", ()):
            each["channel"] = settings.slack.channel
    webhooks = [each for each in filled.pop("webhook_configs", ()) if _is_wanted(each, settings)]
    return filled | ({"webhook_configs": webhooks} if webhooks else {})


def _is_wanted(webhook: Mapping[str, Any], settings: Monitoring) -> bool:
    # The one outside is known by its file alone, because its address is a secret.
    return settings.heartbeat if "url_file" in webhook else settings.oncall


class _WithoutAnchors(yaml.SafeDumper):
    """Writes each value out."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - the signature in PyYAML
        """Say that nothing is shared."""
        return True
