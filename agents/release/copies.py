"""Where a release record is copied to when it was written: Events and the database; neither can stop a release."""

from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from agents.release.events import EventLog
from agents.release.ledger import Ledger
from agents.release.record import ReleaseRecord
from agents.runtime.cluster import Kube


def copies_of(kube: Kube, namespace: str, ledger: Ledger, log: FilteringBoundLogger) -> Callable[[ReleaseRecord], None]:
    """Return what a record's store tells of each record."""
    events = EventLog(kube, namespace, log)

    def copy(record: ReleaseRecord) -> None:
        events.tell(record)
        ledger.write_history(record)

    return copy
