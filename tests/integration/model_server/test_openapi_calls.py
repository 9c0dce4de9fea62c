"""Schemathesis reads the published document and calls every endpoint with what it makes up.

A sample: `make bench-api` makes 20,000 calls.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

PROGRAM = Path(sys.executable).with_name("schemathesis")
CHECKS = "status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def fixed_server(tmp_path_factory, models_dir, operator, server_process):
    """A server whose models cannot be unloaded, so that it has no reason for any status above 499."""
    folder = tmp_path_factory.mktemp("fixed")
    (folder / "token").write_text(operator["authorization"].split()[1])
    started = server_process(
        folder / "server.log",
        CRYO_DRAIN_S="0.1",
        CRYO_MODELS_DIR=str(models_dir),
        CRYO_REGISTRY_DIR=str(folder / "registry"),
        CRYO_SERVICE_TOKEN_FILE=str(folder / "token"),
    )
    started.wait_until("/readyz", 200)
    yield started
    started.end()


def call_everything(server, operator, tmp_path, *, examples: int, seed: int, checks: str) -> int:
    """Run schemathesis; return the number of calls."""
    done = subprocess.run(
        [
            PROGRAM, "run", f"{server.url}/api/v1/openapi.json", "--checks", checks, "--max-examples", str(examples),
            "--seed", str(seed), "--header", f"authorization: {operator['authorization']}", "--workers", "1",
            "--phases", "examples,coverage,fuzzing", "--no-color", "--max-failures", "5",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis")},
    )  # fmt: skip
    found = re.search(r"(\d[\d,]*) generated", done.stdout)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return int(found[1].replace(",", "")) if found else 0


def assert_no_failure_of_ours(server) -> None:
    metrics = httpx.get(server.url + "/metrics").text
    # A route may hold braces, so the end of the labels is the last one of the line.
    failed = re.findall(r'^cryo_model_requests_total\{.*status="500"\} .*$', metrics, re.MULTILINE)
    assert failed == []
    assert [line for line in server.events() if line["event"].endswith(("request.failed", "loop.failed"))] == []
    assert httpx.get(server.url + "/livez").status_code == 200


def test_every_endpoint_keeps_its_own_description_and_never_fails(fixed_server, operator, tmp_path):
    checks = f"not_a_server_error,{CHECKS}"

    calls = call_everything(fixed_server, operator, tmp_path, examples=8, seed=1, checks=checks)

    assert calls > 300
    assert_no_failure_of_ours(fixed_server)


def test_description_holds_while_models_come_and_go(server, operator, tmp_path):
    """Unloaded models answer 503, which is described and no failure; 500 would be one."""
    calls = call_everything(server, operator, tmp_path, examples=4, seed=2, checks=CHECKS)

    assert calls > 300
    assert_no_failure_of_ours(server)
