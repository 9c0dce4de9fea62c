"""The decisions behind the commands: which tools, which packages, which state, what is well."""

import dataclasses
import json
from pathlib import Path

import pytest

from cryo.addresses import Addresses, Answer
from cryo.condition import Condition, PodState, parse_notes, parse_pods, parse_weights
from cryo.errors import PermanentCryoError
from cryo.logsource import command_for, log_argv
from cryo.packages import HOST_PACKAGES, missing_packages
from cryo.settings import ClusterKind, read_settings
from cryo.stack import arguments_for, forget_stack, open_stack
from cryo.tools import Tools, is_usable_pulumi, kubeconfig_of, needs_of, parse_pulumi_version, tool_variables
from toolchain.cluster.embedded import DaemonStatus
from toolchain.errors import PermanentToolchainError


@pytest.fixture
def settings(tmp_path):
    return read_settings({"CRYO_HOME": str(tmp_path / "home"), "CRYO_CACHE": str(tmp_path / "cache")})


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        ({}, ClusterKind.EMBEDDED),
        ({"CRYO_KUBE_CONTEXT": "staging"}, ClusterKind.CURRENT),
        ({"CLUSTER": "kind"}, ClusterKind.KIND),
        ({"CLUSTER": "embedded", "CRYO_KUBE_CONTEXT": "staging"}, ClusterKind.EMBEDDED),
    ],
)
def test_cluster_is_embedded_unless_a_context_is_named(variables, kind):
    assert read_settings(variables).cluster is kind


@pytest.mark.parametrize("name", ["CRYO_HOME", "CRYO_CACHE", "CRYO_ENVIRONMENTS"])
def test_relative_folder_is_refused(name):
    with pytest.raises(PermanentToolchainError, match="not an absolute path"):
        read_settings({name: "here"})


@pytest.mark.parametrize(
    ("text", "version"),
    [("v3.259.0", (3, 259, 0)), ("3.238.1\n", (3, 238, 1)), ("v3.300.0-alpha.1", (3, 300, 0)), ("dev", None)],
)
def test_version_of_pulumi_is_read(text, version):
    assert parse_pulumi_version(text) == version


@pytest.mark.parametrize(
    ("version", "plugins", "usable"),
    [
        ((3, 238, 0), {"kubernetes", "python"}, True),
        ((3, 237, 9), {"kubernetes"}, False),
        ((4, 0, 0), {"aws"}, False),
        (None, {"kubernetes"}, False),
    ],
)
def test_own_pulumi_is_used_only_when_new_enough_and_complete(version, plugins, usable):
    assert is_usable_pulumi(version, frozenset(plugins)) is usable


def test_own_pulumi_saves_building_ours():
    assert needs_of(ClusterKind.CURRENT, own_pulumi=True) == {"current"}
    assert needs_of(ClusterKind.EMBEDDED, own_pulumi=False) == {"embedded", "pulumi"}


@pytest.mark.parametrize(
    ("kind", "path"),
    [("embedded", "/h/cluster/admin.conf"), ("kind", "/h/kind/kubeconfig"), ("current", "/elsewhere/config")],
)
def test_kubeconfig_follows_the_cluster(monkeypatch, kind, path):
    monkeypatch.setenv("KUBECONFIG", "/elsewhere/config")

    assert kubeconfig_of(read_settings({"CLUSTER": kind, "CRYO_HOME": "/h"})) == path


def test_interpreter_of_the_project_comes_first_on_path(settings):
    """The pinned language host starts the python3 that it finds on PATH."""
    variables = tool_variables(settings, Tools({}), Path("/project/.venv/bin/python"))

    assert variables["PATH"].startswith("/project/.venv/bin:")


def test_passphrase_of_the_user_is_not_overridden(settings, monkeypatch):
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", "/mine")

    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in tool_variables(settings, Tools({}), Path("/p/bin/python"))


def test_passphrase_is_made_once_and_for_its_owner_alone(settings, monkeypatch):
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    open_stack(settings, Tools({}))
    path = settings.pulumi_home / "passphrase"
    first = path.read_text()

    open_stack(settings, Tools({}))

    assert path.read_text() == first
    assert len(first) >= 32
    assert path.stat().st_mode & 0o777 == 0o600


def test_lost_passphrase_is_refused_while_state_needs_it(settings, monkeypatch):
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    open_stack(settings, Tools({}))
    (settings.pulumi_home / "state" / "local.json").write_text("{}")
    (settings.pulumi_home / "passphrase").unlink()

    with pytest.raises(PermanentCryoError, match="passphrase of stack local is missing"):
        open_stack(settings, Tools({}))


def test_forgetting_a_stack_takes_its_state_and_its_salt(settings, tmp_path, monkeypatch):
    own = dataclasses.replace(settings, repository=tmp_path)
    open_stack(own, Tools({}))
    (tmp_path / "Pulumi.local.yaml").touch()

    forget_stack(own)

    assert not own.pulumi_home.exists()
    assert not (tmp_path / "Pulumi.local.yaml").exists()


def test_pulumi_never_asks(settings):
    assert arguments_for(settings, "up", ("--yes",)) == ("up", "--stack", "local", "--non-interactive", "--yes")


def test_missing_packages_are_those_not_installed():
    assert missing_packages(HOST_PACKAGES, []) == tuple(sorted(HOST_PACKAGES))
    assert missing_packages(HOST_PACKAGES, set(HOST_PACKAGES) - {"runc"}) == ("runc",)
    assert missing_packages(HOST_PACKAGES, HOST_PACKAGES) == ()


