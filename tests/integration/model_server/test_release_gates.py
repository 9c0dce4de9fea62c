"""The release's own gates ask two real servers: a promotion is what both colours predict, and what parity compares."""

import time

import httpx
import pytest

from agents.release.policy import Policy
from agents.release.probe import HttpProbe
from agents.release.proofs import Proofs
from agents.release.verdicts import Verdict
from agents.runtime.clock import SystemClock
from agents.runtime.names import Colour

PROMOTION = {"version": "1.0.0", "reason": "a test promotes the other version"}
TG = "/api/v1/models/tg"


@pytest.fixture
def start_colour(start_server, models_dir, tmp_path, operator):
    (tmp_path / "token").write_text(operator["authorization"].split()[1])

    def start(colour: Colour, registry: str):
        server = start_server(
            CRYO_COLOUR=colour.value,
            CRYO_DRAIN_S="0",
            CRYO_MODELS="tg",
            CRYO_MODELS_DIR=str(models_dir),
            CRYO_REGISTRY_DIR=str(tmp_path / registry),
            CRYO_SERVICE_TOKEN_FILE=str(tmp_path / "token"),
        )
        server.wait_until("/readyz", 200)
        return server

    return start


def ask_gates(blue, green):
    """Smoke, contract and model parity of green beside blue, as the release Job asks them."""
    clock = SystemClock()
    return Proofs(
        policy=Policy(openapi=True, parity_tolerance=0.0),
        kube=None,
        namespace="none",
        app="model-server",
        target=Colour.GREEN,
        probe=HttpProbe(clock),
        urls={Colour.BLUE: blue.url, Colour.GREEN: green.url},
        clock=clock,
        deadline_s=0.0,
        find_backup=lambda _age_s: None,
    ).fitness()


def wait_for_version(server, version):
    end = time.monotonic() + 30
    while (found := httpx.get(server.url + TG).json()["version"]) != version:
        assert time.monotonic() < end, f"{server.url} still leads with {found}"
        time.sleep(0.05)


def test_gates_compare_the_promoted_version_of_colours_that_share_a_registry(start_colour, operator):
    blue, green = start_colour(Colour.BLUE, "shared"), start_colour(Colour.GREEN, "shared")
    before = ask_gates(blue, green)

    reply = httpx.put(f"{blue.url}{TG}/aliases/champion", json=PROMOTION, headers=operator, timeout=30)
    assert reply.status_code == 200, reply.text
    for server in (blue, green):
        wait_for_version(server, "1.0.0")
    after = ask_gates(blue, green)

    assert before.verdict is after.verdict is Verdict.PASS, (before, after)
    smoke = [next(each for each in found.because if "predicted" in each) for found in (before, after)]
    assert smoke[0] != smoke[1], "the smoke request was answered by the new version"


def test_gates_refuse_a_colour_that_leads_with_another_version(start_colour, operator):
    blue, green = start_colour(Colour.BLUE, "one"), start_colour(Colour.GREEN, "other")
    reply = httpx.put(f"{green.url}{TG}/aliases/champion", json=PROMOTION, headers=operator, timeout=30)
    assert reply.status_code == 200, reply.text
    wait_for_version(green, "1.0.0")

    found = ask_gates(blue, green)

    assert found.verdict is Verdict.FAIL
    assert any("model parity: largest difference 100" in each for each in found.because), found.because
