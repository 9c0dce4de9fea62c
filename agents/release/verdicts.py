"""What a gate says: pass, fail, or that it cannot tell, always with reasons; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Three values, because an answer that never came proves nothing; only a pass promotes."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and its reasons."""

    verdict: Verdict
    because: tuple[str, ...]

    @property
    def has_passed(self) -> bool:
        """Whether the release may go on."""
        return self.verdict is Verdict.PASS


def join_findings(findings: Iterable[Finding]) -> Finding:
    """Return the worst verdict: one failure fails, one gap is inconclusive; the reasons are those of the worst.

    A pass keeps every reason. No finding at all is inconclusive.
    """
    found = list(findings)
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        because = tuple(reason for each in found if each.verdict is verdict for reason in each.because)
        if because:
            return Finding(verdict, because)
    if not found:
        return Finding(Verdict.INCONCLUSIVE, ("no gate was asked",))
    return Finding(Verdict.PASS, tuple(reason for each in found for reason in each.because))