def pods(**status) -> str:
    metadata = {"namespace": "n", "name": "p"} | status.pop("metadata", {})
    return json.dumps({"items": [{"metadata": metadata, "status": status}]})


READY = [{"ready": True, "restartCount": 2}]


@pytest.mark.parametrize(
    ("listing", "pod", "well"),
    [
        (pods(phase="Running", containerStatuses=READY), PodState("n", "p", "Running", True, 2), True),
        (pods(phase="Pending"), PodState("n", "p", "Pending", False, 0), False),
        (pods(phase="Succeeded"), PodState("n", "p", "Succeeded", False, 0), True),
        (pods(phase="Failed"), PodState("n", "p", "Failed", False, 0), False),
        (
            pods(phase="Running", metadata={"deletionTimestamp": "now"}),
            PodState("n", "p", "Terminating", False, 0),
            True,
        ),
    ],
)
def test_pod_is_well_when_ready_done_or_leaving(listing, pod, well):
    (found,) = parse_pods(listing)

    assert found == pod
    assert found.is_well is well


def test_failed_training_is_told_by_its_job_and_makes_the_platform_no_worse():
    labels = {"app.kubernetes.io/name": "trainer"}
    listing = {
        "items": [{"metadata": {"namespace": "n", "name": "p", "labels": labels}, "status": {"phase": "Failed"}}]
    }

    (found,) = parse_pods(json.dumps(listing))

    assert found.is_well


@pytest.mark.parametrize(("variable", "notes"), [("CRYO_ONCALL_SMTP_HOST", 0), ("CRYO_BIND", 1)])
def test_status_says_that_pages_reach_nobody(variable, notes):
    pod = {
        "metadata": {"name": "oncall-1", "namespace": "cryoprotect", "labels": {"app.kubernetes.io/name": "oncall"}},
        "spec": {"containers": [{"name": "oncall", "env": [{"name": variable, "value": "x"}]}]},
        "status": {},
    }
    found = parse_notes(json.dumps({"items": [pod, pod]}))

    assert len(found) == notes
    told = Condition((), (), {}, 0, None, found).text()
    assert ("on-call has no channel" in told) is bool(notes)


def test_weights_are_told_for_routes_that_split_traffic_only():
    def route(name, *weights):
        backends = [{"name": f"{name}-{number}", "weight": weight} for number, weight in enumerate(weights)]
        return {"metadata": {"name": name}, "spec": {"rules": [{"backendRefs": backends}]}}

    listing = json.dumps({"items": [route("app", 100, 0), route("prometheus", 1)]})

    assert parse_weights(listing) == {"app": {"app-0": 100, "app-1": 0}}


PROCESS = DaemonStatus("etcd", 1, healthy=True, log=Path("/log"))
POD = PodState("n", "p", "Running", ready=True, restarts=0)


@pytest.mark.parametrize(
    ("condition", "well"),
    [
        pytest.param(Condition((PROCESS,), (POD,), {}, 1, None), True, id="all-well"),
        pytest.param(Condition((PROCESS,), (), {}, 1, None), False, id="nothing-runs"),
        pytest.param(Condition((PROCESS,), (POD,), {}, 1, "no answer"), False, id="not-asked"),
        pytest.param(
            Condition((DaemonStatus("etcd", None, healthy=False, log=Path("/log")),), (POD,), {}, 1, None),
            False,
            id="process-down",
        ),
    ],
)
def test_platform_is_well_only_when_everything_was_asked_and_is(condition, well):
    assert condition.is_well is well
    assert ("all is well" in condition.text()) is well
    assert condition.document()["well"] is well


def test_prometheus_without_a_route_has_no_address():
    addresses = Addresses("c", 8080, "http://127.0.0.1:8080", None)

    assert "prometheus" not in addresses.document()
    assert "curl -s http://127.0.0.1:8080/api/v1/predictions" in addresses.text()


def test_answer_is_summed_up_with_its_interval_and_colour():
    prediction = {"prediction": 194.1, "lower": 177.6, "upper": 210.7}
    answer = Answer({"unit": "K", "predictions": [prediction]}, "blue")

    assert answer.summary == "Tg of glycerol 194 K (178 to 211 K), answered by blue"


def test_logs_come_from_the_file_of_a_process_or_else_from_pods(tmp_path):
    file = tmp_path / "etcd.log"
    file.touch()

    assert log_argv(file, ("kubectl",), "etcd", lines=5, follow=True) == ["tail", "-n", "5", "-F", str(file)]
    assert "--selector=app.kubernetes.io/name=model-server" in log_argv(
        tmp_path / "none.log", ("kubectl",), "model-server", lines=5, follow=False
    )


@pytest.mark.parametrize(("folders", "argv"), [({}, ("kubectl",)), ({"kube": Path("/t")}, ("/t/bin/kube", "kubectl"))])
def test_client_on_path_serves_where_none_was_built(folders, argv):
    assert Tools(folders).kubectl == argv


@pytest.mark.parametrize("name", ["../secret", "-n", "A b", ""])
def test_name_that_could_leave_the_log_folder_is_refused(settings, name):
    with pytest.raises(PermanentCryoError, match="not a name"):
        command_for(settings, name, lines=5, follow=False)
