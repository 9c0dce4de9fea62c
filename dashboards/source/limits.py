"""Reads the limit of an alert out of its rule, so that a panel draws the line where somebody is called."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType

import promql_parser

from alerts.source.catalogue import all_alerts
from alerts.source.model import Alert, Severity

ALERTS = MappingProxyType({alert.name: alert for alert in all_alerts()})
_FIRES: MappingProxyType[str, Callable[[float, float], bool]] = MappingProxyType(
    {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq}
)


@dataclass(frozen=True, slots=True)
class Limit:
    """One comparison of a rule with a number.

    Attributes:
        expr: what is compared, as PromQL.
        sign: `>`, `>=`, `<`, `<=` or `==`; the alert fires when it holds.
        value: in the unit of the metric.
        severity: of the alert.
    """

    expr: str
    sign: str
    value: float
    severity: Severity

    def fires(self, value: float) -> bool:
        """Say whether this value is beyond the limit."""
        return _FIRES[self.sign](value, self.value)


class NoLimitError(LookupError):
    """A rule compares nothing with a number (permanent): its panel has to be written by hand."""


def limit_of(name: str) -> Limit:
    """Return the first comparison of an alert with a number, which is the one that its description names.

    Raises:
        KeyError: no such alert.
        NoLimitError: the rule holds no such comparison.
    """
    alert = ALERTS[name]
    found = next(_comparisons(promql_parser.parse(alert.expr), alert), None)
    if found is None:
        raise NoLimitError(f"{name} compares nothing with a number: {alert.expr}")
    return found


def _comparisons(node: promql_parser.Expr, alert: Alert) -> Iterator[Limit]:
    if isinstance(node, promql_parser.ParenExpr):
        yield from _comparisons(node.expr, alert)
    if not isinstance(node, promql_parser.BinaryExpr):
        return
    sign = str(node.op)
    if sign in _FIRES and isinstance(node.rhs, promql_parser.NumberLiteral):
        yield Limit(" ".join(node.lhs.prettify().split()), sign, node.rhs.val, alert.severity)
        return
    yield from _comparisons(node.lhs, alert)
    yield from _comparisons(node.rhs, alert)
