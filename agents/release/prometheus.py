"""Asks Prometheus: numbers now, and raw samples; whatever is not a clear answer is an error, never an empty list."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
import urllib3

from agents.release.samples import Series

# Chosen: a query of a release takes milliseconds; Prometheus itself gives up after two minutes.
_TIMEOUT_S = 10.0
_OK = 200

T = TypeVar("T")
Ask = Callable[[str, Mapping[str, str]], tuple[int, bytes]]


class NoMetricsError(Exception):
    """Prometheus is unreachable, refused the query, or answered something else."""


def ask_by_http(url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
    """Post a form without a proxy and return status and body.

    Raises:
        NoMetricsError: no answer in time.
    """
    with requests.Session() as session:
        session.trust_env = False
        try:
            response = session.post(url, data=dict(form), timeout=_TIMEOUT_S, allow_redirects=False)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            message = f"{url} got no answer ({type(error).__name__})"
            raise NoMetricsError(message) from error
        return response.status_code, response.content


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One server; how HTTP is spoken is an argument."""

    url: str
    ask: Ask = ask_by_http

    def read_now(self, query: str, *, at_s: float) -> dict[frozenset[tuple[str, str]], float]:
        """Evaluate an expression at one moment and return a value for each set of labels.

        Prometheus leaves out series that ended, and repeats a last value for up to five minutes otherwise.

        Raises:
            NoMetricsError: see the class.
        """
        pairs = self._query(
            query, at_s, "vector", lambda row: (frozenset(row["metric"].items()), float(row["value"][1]))
        )
        return dict(pairs)

    def read_samples(self, selector: str, *, begin_s: float, end_s: float) -> tuple[Series, ...]:
        """Return the raw samples of a selector within a span of Unix time.

        Raises:
            NoMetricsError: see the class.
        """
        span_s = max(1, round(end_s - begin_s))
        return tuple(self._query(f"{selector}[{span_s}s]", end_s, "matrix", _parse_series))

    def _query(self, query: str, at_s: float, kind: str, parse: Callable[[dict[str, Any]], T]) -> list[T]:
        url = self.url.rstrip("/") + "/api/v1/query"
        status, body = self.ask(url, {"query": query, "time": f"{at_s:.3f}"})
        try:
            answer = json.loads(body)
            if status != _OK or answer["status"] != "success":
                message = f"{url} refused {query!r}: {status} {answer.get('error', '')}"
                raise NoMetricsError(message)
            data = answer["data"]
            if data["resultType"] != kind:
                message = f"{url} answered {query!r} with a {data['resultType']}, not a {kind}"
                raise NoMetricsError(message)
            return [parse(row) for row in data["result"]]
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            message = f"{url} answered {query!r} with {status} and no Prometheus answer; is that address Prometheus?"
            raise NoMetricsError(message) from error


def _parse_series(row: dict[str, Any]) -> Series:
    samples = tuple((float(at_s), float(value)) for at_s, value in row["values"])
    return Series(labels=dict(row["metric"]), samples=samples)
