"""What Prometheus learns of backups, under the names of pgbackrest_exporter where it has them.

Source: woblerr/pgbackrest_exporter, README "Collected metrics". Ours are added where it has none: what was proven, what
is recoverable, and whether the repository could be read at all.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.backup.engine import BackupSet
from agents.backup.marks import RTO, verified_at, verified_level
from agents.backup.pgbackrest.restore import Window
from agents.runtime.clock import Clock

_KIND = "backup_type"


@dataclass(frozen=True, slots=True)
class Observation:
    """The repositories at one moment."""

    at: datetime
    stanza: str
    sets: Sequence[BackupSet]
    windows: Sequence[Window]
    last_archived_at: datetime | None
    is_readable: bool
    """False when the repository could not be read; everything else is then what was seen last."""


class BackupCollector(Collector):
    """Turns the last observation into gauges when Prometheus asks; ages are computed then, so that they never stand."""

    def __init__(self, now: Clock) -> None:
        """Start without an observation."""
        self._now = now
        self.observation: Observation | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield every gauge; nothing but the readability before the first observation."""
        seen = self.observation
        status = GaugeMetricFamily(
            "pgbackrest_repo_status", "Whether the repositories could be read: 0 yes, 1 no.", labels=("stanza",)
        )
        if seen is None:
            return
        status.add_metric((seen.stanza,), 0 if seen.is_readable else 1)
        yield status
        yield from _per_kind(seen, self._now.now())
        yield from _proofs(seen, self._now.now())
        yield from _reach(seen, self._now.now())


def _per_kind(seen: Observation, now: datetime) -> Iterator[Metric]:
    newest = {backup.kind.value: backup for backup in sorted(seen.sets, key=lambda each: each.finished_at)}
    gauges: dict[str, tuple[str, Callable[[BackupSet], float]]] = {
        "pgbackrest_backup_since_last_completion_seconds": ("Seconds since the last set of a type.", lambda b: (
            now - b.finished_at).total_seconds()),
        "pgbackrest_backup_duration_seconds": ("How long the last set took.", lambda b: (
            b.finished_at - b.started_at).total_seconds()),
        "pgbackrest_backup_size_bytes": ("What the last set restores to.", lambda b: b.size_bytes),
        "pgbackrest_backup_repo_delta_bytes": ("What the last set added to the repository.", lambda b: b.stored_bytes),
        "pgbackrest_backup_error_status": ("1 if the last set copied damaged pages.", lambda b: int(b.has_error)),
    }  # fmt: skip
    for name, (explained, value) in gauges.items():
        family = GaugeMetricFamily(name, explained, labels=("stanza", _KIND))
        for kind, backup in newest.items():
            family.add_metric((seen.stanza, kind), value(backup))
        yield family
    count = GaugeMetricFamily("cryo_backup_sets", "Complete sets.", labels=("stanza", _KIND))
    for kind in newest:
        count.add_metric((seen.stanza, kind), sum(1 for backup in seen.sets if backup.kind == kind))
    yield count


def _proofs(seen: Observation, now: datetime) -> Iterator[Metric]:
    level = GaugeMetricFamily("cryo_backup_verified_level", "Level of the newest verified set.", labels=("stanza",))
    age = GaugeMetricFamily("cryo_backup_verified_age_seconds", "Age of the newest set that was proven to a level or "
                            "more.", labels=("stanza", "level"))  # fmt: skip
    rto = GaugeMetricFamily("cryo_backup_rto_seconds", "What the last restore drill took.", labels=("stanza",))
    verified = [backup for backup in seen.sets if verified_at(backup) is not None]
    if verified:
        newest = max(verified, key=lambda backup: verified_at(backup) or backup.finished_at)
        level.add_metric((seen.stanza,), verified_level(newest))
        for least in range(1, verified_level(newest) + 1):
            reached = [backup.finished_at for backup in verified if verified_level(backup) >= least]
            age.add_metric((seen.stanza, str(least)), (now - max(reached)).total_seconds())
        if newest.annotations.get(RTO):
            rto.add_metric((seen.stanza,), float(newest.annotations[RTO]))
    yield from (level, age, rto)


def _reach(seen: Observation, now: datetime) -> Iterator[Metric]:
    begin = GaugeMetricFamily("cryo_backup_first_recoverable_timestamp_seconds", "Begin of the newest unbroken span "
                              "that can be recovered.", labels=("stanza",))  # fmt: skip
    end = GaugeMetricFamily("cryo_backup_last_recoverable_timestamp_seconds", "End of that span.", labels=("stanza",))
    lag = GaugeMetricFamily("cryo_backup_wal_age_seconds", "Seconds since a WAL segment arrived in the archive; an "
                            "idle database sends none.", labels=("stanza",))  # fmt: skip
    if seen.windows:
        begin.add_metric((seen.stanza,), seen.windows[-1].begin.timestamp())
        end.add_metric((seen.stanza,), seen.windows[-1].end.timestamp())
    if seen.last_archived_at is not None:
        lag.add_metric((seen.stanza,), (now - seen.last_archived_at).total_seconds())
    yield from (begin, end, lag)
