"""Asks Prometheus the environment's own questions about the canary, such as memory, drift or database errors."""

from dataclasses import dataclass
from string import Template

from agents.release.gates import Limit, judge_limit
from agents.release.prometheus import NoMetricsError, Prometheus
from agents.release.samples import newest_sample_s
from agents.release.verdicts import Finding, Verdict
from agents.runtime.names import Colour

_STALE_SCRAPES = 3


@dataclass(frozen=True, slots=True)
class LimitGates:
    """The limits of one release."""

    prometheus: Prometheus
    app: str
    canary: Colour
    scrape_interval_s: float
    limits: tuple[Limit, ...]

    def judge(self, now_s: float) -> list[Finding]:
        """Return one verdict per limit; an answer from before the canary's last scrapes is none."""
        try:
            if self.limits:
                self._check_fresh(now_s)
            return [judge_limit(limit, self._ask(limit, now_s)) for limit in self.limits]
        except NoMetricsError as error:
            return [Finding(Verdict.INCONCLUSIVE, (f"limits: {error}",))]

    def _ask(self, limit: Limit, now_s: float) -> list[float]:
        words = {"app": self.app, "colour": self.canary.value, "stable": self.canary.other.value}
        return list(self.prometheus.read_now(Template(limit.query).safe_substitute(words), at_s=now_s).values())

    def _check_fresh(self, now_s: float) -> None:
        """Refuse what Prometheus would repeat for five minutes after the canary's pods stopped answering it."""
        up = f'up{{app="{self.app}",colour="{self.canary}"}}'
        window_s = _STALE_SCRAPES * self.scrape_interval_s
        if newest_sample_s(self.prometheus.read_samples(up, begin_s=now_s - window_s, end_s=now_s)) is None:
            message = f"{self.canary} was not scraped in the last {window_s:.0f} s ({self.prometheus.url})"
            raise NoMetricsError(message)
        if set(self.prometheus.read_now(f"min({up})", at_s=now_s).values()) != {1.0}:
            message = f"the last scrape of a pod of {self.canary} failed ({self.prometheus.url})"
            raise NoMetricsError(message)
