"""What every working part of the agent needs of the world besides its own business."""

from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from agents.oncall.metrics import OncallMetrics
from agents.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Around:
    """Clock, log and metrics of the process."""

    clock: Clock
    log: FilteringBoundLogger
    metrics: OncallMetrics
