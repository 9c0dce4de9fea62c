"""The file that `pulumi up` runs: it declares everything, or ends in one error without a traceback."""

from __future__ import annotations

import runpy
from datetime import UTC, datetime
from pathlib import Path

import pulumi
import pytest

from agents.runtime.errors import ObjectMissingError
from infra import live_guard
from infra.errors import LiveUnknownError
from infra.program import make_plan

PROGRAM = Path(__file__).parents[3] / "infra"


class EmptyCluster:
    """Answers as a cluster before the first update."""

    def __init__(self, labels=None):
        self.labels = labels

    def get_namespace_labels(self, _name):
        return self.labels

    def get_config_map(self, _namespace, _name):
        return None

    def get_http_route(self, _namespace, name):
        raise ObjectMissingError(name)

    def list_deployments(self, _namespace, _labels):
        return []


@pytest.fixture
def started(run, monkeypatch, variables):
    def start(stack, *, labels=None, **changes):
        monkeypatch.setattr(live_guard, "open_cluster", lambda _plan: EmptyCluster(labels))
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


def test_a_cluster_of_another_stack_is_refused_before_anything_is_declared(started, told):
    with pytest.raises(SystemExit) as stopped:
        started("local", labels={"app.kubernetes.io/instance": "staging"})

    assert stopped.value.code == 32
    assert told[0].startswith('this cluster belongs to stack "staging", not to "local"; nothing was changed')


def test_an_api_server_that_does_not_answer_is_no_reason_to_update_blindly(kubeconfig, variables, tmp_path):
    deaf = tmp_path / "kubeconfig"
    deaf.write_text(kubeconfig.read_text().replace("127.0.0.1:6443", "127.0.0.1:1"))
    plan = make_plan("local", variables=variables | {"KUBECONFIG": str(deaf)})

    with pytest.raises(LiveUnknownError, match="what is live cannot be seen") as refused:
        live_guard.guard_update(plan, live_guard.open_cluster(plan), now=datetime.now(UTC))
    assert refused.value.exit_code == 75


def test_the_program_only_wires():
    assert len((PROGRAM / "__main__.py").read_text("utf-8").splitlines()) <= 60
