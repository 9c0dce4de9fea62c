from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from infra.cluster import Target, choose_target
from infra.environment_files import load_environment
from infra.errors import ClusterMissingError, ClusterRefusedError

ENVIRONMENTS = Path(__file__).parents[3] / "environments"


@pytest.fixture
def choose(kubeconfig):
    def chosen(stack, **changes):
        variables = {"KUBECONFIG": str(kubeconfig)} | changes
        return choose_target(load_environment(ENVIRONMENTS, stack), stack, variables=variables)

    return chosen


@pytest.mark.parametrize(
    ("stack", "context"), [("local", "cryo-embedded"), ("staging", "cryo-staging"), ("production", "cryo-production")]
)
def test_a_stack_goes_to_its_own_context(choose, kubeconfig, stack, context):
    assert choose(stack) == Target(kubeconfig=str(kubeconfig), context=context)


def test_another_context_may_be_chosen_outside_production(choose):
    assert choose("local", CRYO_KUBE_CONTEXT="cryo-staging").context == "cryo-staging"


def test_production_refuses_another_context(choose):
    with pytest.raises(ClusterRefusedError, match='belongs to context "cryo-production", but CRYO_KUBE_CONTEXT asks'):
        choose("production", CRYO_KUBE_CONTEXT="cryo-staging")


def test_production_accepts_its_own_context_by_name(choose):
    assert choose("production", CRYO_KUBE_CONTEXT="cryo-production").context == "cryo-production"


def test_production_refuses_its_context_name_on_another_server(choose, tmp_path, kubeconfig):
    moved = tmp_path / "kubeconfig"
    moved.write_text(kubeconfig.read_text("utf-8").replace("kubernetes.example.org", "elsewhere.example.org"), "utf-8")

    with pytest.raises(ClusterRefusedError, match=r"points to https://elsewhere\.example\.org:6443; use the right"):
        choose("production", KUBECONFIG=str(moved))


@pytest.mark.parametrize("path", ["", "/nowhere/kubeconfig"])
def test_a_missing_kubeconfig_is_temporary(choose, path):
    with pytest.raises(ClusterMissingError, match="cryo up") as refused:
        choose("local", KUBECONFIG=path)

    assert refused.value.exit_code == 75
    assert refused.value.retry_after_s > 0


def test_an_unknown_context_is_told_the_known_ones(choose):
    with pytest.raises(ClusterRefusedError, match=r'no context "other" .*cryo-embedded, cryo-production') as refused:
        choose("local", CRYO_KUBE_CONTEXT="other")

    assert refused.value.exit_code == 70


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "cannot be read"),
        ("", "holds no settings"),
        ("contexts: []", "it has: none"),
        (yaml.safe_dump({"contexts": [{"name": "cryo-embedded", "context": {"cluster": "gone"}}]}), "which is missing"),
    ],
)
def test_a_broken_kubeconfig_is_refused(choose, tmp_path, text, problem):
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ClusterRefusedError, match=problem):
        choose("local", KUBECONFIG=str(path))
