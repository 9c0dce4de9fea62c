"""What a check is: one SQL file whose leading comment says, in TOML, what its rows mean; pure."""

import re
import tomllib
from enum import StrEnum
from typing import Annotated

import msgspec

from agents.health.errors import CheckFileError

_FILE = re.compile(r"\A-- (?P<title>\S[^\n]*)\n/\*\n(?P<head>.*?)\n\*/\n(?P<body>.*)\Z", re.DOTALL)
_VARIANT = re.compile(r"^-- @from (?P<major>\d+)$\n", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Severity(StrEnum):
    """How much a finding matters, worst last."""

    INFO = "info"
    """Worth knowing; nobody is woken and no exit code changes."""
    WARN = "warn"
    """Will hurt; plan the remedy."""
    CRITICAL = "critical"
    """Hurts now or loses data; act."""


class Profile(StrEnum):
    """How much is asked of the database."""

    QUICK = "quick"
    """Settings, sessions and counters only; no cost per table."""
    FULL = "full"
    """Everything, catalogue and data included."""


class Fix(StrEnum):
    """What may be done about a finding by the agent; anything else is for a person."""

    ANALYZE = "analyze"
    VACUUM = "vacuum"
    REINDEX = "reindex_concurrently"
    DROP_INVALID_INDEX = "drop_invalid_index"
    CREATE_INDEX = "create_foreign_key_index"
    VALIDATE = "validate_constraint"
    TERMINATE_IDLE = "terminate_idle_in_transaction"


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From where on a value is a finding."""

    warn: float
    """A value from here on is a finding of the check's own severity."""
    unit: str
    source: str
    """Measured, chosen or cited, and why."""
    critical: float | None = None
    """A value from here on is critical."""
    below: bool = False
    """Small values are the bad ones."""

    def reaches(self, value: float, limit: float) -> bool:
        """Whether a value is at or beyond a limit."""
        return value <= limit if self.below else value >= limit


class Requirements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be true before a check can say anything; otherwise it is skipped and says why."""

    extensions: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    """Tables, by schema and name."""
    roles: tuple[str, ...] = ()
    """Roles that exist on Supabase and its stand-ins."""
    server_from: int = 0
    """First major version."""
    primary: bool = False
    """Makes no sense on a standby."""
    monitor: bool = False
    """Needs the rights of pg_monitor."""
    superuser: bool = False
    schema_file: bool = False
    """Needs schema.sql at hand."""
    statistics_age_s: float = 0
    """Counters younger than this prove nothing."""


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One question to the database."""

    id: str
    """`group.name`, from the file's place."""
    title: str
    severity: Severity
    meaning: str
    """What it means for the person who is on call."""
    remedy: str
    """What to do; a finding's own `fix_sql` follows it where there is one."""
    evidence: tuple[str, ...] = ()
    """Columns beside object and value."""
    profile: Profile = Profile.FULL
    """The smallest profile that has it."""
    threshold: Threshold | None = None
    requires: Requirements = Requirements()
    parameters: dict[str, float] = {}
    """Numbers that the SQL names as @name@."""
    generated: bool = False
    """The SQL gives one query per object, and those queries are asked in turn."""
    reports_damage: bool = False
    """An error of SQLSTATE class XX, by which the server tells of damage, is a finding and not a failure."""
    measured: bool = False
    """The engine itself measures it; there is no SQL."""
    fix: Fix | None = None
    also: tuple[str, ...] = ()
    """The same rule in other tools, as `tool:name`."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 2.0
    """Chosen: on 10,000 tables the slowest catalogue query takes a tenth of it."""
    statements: dict[int, str] = {}
    """SQL by the first major version that it is for."""

    @property
    def group(self) -> str:
        """The group, which is the file's folder."""
        return self.id.partition(".")[0]

    def statement_for(self, major: int) -> str:
        """Return the SQL for a server."""
        return self.statements[max(first for first in self.statements if first <= major)]

    def severity_of(self, value: float | None) -> Severity:
        """Judge one value."""
        limit = self.threshold.critical if self.threshold else None
        if self.threshold and limit is not None and value is not None and self.threshold.reaches(value, limit):
            return Severity.CRITICAL
        return self.severity


def parse_check(group: str, name: str, text: str) -> Check:
    """Read one file.

    Args:
        group: name of the folder.
        name: name of the file without its ending.
        text: a first line with the title, a comment with TOML, the SQL.

    Raises:
        CheckFileError: a part is missing, unknown or of the wrong kind.
    """
    where = f"checks/{group}/{name}.sql"
    found = _FILE.match(text)
    if found is None or not _NAME.fullmatch(name):
        message = f"{where}: its first line must be `-- title`, then `/*`, TOML and `*/`, each on lines of their own"
        raise CheckFileError(message)
    try:
        head = tomllib.loads(found["head"])
        document = {
            **head,
            "id": f"{group}.{name}",
            "title": found["title"].rstrip("."),
            "statements": _split_variants(found["body"]),
        }
        check = msgspec.convert(document, Check)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        message = f"{where}: {error}; correct its head"
        raise CheckFileError(message) from error
    if bool(check.statements) == check.measured:
        message = f"{where}: it needs SQL, or `measured = true` when the engine measures it"
        raise CheckFileError(message)
    return check


def _split_variants(body: str) -> dict[int, str]:
    """Divide the SQL at lines `-- @from N`; what stands before the first is for every older server."""
    pieces = _VARIANT.split(body)
    variants = {0: pieces[0], **{int(major): text for major, text in zip(pieces[1::2], pieces[2::2], strict=True)}}
    return {major: text.strip().rstrip(";") for major, text in variants.items() if text.strip()}
