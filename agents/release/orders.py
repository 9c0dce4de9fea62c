"""What a person tells a release: approve it, abort it, or try it again. Each order names the release that it is for."""

from dataclasses import dataclass
from enum import StrEnum

from agents.release.gates import judge_approval
from agents.release.verdicts import Finding, Verdict
from agents.runtime import names
from agents.runtime.cluster import ConfigMap, Kube
from agents.runtime.errors import ClusterUnavailableError


class Order(StrEnum):
    """The three orders; each is a key of the ConfigMap, its value the release it is for."""

    APPROVE = "approve"
    ABORT = "abort"
    RETRY = "retry"
    """What was rolled back may be released once more."""


@dataclass(frozen=True, slots=True)
class OrderBook:
    """The ConfigMap beside the record; apart from it, so that an order never takes the record from a release."""

    kube: Kube
    namespace: str
    app: str

    def read(self) -> dict[Order, str]:
        """Return the orders there are, each with the release that it is for."""
        found = self.kube.get_config_map(self.namespace, self._name)
        data = found.data if found else {}
        return {order: data[order] for order in Order if data.get(order)}

    def give(self, order: Order, release_id: str) -> None:
        """Write an order; an order of the same kind for another release is replaced."""
        found = self.kube.get_config_map(self.namespace, self._name)
        wanted = ConfigMap(
            namespace=self.namespace,
            name=self._name,
            data={**(found.data if found else {}), order.value: release_id},
            labels=names.app_labels(self.app, component="release-orders", managed_by=names.FIELD_MANAGER_RELEASE),
            resource_version=found.resource_version if found else None,
        )
        self.kube.apply_config_map(wanted, field_manager=names.FIELD_MANAGER_RELEASE)

    def judge_approval(self, release_id: str) -> Finding:
        """Say whether this release is approved; an API server that does not answer approves nothing."""
        try:
            orders = self.read()
        except ClusterUnavailableError as error:
            return Finding(Verdict.INCONCLUSIVE, (f"approval: {error}",))
        if aborted := judge_abort(orders, release_id):
            return aborted
        return judge_approval(asked_for=release_id, given_for=orders.get(Order.APPROVE))

    @property
    def _name(self) -> str:
        return names.release_orders_name(names.route_name(self.app))


def judge_abort(orders: dict[Order, str], release_id: str) -> Finding | None:
    """Return a failure when this release is to be aborted; an order for another release is none."""
    if orders.get(Order.ABORT) != release_id:
        return None
    return Finding(Verdict.FAIL, (f"release {release_id} was aborted by `cryo release abort`",))
