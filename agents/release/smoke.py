"""Asks a colour whether it is fit, and the gateway whether it shows that colour.

A verdict has three values, because an answer that never came proves nothing; only a pass promotes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.release.probe import Answer, HttpProbe, NoAnswerError
from agents.release.verdicts import Finding, Verdict
from agents.runtime.clock import Deadline
from agents.runtime.names import HEADER_COLOUR, Colour

# Chosen: glycerol is in every cryoprotectant data set, so every model must know it.
SMOKE_PREDICTION: dict[str, object] = {"target": "tg", "inputs": [{"smiles": "OCC(O)CO"}]}
# Chosen: small, well-known molecules of the same data set.
REFERENCE_PREDICTION: dict[str, object] = {
    "target": "tg",
    "inputs": [{"smiles": each} for each in ("OCC(O)CO", "OCCO", "CC(O)CO", "OCC(O)C(O)C(O)C(O)CO", "CCO", "OCCCO")],
}
_SMOKE_PAUSE_S = 0.5
# Chosen: twenty answers in a row leave a gateway that still sends one in two to the old colour a chance of 1e-6.
CONFIRMATIONS = 20
_CONFIRM_PAUSE_S = 0.05
# Chosen: at 1 % of the traffic a sighting then takes 2 s on average.
_SIGHTING_PAUSE_S = 0.02
_OK = 200


def judge_answer(answer: Answer, path: str, target: Colour) -> Finding:
    """Check status and colour of one answer; pure."""
    if answer.status != _OK:
        return Finding(Verdict.FAIL, (f"{path} answered {answer.status}, not 200",))
    if answer.colour != target:
        said = answer.colour or "nothing"
        return Finding(Verdict.FAIL, (f"{path}: {HEADER_COLOUR} says {said}, not {target}",))
    return Finding(Verdict.PASS, (f"{path} answered 200 as {target}",))


def judge_prediction(answer: Answer, path: str) -> Finding:
    """Check that a prediction is a finite number inside its own interval; pure."""
    try:
        prediction = answer.parse_json()["predictions"][0]
        low, point, high = (float(prediction[key]) for key in ("lower", "prediction", "upper"))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return Finding(Verdict.FAIL, (f"{path} answered without a prediction ({error!r})",))
    if not all(map(math.isfinite, (low, point, high))) or not low <= point <= high:
        return Finding(Verdict.FAIL, (f"{path}: prediction {point} is not inside [{low}, {high}]",))
    return Finding(Verdict.PASS, (f"{path} predicted {point} in [{low}, {high}]",))


def smoke_once(probe: HttpProbe, base_url: str, target: Colour) -> Finding:
    """Ask a colour's own Service once: alive, ready, and able to predict."""
    because: list[str] = []
    requests: list[tuple[str, Any]] = [("/livez", None), ("/readyz", None), ("/api/v1/predictions", SMOKE_PREDICTION)]
    for path, payload in requests:
        try:
            answer = probe.ask(base_url.rstrip("/") + path, payload=payload)
        except NoAnswerError as error:
            return Finding(Verdict.INCONCLUSIVE, (str(error),))
        finding = judge_answer(answer, path, target)
        if payload is not None and finding.verdict is Verdict.PASS:
            finding = judge_prediction(answer, path)
        if finding.verdict is not Verdict.PASS:
            return finding
        because.extend(finding.because)
    return Finding(Verdict.PASS, tuple(because))


def await_pass(check: Callable[[], Finding], deadline: Deadline) -> Finding:
    """Repeat a check until it passes or time is up; the last finding is the answer."""
    while True:
        finding = check()
        if finding.verdict is Verdict.PASS or deadline.is_over:
            return finding
        deadline.sleep(_SMOKE_PAUSE_S)


def await_verdict(check: Callable[[], Finding], deadline: Deadline) -> Finding:
    """Repeat a check until it passes or fails, or time is up; a judge is not asked again after a no."""
    while True:
        finding = check()
        if finding.verdict is not Verdict.INCONCLUSIVE or deadline.is_over:
            return finding
        deadline.sleep(_SMOKE_PAUSE_S)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The way users come in, and how often it must agree."""

    url: str
    host: str | None = None
    """Host header, when the gateway routes by name."""
    confirmations: int = CONFIRMATIONS
    """Answers in a row that confirm a colour; any other answer begins the count again."""


def await_confirmation(probe: HttpProbe, gateway: Gateway, target: Colour, *, deadline: Deadline) -> Finding:
    """Ask the gateway until it has answered as the target that many times in a row.

    Args:
        probe: how to ask.
        gateway: where to ask, and how often.
        target: the colour that must answer.
        deadline: when to stop.
    """
    in_a_row = asked = 0
    last = Finding(Verdict.INCONCLUSIVE, ("the gateway was not asked yet",))
    url, wanted = gateway.url.rstrip("/") + "/livez", gateway.confirmations
    while in_a_row < wanted:
        if deadline.is_over:
            told = f"{in_a_row} of {wanted} answers in a row from {target}, {asked} asked; last: {last.because[0]}"
            verdict = Verdict.INCONCLUSIVE if last.verdict is Verdict.PASS else last.verdict
            return Finding(verdict, (told,))
        try:
            last = judge_answer(probe.ask(url, host=gateway.host), f"gateway {url}", target)
        except NoAnswerError as error:
            last = Finding(Verdict.INCONCLUSIVE, (str(error),))
        asked += 1
        in_a_row = in_a_row + 1 if last.verdict is Verdict.PASS else 0
        deadline.sleep(_CONFIRM_PAUSE_S)
    return Finding(Verdict.PASS, (f"the gateway answered {wanted} times in a row as {target}, {asked} asked",))


def await_sighting(probe: HttpProbe, gateway: Gateway, target: Colour, *, deadline: Deadline) -> Finding:
    """Ask the gateway until one healthy answer comes from the target, which then has a share of the traffic."""
    asked = 0
    last = Finding(Verdict.INCONCLUSIVE, ("the gateway was not asked yet",))
    url = gateway.url.rstrip("/") + "/livez"
    while not deadline.is_over:
        asked += 1
        try:
            last = judge_answer(probe.ask(url, host=gateway.host), f"gateway {url}", target)
        except NoAnswerError as error:
            last = Finding(Verdict.INCONCLUSIVE, (str(error),))
        if last.has_passed:
            return Finding(Verdict.PASS, (f"the gateway answered as {target} for the first time in {asked} answers",))
        deadline.sleep(_SIGHTING_PAUSE_S)
    return Finding(Verdict.FAIL, (f"no answer from {target} in {asked}; last: {last.because[0]}",))
