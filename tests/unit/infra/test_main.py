"""The file that `pulumi up` runs: it declares everything, or ends in one error without a traceback."""

from __future__ import annotations

import runpy
from pathlib import Path

import pulumi
import pytest

PROGRAM = Path(__file__).parents[3] / "infra"


@pytest.fixture
def started(run, monkeypatch, variables):
    def start(stack, **changes):
        for name in ("KUBECONFIG", "CRYO_IMAGES_INDEX", "CRYO_KUBE_CONTEXT"):
            monkeypatch.delenv(name, raising=False)
        for name, value in (variables | changes).items():
            monkeypatch.setenv(name, value)
        return run(lambda: runpy.run_path(str(PROGRAM), run_name="__main__"), stack=stack)

    return start


@pytest.fixture
def told(monkeypatch):
    messages = []
    monkeypatch.setattr(pulumi.log, "error", messages.append)
    return messages


@pytest.mark.parametrize("stack", ["local", "production"])
def test_a_good_environment_is_declared(started, told, stack):
    recorder = started(stack)

    assert told == []
    assert "release-model-server" in {resource.name for resource in recorder.rendered}


def test_where_things_are_is_exported(started, monkeypatch):
    exported = {}
    monkeypatch.setattr(pulumi, "export", exported.__setitem__)

    started("local")

    assert exported["active"] == {"model-server": "blue"}
    assert exported["gateway_url"] == "http://127.0.0.1:8080"
    assert exported["gateway_internal_url"] == "http://gateway.cryoprotect-gateway.svc:80"
    assert exported["hostnames"] == {"model-server": [], "prometheus": "prometheus.localhost"}
    assert "namespace" in exported


@pytest.mark.parametrize(
    ("stack", "changes", "message"),
    [
        ("nowhere", {}, "environments/nowhere.yaml: no such file"),
        ("local", {"KUBECONFIG": ""}, "KUBECONFIG is not set; run `cryo up`"),
        ("local", {"CRYO_IMAGES_INDEX": "/nowhere/index.json"}, "run `cryo images build`"),
        ("production", {"CRYO_KUBE_CONTEXT": "cryo-embedded"}, 'stack "production" is production and belongs to'),
    ],
)
def test_a_refusal_is_one_error_and_declares_nothing(started, told, stack, changes, message):
    with pytest.raises(SystemExit) as stopped:
        started(stack, **changes)

    assert stopped.value.code == 32
    assert len(told) == 1
    assert message in told[0]
    assert "Traceback" not in told[0]


def test_the_program_only_wires():
    assert len((PROGRAM / "__main__.py").read_text("utf-8").splitlines()) <= 60
