"""A cluster of somebody else is reached or refused with one message; nothing is guessed."""

import socket

import pytest
import yaml

from toolchain.cluster.existing import check_reachable, has_kind_cluster, kind_context
from toolchain.errors import PermanentToolchainError, TemporaryToolchainError


@pytest.fixture
def kubeconfig(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "staging", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "staging",
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(document))
    return path


def test_silent_api_server_is_worth_another_try(kubeconfig):
    with pytest.raises(TemporaryToolchainError, match="context staging"):
        check_reachable(kubeconfig, "staging")


def test_unknown_context_is_refused_by_name(kubeconfig):
    with pytest.raises(PermanentToolchainError, match="production"):
        check_reachable(kubeconfig, "production")


def test_missing_kubeconfig_is_refused_with_what_to_set(tmp_path):
    with pytest.raises(PermanentToolchainError, match="set KUBECONFIG"):
        check_reachable(tmp_path / "none", "staging")


@pytest.mark.parametrize(
    ("listing", "found"),
    [("cryoprotect\nother\n", True), ("cryoprotect-old\n", False), ("No kind clusters found.\n", False)],
)
def test_our_kind_cluster_is_recognised_by_its_whole_name(listing, found):
    assert has_kind_cluster(listing) is found
    assert kind_context() == "kind-cryoprotect"
