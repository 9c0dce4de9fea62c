"""E-mail by SMTP, encrypted unless the settings say otherwise, with the certificate checked."""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from agents.oncall.errors import ChannelError, ChannelRefusedError, ChannelUnreachableError, OutcomeUnknownError
from agents.oncall.messages import Message
from agents.oncall.roster import Person
from agents.runtime.settings import read_secret

# Cited: RFC 5321, 4.2: 250 and 251 take it, 4yz may pass by itself, 5yz does not.
_ACCEPTED = (250, 251)
_PERMANENT = 500


Encryption = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where mail is handed in."""

    host: str
    port: int
    sender: str
    """Address that mail comes from."""
    encryption: Encryption
    user: str
    """Empty where the server asks for none."""
    password_file: Path | None
    ca_file: Path | None
    """Certificates that are believed besides the system's."""
    timeout_s: float


class EmailChannel:
    """Hands one message in per connection; pages are few, and a kept connection is one more thing that dies."""

    def __init__(self, settings: SmtpSettings, *, now: Callable[[], datetime]) -> None:
        """Prepare; nothing connects, and the password is read for each message, because it may be rotated."""
        self._settings = settings
        self._now = now

    def send(self, message: Message, person: Person | None) -> None:
        """Hand a message in; see `Channel.send`."""
        if person is None or not person.email:
            message_text = "the roster has no address for this person any more"
            raise ChannelRefusedError(message_text)
        mail = self._write(message, person)
        server = self._connect()
        try:
            self._log_in(server)
            self._hand_in(server, mail, person)
        finally:
            # What QUIT would answer changes nothing any more.
            server.close()

    def _write(self, message: Message, person: Person) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"] = self._settings.sender
        mail["To"] = person.email
        mail["Date"] = format_datetime(self._now())
        mail["Message-ID"] = f"<{message.id}@{self._settings.sender.rpartition('@')[2]}>"
        # Cited: RFC 3834; keeps out-of-office answers away.
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        try:
            if settings.encryption == "tls":
                return smtplib.SMTP_SSL(
                    settings.host, settings.port, timeout=settings.timeout_s, context=self._context()
                )
            return smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)
        except (OSError, smtplib.SMTPException) as error:
            raise _not_taken(error) from error

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._settings.ca_file is not None:
            context.load_verify_locations(self._settings.ca_file)
        return context

    def _log_in(self, server: smtplib.SMTP) -> None:
        settings = self._settings
        try:
            if settings.encryption == "starttls":
                server.starttls(context=self._context())
            if settings.user and settings.password_file is not None:
                password = read_secret(settings.password_file, setting="CRYO_ONCALL_SMTP_PASSWORD_FILE")
                server.login(settings.user, password)
        except (OSError, smtplib.SMTPException) as error:
            raise _not_taken(error) from error

    def _hand_in(self, server: smtplib.SMTP, mail: EmailMessage, person: Person) -> None:
        try:
            server.ehlo_or_helo_if_needed()
            for code, reply in (server.mail(self._settings.sender), server.rcpt(person.email)):
                if code not in _ACCEPTED:
                    raise _answered(code, reply)
        except (OSError, smtplib.SMTPException) as error:
            raise _not_taken(error) from error
        try:
            code, reply = server.data(mail.as_bytes())
        except smtplib.SMTPDataError as error:
            raise _not_taken(error) from error
        except (OSError, smtplib.SMTPException) as error:
            text = f"the connection broke while the message was handed in ({type(error).__name__})"
            raise OutcomeUnknownError(text) from error
        if code not in _ACCEPTED:
            raise _answered(code, reply)


def _answered(code: int, reply: bytes) -> ChannelError:
    text = f"the mail server answered {code} {reply.decode('utf-8', 'replace')[:200]}"
    return ChannelRefusedError(text) if code >= _PERMANENT else ChannelUnreachableError(text)


def _not_taken(error: Exception) -> ChannelError:
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
        return _answered(error.smtp_code, reply)
    if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError):
        return ChannelRefusedError(f"the mail server cannot be trusted: {error}")
    return ChannelUnreachableError(f"the mail server cannot be reached: {type(error).__name__}: {error}")
