"""The emergency way back: all traffic to the colour it came from, at once and without new proof."""

from dataclasses import dataclass

from agents.release.errors import ReleaseRefusedError
from agents.release.record import RecordStore, ReleaseRecord
from agents.release.states import FULL_SHARE, Move, Phase
from agents.release.traffic import ROLLBACK_DEADLINE_S, Traffic
from agents.runtime import names
from agents.runtime.cluster import Deployment

_NOTHING_MOVED = frozenset(
    {Phase.PREPARING, Phase.BACKED_UP, Phase.MIGRATED, Phase.IDLE_READY, Phase.PROVED, Phase.REFUSED, Phase.ROLLED_BACK}
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a rollback would stand on."""

    record: ReleaseRecord | None
    old_colour: tuple[Deployment, ...]
    """Deployments of the colour that the release came from."""
    contracts: tuple[str, ...] | None
    """Contract migrations that were applied since the release began; None when nobody could ask the database."""


def decide_rollback(ground: Ground) -> tuple[ReleaseRecord, tuple[str, ...]]:
    """Return the release to take back and why that is safe; pure.

    Raises:
        ReleaseRefusedError: nothing moved, the old colour cannot serve, or the schema has passed it by.
    """
    record = ground.record
    if record is None or record.phase in _NOTHING_MOVED:
        told = f"release {record.release_id} is {record.phase}" if record else "there was no release yet"
        message = f"{told}, so no traffic can be taken back; nothing was changed"
        raise ReleaseRefusedError(message)
    where = f"release {record.release_id} came from {record.source}"
    if ground.contracts:
        message = (
            f"{where}, and the schema has passed a point of no return since it began: contract migration "
            f"{', '.join(ground.contracts)} took away what that colour reads; release a repaired version instead"
        )
        raise ReleaseRefusedError(message)
    ready = sum(each.ready for each in ground.old_colour)
    if ready == 0:
        service = names.service_name(record.app, record.source)
        message = f"{where}, which has no ready pod; start {service} again, then take the traffic back"
        raise ReleaseRefusedError(message)
    then, now = record.versions.get(record.source, ""), {each.version for each in ground.old_colour if each.version}
    if then and now and now != {then}:
        message = f"{where}, which was {then} then and is {', '.join(sorted(now))} now: it is not the old version"
        raise ReleaseRefusedError(message)
    schema = "no contract migration since" if ground.contracts is not None else "the schema was not asked"
    return record, (f"{where}, which has {ready} ready pods", schema)


def take_back(
    record: ReleaseRecord, because: tuple[str, ...], *, store: RecordStore, traffic: Traffic
) -> ReleaseRecord:
    """Write the record, then the weights; a release that still runs loses the record and stops.

    The gateway follows within a fraction of a second and is not waited for: the record would not end sooner.
    """
    clock = traffic.clock
    if record.phase is not Phase.ROLLING_BACK:
        record = store.save(record.advance(Move(Phase.ROLLING_BACK, 0, because), at=clock.now()))
    written = traffic.write(record.source, FULL_SHARE, expected=None, deadline_s=ROLLBACK_DEADLINE_S)
    ended = record.advance(Move(Phase.ROLLED_BACK, 0, (*because, *written.because)), at=clock.now())
    return traffic.insist(lambda: store.save(ended))
