"""Clearing up touches what belongs to this cluster and nothing beside it."""

from pathlib import Path

import pytest

from toolchain.cluster import leftovers
from toolchain.cluster.layout import Layout, read_network


@pytest.fixture
def layout(tmp_path):
    return Layout(home=tmp_path / "cluster", run=tmp_path / "run", network=read_network({}))


@pytest.fixture
def links(tmp_path, monkeypatch):
    folder = tmp_path / "containers"
    folder.mkdir()
    monkeypatch.setattr(leftovers, "LOG_LINKS", folder)
    return folder


def test_links_to_our_logs_go_and_those_of_others_stay(layout, links):
    (links / "ours.log").symlink_to(layout.logs / "pods" / "n_p_1" / "c" / "0.log")
    (links / "theirs.log").symlink_to("/var/log/pods/n_p_1/c/0.log")

    assert leftovers.remove_log_links(layout) == 1
    assert [path.name for path in links.iterdir()] == ["theirs.log"]


def test_empty_folder_of_links_goes_with_the_last_one(layout, links):
    (links / "ours.log").symlink_to(layout.logs / "pods" / "n_p_1" / "c" / "0.log")

    leftovers.remove_log_links(layout)

    assert not links.exists()
    assert leftovers.remove_log_links(layout) == 0


def test_mounts_below_our_folders_are_found_deepest_first():
    """/proc and /sys are mounted on every machine, so they stand for a cluster's own mounts here."""
    layout = Layout(home=Path("/proc"), run=Path("/sys"), network=read_network({}))

    found = leftovers.mounts(layout)

    assert Path("/proc") in found
    assert [len(path.parts) for path in found] == sorted((len(path.parts) for path in found), reverse=True)


def test_machine_without_our_cluster_has_no_shims_and_no_mounts_of_ours(layout):
    assert leftovers.shims(layout) == ()
    assert leftovers.mounts(layout) == ()
    assert leftovers.stop_containers(layout) == 0
    assert leftovers.unmount_all(layout) == 0
