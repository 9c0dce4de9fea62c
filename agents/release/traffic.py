"""Writes an application's weights and sees them arrive at the gateway."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from agents.release.probe import HttpProbe
from agents.release.routes import Weights, give, read_weights
from agents.release.smoke import Gateway, await_confirmation, await_sighting
from agents.release.states import FULL_SHARE
from agents.release.verdicts import Finding, Verdict
from agents.runtime import names
from agents.runtime.clock import Clock, Deadline
from agents.runtime.cluster import HttpRoute, Kube
from agents.runtime.errors import ClusterConflictError, ClusterUnavailableError, TemporaryError
from agents.runtime.names import Colour

# Chosen: putting traffic back matters more than ending soon; the API server of one node restarts in about 20 s.
ROLLBACK_DEADLINE_S = 60.0
_CLUSTER_PAUSE_S = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Traffic:
    """The route of one application and the gateway in front of it."""

    kube: Kube
    namespace: str
    app: str
    probe: HttpProbe
    gateway: Gateway
    clock: Clock
    log: FilteringBoundLogger

    def read(self) -> Weights:
        """Return the weights as the route has them."""
        return read_weights(self._route(), self.app)

    def write(self, colour: Colour, share: int, *, expected: frozenset[Weights] | None, deadline_s: float) -> Finding:
        """Give a colour its share, reading the route again whenever somebody else wrote it in between.

        Args:
            colour: which colour the share is for.
            share: percent; the other colour gets the rest.
            expected: weights that may be there before; any other was set by hand and fails. None accepts all.
            deadline_s: how long an API server that does not answer is asked again.
        """

        def attempt() -> Finding:
            route = self._route()
            found = read_weights(route, self.app)
            if expected is not None and found not in expected:
                told = f"weights are {found}, and no step of this release set them so: somebody else moved traffic"
                return Finding(Verdict.FAIL, (told,))
            wanted = give(route, self.app, colour, share)
            written = self.kube.apply_http_route(wanted, field_manager=names.FIELD_MANAGER_RELEASE)
            return Finding(Verdict.PASS, (f"weights are {read_weights(written, self.app)}",))

        return self.insist(attempt, deadline_s=deadline_s, also=ClusterConflictError)

    def confirm(self, colour: Colour, share: int, *, deadline_s: float) -> Finding:
        """Ask the gateway until it shows the colour: every answer in a row at full share, one answer at less."""
        deadline = Deadline.after(deadline_s, self.clock)
        if share >= FULL_SHARE:
            return await_confirmation(self.probe, self.gateway, colour, deadline=deadline)
        return await_sighting(self.probe, self.gateway, colour, deadline=deadline)

    def insist(
        self,
        effect: Callable[[], T],
        *,
        deadline_s: float = ROLLBACK_DEADLINE_S,
        also: type[TemporaryError] = ClusterUnavailableError,
    ) -> T:
        """Repeat an effect while the API server does not answer, until the deadline."""
        deadline = Deadline.after(deadline_s, self.clock)
        while True:
            try:
                return effect()
            except (ClusterUnavailableError, also) as error:
                if deadline.is_over:
                    message = f"{error}; gave up after {deadline_s:.0f} s"
                    raise ClusterUnavailableError(message) from error
                self.log.warning("release.cluster.retried", reason=str(error))
                deadline.sleep(_CLUSTER_PAUSE_S)

    def _route(self) -> HttpRoute:
        return self.kube.get_http_route(self.namespace, names.route_name(self.app))
