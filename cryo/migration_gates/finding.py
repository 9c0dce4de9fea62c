"""One objection to a migration file, and the list of those that were looked at and accepted."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

from cryo.errors import PermanentCryoError


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A rule that a file breaks, and where."""

    file: str
    line: int
    """From 1."""
    rule: str
    message: str

    def __str__(self) -> str:
        """Write it the way compilers do, so that editors can jump to it."""
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


def read_accepted() -> Mapping[tuple[str, str], str]:
    """Return the reasons of accepted findings by file and rule."""
    text = resources.files("cryo.migration_gates").joinpath("accepted.toml").read_text(encoding="utf-8")
    return parse_accepted(text)


def parse_accepted(text: str) -> Mapping[tuple[str, str], str]:
    """Read accepted findings.

    Raises:
        PermanentCryoError: an entry lacks its file, rule or reason, or stands twice.
    """
    accepted: dict[tuple[str, str], str] = {}
    for index, entry in enumerate(tomllib.loads(text).get("accepted", ()), start=1):
        missing = [key for key in ("file", "rule", "because") if not entry.get(key)]
        if missing:
            message = f"accepted.toml: entry {index} has no {' and no '.join(missing)}; say which, where and why"
            raise PermanentCryoError(message)
        key = (entry["file"], entry["rule"])
        if key in accepted:
            message = f"accepted.toml: {entry['rule']} in {entry['file']} stands twice; keep one"
            raise PermanentCryoError(message)
        accepted[key] = entry["because"]
    return accepted


def judge(findings: Iterable[Finding], accepted: Mapping[tuple[str, str], str]) -> tuple[Finding, ...]:
    """Leave out accepted findings; an acceptance that nothing needs any more is itself a finding."""
    found = sorted(set(findings))
    kept = [finding for finding in found if (finding.file, finding.rule) not in accepted]
    needed = {(finding.file, finding.rule) for finding in found}
    stale = [
        Finding(file, 1, "stale-acceptance", f"accepted.toml accepts {rule}, which is not found any more; remove it")
        for file, rule in accepted
        if (file, rule) not in needed
    ]
    return tuple(sorted([*kept, *stale]))
