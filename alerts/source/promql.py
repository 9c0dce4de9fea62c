"""Which metrics an expression asks for, by Prometheus' own grammar."""

from __future__ import annotations

from collections.abc import Iterator

import promql_parser


def metrics_of(expression: str) -> set[str]:
    """Return the names of the metrics of an expression.

    Raises:
        ValueError: it is not PromQL.
    """
    return {selector.name for selector in _selectors(promql_parser.parse(expression)) if selector.name}


def _selectors(node: object) -> Iterator[promql_parser.VectorSelector]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        below = getattr(node, part, None)
        if below is not None and not isinstance(below, str):
            yield from _selectors(below)
    for argument in getattr(node, "args", None) or ():
        yield from _selectors(argument)
