"""What the on-call agent is told by its environment, read once; secrets come from files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast, get_args
from urllib.parse import urlsplit

from agents.oncall.channels.email import Encryption, SmtpSettings
from agents.oncall.roster import ChannelName
from agents.runtime.errors import SettingsError
from agents.runtime.settings import read_secret
from agents.runtime.web.settings import read_seconds

DEFAULT_ROSTER = "environments/oncall/roster.yaml"
_MAX_PORT = 65_535
# Cited: RFC 2104: a key shorter than the digest weakens it.
_SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class OncallSettings:
    """Everything but the address and the database."""

    roster: Path
    """`CRYO_ONCALL_ROSTER`: people, schedules, policies and routes."""
    smtp: SmtpSettings | None
    """`CRYO_ONCALL_SMTP_*`; without a host there is no e-mail."""
    slack_url_file: Path | None
    """`CRYO_ONCALL_SLACK_URL_FILE`: file with the address of an incoming webhook; without it there is no Slack."""
    public_url: str
    """`CRYO_ONCALL_PUBLIC_URL`: where people's browsers reach the agent; without it messages have no link."""
    link_key_file: Path
    """`CRYO_ONCALL_LINK_KEY_FILE`: one key per line; the first signs, all are believed."""
    link_s: float
    """`CRYO_ONCALL_LINK_S`, 60 to 604800: how long a link works; default a day."""
    heartbeat_s: float
    """`CRYO_ONCALL_HEARTBEAT_S`, 0 to 86400: silence of the Watchdog that pages; default 0, not watched."""
    send_timeout_s: float
    """`CRYO_ONCALL_SEND_TIMEOUT_S`, 0.1 to 60: longest wait for a channel; default 10."""
    lease_s: float
    """`CRYO_ONCALL_LEASE_S`, above the send timeout: after it a message that was being sent has lost its sender;
    default 60. Chosen: connecting, encrypting, logging in and sending each wait at most the send timeout."""
    poll_s: float
    """`CRYO_ONCALL_POLL_S`, 0.05 to 60: pause between two looks for work; default 1."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables above.

        Raises:
            SettingsError: a value is missing or out of range; the message names it.
        """
        key_file = environ.get("CRYO_ONCALL_LINK_KEY_FILE", "")
        if not key_file:
            message = "CRYO_ONCALL_LINK_KEY_FILE is not set; name a file with a random key of 32 characters or more"
            raise SettingsError(message)
        timeout_s = read_seconds(environ, "CRYO_ONCALL_SEND_TIMEOUT_S", 10.0, (0.1, 60))
        lease_s = read_seconds(environ, "CRYO_ONCALL_LEASE_S", 60.0, (0.2, 3600))
        if lease_s <= timeout_s:
            message = (
                f"CRYO_ONCALL_LEASE_S is {lease_s:g} and CRYO_ONCALL_SEND_TIMEOUT_S {timeout_s:g}: a slow message "
                "would be taken for a lost one and sent twice; raise the first"
            )
            raise SettingsError(message)
        return cls(
            roster=read_roster_path(environ),
            smtp=_smtp(environ, timeout_s),
            slack_url_file=_path(environ, "CRYO_ONCALL_SLACK_URL_FILE"),
            public_url=_url(environ, "CRYO_ONCALL_PUBLIC_URL"),
            link_key_file=Path(key_file),
            link_s=read_seconds(environ, "CRYO_ONCALL_LINK_S", 86_400.0, (60, 604_800)),
            heartbeat_s=read_seconds(environ, "CRYO_ONCALL_HEARTBEAT_S", 0.0, (0, 86_400)),
            send_timeout_s=timeout_s,
            lease_s=lease_s,
            poll_s=read_seconds(environ, "CRYO_ONCALL_POLL_S", 1.0, (0.05, 60)),
        )

    def read_keys(self) -> tuple[bytes, ...]:
        """Return the keys of links, the one that signs first.

        Raises:
            SettingsError: the file cannot be read, or a key is too short.
        """
        read_secret(self.link_key_file, setting="CRYO_ONCALL_LINK_KEY_FILE")
        lines = self.link_key_file.read_text(encoding="utf-8").split()
        if any(len(line) < _SHORTEST_KEY for line in lines):
            message = f"CRYO_ONCALL_LINK_KEY_FILE: a key is shorter than {_SHORTEST_KEY} characters; make a new one"
            raise SettingsError(message)
        return tuple(line.encode() for line in lines)

    @property
    def configured(self) -> frozenset[ChannelName]:
        """Channels that reach a person."""
        found: set[ChannelName] = set()
        if self.smtp is not None:
            found.add("email")
        if self.slack_url_file is not None:
            found.add("slack")
        return frozenset(found)


def read_roster_path(environ: Mapping[str, str]) -> Path:
    """Return where the roster is."""
    return Path(environ.get("CRYO_ONCALL_ROSTER", "") or DEFAULT_ROSTER)


def _smtp(environ: Mapping[str, str], timeout_s: float) -> SmtpSettings | None:
    host = environ.get("CRYO_ONCALL_SMTP_HOST", "")
    if not host:
        return None
    sender, port = environ.get("CRYO_ONCALL_SMTP_SENDER", ""), environ.get("CRYO_ONCALL_SMTP_PORT", "") or "587"
    if "@" not in sender:
        message = f"CRYO_ONCALL_SMTP_SENDER is {sender!r}; set it to the address that mail comes from"
        raise SettingsError(message)
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= _MAX_PORT:
        message = f"CRYO_ONCALL_SMTP_PORT is {port!r}; set it to a number from 1 to {_MAX_PORT}"
        raise SettingsError(message)
    encryption = environ.get("CRYO_ONCALL_SMTP_ENCRYPTION", "") or "starttls"
    if encryption not in get_args(Encryption):
        message = f"CRYO_ONCALL_SMTP_ENCRYPTION is {encryption!r}; use one of {', '.join(get_args(Encryption))}"
        raise SettingsError(message)
    user, password_file = environ.get("CRYO_ONCALL_SMTP_USER", ""), _path(environ, "CRYO_ONCALL_SMTP_PASSWORD_FILE")
    if bool(user) != (password_file is not None):
        message = "CRYO_ONCALL_SMTP_USER and CRYO_ONCALL_SMTP_PASSWORD_FILE belong together; set both or neither"
        raise SettingsError(message)
    if user and encryption == "none":
        message = "CRYO_ONCALL_SMTP_ENCRYPTION is none and there is a password; use starttls"
        raise SettingsError(message)
    return SmtpSettings(
        host=host,
        port=int(port),
        sender=sender,
        encryption=cast("Encryption", encryption),
        user=user,
        password_file=password_file,
        ca_file=_path(environ, "CRYO_ONCALL_SMTP_CA_FILE"),
        timeout_s=timeout_s,
    )


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    raw = environ.get(name, "")
    return Path(raw) if raw else None


def _url(environ: Mapping[str, str], name: str) -> str:
    raw = environ.get(name, "").rstrip("/")
    if raw and (urlsplit(raw).scheme not in {"http", "https"} or not urlsplit(raw).hostname):
        message = f"{name} is {raw!r}; set it to an address such as https://oncall.example.org"
        raise SettingsError(message)
    return raw
