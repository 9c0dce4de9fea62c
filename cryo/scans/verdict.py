"""What a scanner found, read from what it printed. A scanner that looked at nothing has not passed."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cryo.errors import PermanentCryoError, TemporaryCryoError

Form = TypeVar("Form", list[Any], dict[str, Any])

_COMMITS = re.compile(r"(\d+) commits scanned")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One objection, and where."""

    place: str
    rule: str
    message: str

    def __str__(self) -> str:
        """Write it the way compilers do."""
        return f"{self.place}: {self.rule}: {self.message}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one scanner says.

    Attributes:
        scan: name of the scan.
        seen: how many inputs it read.
        unit: what an input is.
        findings: what it objects to; none means passed.
    """

    scan: str
    seen: int
    unit: str
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.scan}: {self.seen} {self.unit}, {len(self.findings)} findings"


def judge_actionlint(printed: str, files: Sequence[Path]) -> Verdict:
    """Read actionlint's JSON over the workflow files that it was given."""
    rows = _read("actionlint", printed, list)
    found = (Finding(f"{row['filepath']}:{row['line']}", row["kind"], row["message"]) for row in rows)
    return _verdict("actionlint", len(files), "workflows", found)


def judge_zizmor(printed: str, log: str, files: Sequence[Path]) -> Verdict:
    """Read zizmor's JSON (format 1) and count the files that its log says it completed."""

    def findings() -> Iterator[Finding]:
        for row in _read("zizmor", printed, list):
            primary = next(place for place in row["locations"] if place["symbolic"]["kind"] == "Primary")
            path = primary["symbolic"]["key"]["Local"]["verbatim_path"]
            line = primary["concrete"]["location"]["start_point"]["row"] + 1
            yield Finding(f"{path}:{line}", row["ident"], primary["symbolic"]["annotation"] or row["desc"])

    seen = log.count("completed ")
    if seen < len(files):
        message = f"zizmor: read {seen} of {len(files)} files, so it has not passed; its log:\n{log}"
        raise PermanentCryoError(message)
    return _verdict("zizmor", seen, "files", findings())


def judge_gitleaks(printed: str, log: str) -> Verdict:
    """Read gitleaks' JSON; the number of commits is in its log. No secret is repeated here."""
    commits = _COMMITS.search(log)
    found = (
        Finding(
            f"{row['File']}:{row['StartLine']}", row["RuleID"], f"{row['Description']} (commit {row['Commit'][:12]})"
        )
        for row in _read("gitleaks", printed, list)
    )
    return _verdict("gitleaks", int(commits[1]) if commits else 0, "commits", found)


def judge_pip_audit(printed: str) -> Verdict:
    """Read pip-audit's JSON.

    Raises:
        TemporaryCryoError: advisories of at least one package could not be read; it has then not passed.
    """
    if not printed.strip():
        message = "pip-audit: could not read PyPI's advisories, so it has not passed; try again later"
        raise TemporaryCryoError(message)
    packages = _read("pip-audit", printed, dict).get("dependencies", [])
    unread = [row["name"] for row in packages if "vulns" not in row]
    if unread:
        some = ", ".join(unread[:3])
        message = (
            f"pip-audit: the advisories of {len(unread)} of {len(packages)} packages could not be read ({some}, ...), "
            "so nothing is known about them; try again where PyPI's advisories can be reached"
        )
        raise TemporaryCryoError(message)
    found = (
        Finding(
            f"{row['name']} {row['version']}", hole["id"], f"corrected in {', '.join(hole['fix_versions']) or 'none'}"
        )
        for row in packages
        for hole in row["vulns"]
    )
    return _verdict("pip-audit", len(packages), "packages", found)


def _verdict(scan: str, seen: int, unit: str, findings: Iterator[Finding]) -> Verdict:
    if seen == 0:
        message = f"{scan}: looked at no {unit}, so it has not passed; run it in the repository"
        raise PermanentCryoError(message)
    try:
        return Verdict(scan, seen, unit, tuple(sorted(set(findings))))
    except (KeyError, TypeError, StopIteration) as error:
        raise _unknown(scan, error) from error


def _read(scan: str, printed: str, form: type[Form]) -> Form:
    try:
        answer = json.loads(printed)
    except ValueError as error:
        raise _unknown(scan, error) from error
    if not isinstance(answer, form):
        raise _unknown(scan, TypeError(type(answer).__name__))
    return answer


def _unknown(scan: str, error: Exception) -> PermanentCryoError:
    return PermanentCryoError(f"{scan}: answered in a form that is not known ({error!r}); compare its version")
