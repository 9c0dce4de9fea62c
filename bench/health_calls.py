"""Prints how the health API stands calls that schemathesis makes up from the published document.

Usage: python bench/health_calls.py [--calls 20000] [--seed 1] [--examples 150]

The service is a process of its own on a throwaway PostgreSQL with our schema, may fix, and takes the caller for an
operator. A call that is answered with a status above 499, undescribed, of another type or shape than described, ends
the run with code 1.
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
from throwaway_postgres import ThrowawayPostgres, throwaway_postgres

_CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
_TOKEN = "h" * 40


def call_everything(url: str, folder: Path, *, seed: int, examples: int) -> tuple[int, str]:
    """One run of schemathesis; the number of calls, and its report when a check failed."""
    program = Path(sys.executable).with_name("schemathesis")
    argv = [
        program, "run", f"{url}/openapi.json", "--checks", _CHECKS, "--max-examples", str(examples), "--seed",
        str(seed), "--header", f"authorization: Bearer {_TOKEN}", "--workers", "1", "--phases",
        "examples,coverage,fuzzing", "--no-color", "--max-failures", "5",
    ]  # fmt: skip
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis")}
    done = subprocess.run(argv, capture_output=True, text=True, cwd=folder, check=False, env=environment)
    found = re.search(r"(\d[\d,]*) generated", done.stdout)
    calls = int(found[1].replace(",", "")) if found else 0
    return calls, "" if done.returncode == 0 else done.stdout[-6000:] + done.stderr[-2000:]


def settings_of(server: ThrowawayPostgres, folder: Path, url: str) -> dict[str, str]:
    """Return the service's environment, and write its secrets."""
    (folder / "token").write_text(_TOKEN)
    (folder / "password").write_text(server.password)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CRYO_")},
        "CRYO_BIND": url.removeprefix("http://"),
        "CRYO_DB_HOST": "127.0.0.1",
        "CRYO_DB_PORT": str(server.port),
        "CRYO_DB_NAME": "postgres",
        "CRYO_DB_USER": "postgres",
        "CRYO_DB_PASSWORD_FILE": str(folder / "password"),
        "CRYO_HEALTH_FIX_USER": "postgres",
        "CRYO_HEALTH_FIX_PASSWORD_FILE": str(folder / "password"),
        "CRYO_SERVICE_TOKEN_FILE": str(folder / "token"),
        "CRYO_DRAIN_S": "0",
    }


def statuses(url: str) -> dict[str, int]:
    """How many calls were answered with each hundred of statuses, as the service counts."""
    counted: dict[str, int] = {}
    text = httpx.get(f"{url}/metrics").text
    for status, value in re.findall(r'^cryo_health_requests_total\{.*status="(\d+)"\} (\S+)$', text, re.MULTILINE):
        counted[f"{status[0]}xx"] = counted.get(f"{status[0]}xx", 0) + int(float(value))
    return counted


def main() -> int:
    """Call until enough calls were made, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=150)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, throwaway_postgres(fsync="off") as server:
        folder, url = Path(temporary), f"http://127.0.0.1:{free_port()}"
        with server.connect() as conn:
            conn.execute((ROOT / "migrations" / "schema.sql").read_bytes())
        with (folder / "log").open("wb") as log:
            argv = [sys.executable, "-m", "agents.health", "serve"]
            process = subprocess.Popen(argv, cwd=ROOT, env=settings_of(server, folder, url), stdout=log, stderr=log)
        try:
            if not wait_until_ready(f"{url}/readyz", process):
                print((folder / "log").read_text(), file=sys.stderr)
                return 1
            before = statuses(url)
            calls, failure, began, seed = 0, "", time.monotonic(), options.seed
            while calls < options.calls and not failure:
                made, failure = call_everything(url, folder, seed=seed, examples=options.examples)
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
        "server_errors": answered.get("5xx", 0),
        "unforeseen_errors": unforeseen,
        "checks_failed": int(bool(failure)),
        "duration_s": round(time.monotonic() - began),
        **{f"answered_{hundred}": count for hundred, count in sorted(answered.items())},
    }
    report("health_calls", figures, {}, seed=options.seed)
    return int(bool(failure) or figures["server_errors"] > 0)


if __name__ == "__main__":
    sys.exit(main())
