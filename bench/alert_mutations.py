"""How many small faults in the alert rules their promtool tests notice: the mutation score.

Each mutant changes one thing in one rule: a comparator, a limit by a fifth, a matcher, a set operator, a floor, `for`
or the severity. A mutant is killed when the tests of its alert fail. Survivors are printed, for a person to judge.
Usage: python bench/alert_mutations.py [--files api backup ...] [--processes 2]
"""

import argparse
import copy
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent))
from report import CRYO, ROOT, report

RULES, TESTS = ROOT / "alerts" / "rules", ROOT / "alerts" / "tests"
# A mutant of a rule over days is judged in a minute on a machine with nothing else to do.
LIMIT_S = 1200
_COMPARISON = re.compile(r"(?<![=!~<>\"])\s(>=|<=|==|>|<)\s(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w.])")
_OTHER = {">": "<", "<": ">", ">=": "<", "<=": ">", "==": "!="}
_MATCHER = re.compile(r"(?<=[{,])\s*\w+(?:=~|!~|!=|=)\"[^\"]*\",?\s*")
_OPERATOR = re.compile(r"\b(and|unless)\b")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One rule with one fault."""

    file: str
    alert: str
    fault: str
    rule: dict[str, Any]


def mutants(file: str, rule: dict[str, Any]) -> Iterator[Mutant]:
    """Yield every mutant of an alerting rule."""
    for fault, expr in _expressions(rule["expr"]):
        yield Mutant(file, rule["alert"], fault, {**rule, "expr": expr})
    if "for" in rule:
        yield Mutant(file, rule["alert"], "for dropped", {key: value for key, value in rule.items() if key != "for"})
        longer = f"{int(rule['for'][:-1]) * 2}s"
        yield Mutant(file, rule["alert"], "for doubled", {**rule, "for": longer})
    swapped = copy.deepcopy(rule)
    swapped["labels"]["severity"] = "warning" if rule["labels"]["severity"] == "critical" else "critical"
    yield Mutant(file, rule["alert"], "severity swapped", swapped)


def _expressions(expr: str) -> Iterator[tuple[str, str]]:
    for found in _COMPARISON.finditer(expr):
        sign, number = found[1], float(found[2])
        yield f"{sign} turned", _put(expr, found.span(1), _OTHER[sign])
        for factor in (0.8, 1.2):
            # A fifth of zero is zero, and a fifth of one is the same whole number of things.
            if number * factor != number and abs(number) != 1:
                yield f"{number:g} times {factor}", _put(expr, found.span(2), f"{number * factor:g}")
    for found in _MATCHER.finditer(expr):
        yield f"without {found[0].strip()}", _put(expr, found.span(), "")
    for found in _OPERATOR.finditer(expr):
        yield f"{found[0]} turned", _put(expr, found.span(), "unless" if found[0] == "and" else "and")
    lines = expr.rsplit("\nand ", 1)
    if len(lines) > 1:
        yield "without its floor", lines[0]
    if "\nor absent(" in expr:
        yield "without its twin", expr.split("\nor absent(", maxsplit=1)[0]


def _put(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


def is_killed(mutant: Mutant, promtool: Path) -> bool:
    """Run the tests of its alert on a mutant."""
    with tempfile.TemporaryDirectory() as folder:
        document = yaml.safe_load((RULES / f"{mutant.file}_alerts.yml").read_text())
        rules = document["groups"][0]["rules"]
        document["groups"][0]["rules"] = [
            mutant.rule if rule.get("alert") == mutant.alert else rule
            for rule in rules
            if "record" in rule or rule["alert"] == mutant.alert
        ]
        for name in ("rules", "tests"):
            (Path(folder) / name).mkdir()
        (Path(folder) / "rules" / f"{mutant.file}_alerts.yml").write_text(yaml.safe_dump(document))
        for path in TESTS.glob(f"{mutant.file}_*_test.yml"):
            text = yaml.safe_load(path.read_text())
            text["tests"] = [test for test in text["tests"] if re.match(rf"{mutant.alert}[,:]", test["name"])]
            if text["tests"]:
                (Path(folder) / "tests" / path.name).write_text(yaml.safe_dump(text))
        argv = [promtool, "test", "rules", *(Path(folder) / "tests").iterdir()]
        return subprocess.run(argv, capture_output=True, check=False, timeout=LIMIT_S).returncode != 0


def main() -> None:
    """Try every mutant and print the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", nargs="*", default=sorted(path.name[:-11] for path in RULES.glob("*_alerts.yml")))
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    listing = subprocess.run([CRYO, "toolchain"], capture_output=True, text=True, check=True).stdout.splitlines()
    promtool = Path(dict(line.split(maxsplit=1) for line in listing)["prometheus"]) / "bin" / "promtool"
    found = [
        mutant
        for file in given.files
        for rule in yaml.safe_load((RULES / f"{file}_alerts.yml").read_text())["groups"][0]["rules"]
        if "alert" in rule
        for mutant in mutants(file, rule)
    ]
    with ThreadPoolExecutor(given.processes) as pool:
        killed = list(pool.map(lambda mutant: is_killed(mutant, promtool), found))
    for mutant, dead in zip(found, killed, strict=True):
        if not dead:
            print(f"survived: {mutant.alert}: {mutant.fault}")
    score = sum(killed) / len(found)
    report("alert_mutations", {"mutants": len(found), "killed": sum(killed), "score": round(score, 4)}, {})


if __name__ == "__main__":
    main()
