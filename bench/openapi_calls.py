"""Prints how the whole API stands calls that schemathesis makes up from the published document.

Usage: python bench/openapi_calls.py [--calls 20000] [--seed 1]

The server is a process of its own with made-up models, an operator's token and every endpoint switched on. A call that
is answered with a status above 499, undescribed, of another type or shape than described, ends the run with code 1.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent))
from report import ROOT, report
from serving_parts import free_port, wait_until_ready

sys.path.insert(0, str(ROOT))
from releases import MadeUp, write_made_up

_CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
_EXAMPLES = 150
_TOKEN = "b" * 40


def write_models(folder: Path) -> None:
    """One model of each kind, one of them with two versions."""
    for version, offset in (("1.0.0", 200.0), ("1.1.0", 300.0)):
        write_made_up(folder, MadeUp(version=version, offset=offset))
    write_made_up(
        folder, MadeUp("tg-tm", recipe="structure-melting-1", selector="condition:melting_point_k", offset=250.0)
    )
    write_made_up(folder, MadeUp("iri-amino", recipe="amino-1", family="iri", selector="nearest", offset=10.0))
    write_made_up(
        folder, MadeUp("viability-wetlab", recipe="composition-1", family="viability", offset=50.0, upper=100.0)
    )


def call_everything(url: str, folder: Path, seed: int) -> tuple[int, str]:
    """One run of schemathesis; the number of calls, and its report when a check failed."""
    program = Path(sys.executable).with_name("schemathesis")
    argv = [
        program, "run", f"{url}/api/v1/openapi.json", "--checks", _CHECKS, "--max-examples", str(_EXAMPLES), "--seed",
        str(seed), "--header", f"authorization: Bearer {_TOKEN}", "--workers", "1", "--phases",
        "examples,coverage,fuzzing", "--no-color", "--max-failures", "5",
    ]  # fmt: skip
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis")}
    done = subprocess.run(argv, capture_output=True, text=True, cwd=folder, check=False, env=environment)
    found = re.search(r"(\d[\d,]*) generated", done.stdout)
    calls = int(found[1].replace(",", "")) if found else 0
    return calls, "" if done.returncode == 0 else done.stdout[-6000:] + done.stderr[-2000:]


def statuses(url: str) -> dict[str, int]:
    """How many calls were answered with each hundred of statuses, as the server counts."""
    counted: dict[str, int] = {}
    text = httpx.get(f"{url}/metrics").text
    # A route may hold braces, so the end of the labels is the last one of the line.
    for status, value in re.findall(r'^cryo_model_requests_total\{.*status="(\d+)"\} (\S+)$', text, re.MULTILINE):
        counted[f"{status[0]}xx"] = counted.get(f"{status[0]}xx", 0) + int(float(value))
    return counted


def main() -> int:
    """Call until enough calls were made, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, url = Path(temporary), f"http://127.0.0.1:{free_port()}"
        write_models(folder / "models")
        (folder / "token").write_text(_TOKEN)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CRYO_")},
            "CRYO_BIND": url.removeprefix("http://"),
            "CRYO_MODELS_DIR": str(folder / "models"),
            "CRYO_REGISTRY_DIR": str(folder / "registry"),
            "CRYO_SERVICE_TOKEN_FILE": str(folder / "token"),
            "CRYO_DRAIN_S": "0",
        }
        with (folder / "log").open("wb") as log:
            argv = [sys.executable, "-m", "model_server.serve"]
            process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            if not wait_until_ready(f"{url}/readyz", process):
                print((folder / "log").read_text(), file=sys.stderr)
                return 1
            endpoints = sum(map(len, httpx.get(f"{url}/api/v1/openapi.json").json()["paths"].values()))
            # What was answered while nothing was loaded yet is no part of the campaign.
            before = statuses(url)
            calls, failure, began, seed = 0, "", time.monotonic(), options.seed
            while calls < options.calls and not failure:
                made, failure = call_everything(url, folder, seed)
                calls, seed = calls + made, seed + 1
                print(f"{calls} calls", file=sys.stderr)
            answered = {hundred: count - before.get(hundred, 0) for hundred, count in statuses(url).items()}
            unforeseen = (folder / "log").read_text().count("request.failed")
        finally:
            process.terminate()
            process.wait(20)
    print(failure, file=sys.stderr)
    figures = {
        "calls": calls,
        "operations": endpoints,
        "server_errors": answered.get("5xx", 0),
        "unforeseen_errors": unforeseen,
        "checks_failed": int(bool(failure)),
        "duration_s": round(time.monotonic() - began),
        **{f"answered_{hundred}": count for hundred, count in sorted(answered.items())},
    }
    report("openapi_calls", figures, {}, seed=options.seed)
    return int(bool(failure) or figures["server_errors"] > 0)


if __name__ == "__main__":
    sys.exit(main())
