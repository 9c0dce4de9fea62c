"""`pulumi destroy` and `down --purge` leave the machine as it was. Runs last, and never on somebody's own cluster."""

import os
from pathlib import Path

import pytest

HOME = Path(os.environ.get("CRYO_HOME", "/var/lib/cryoprotect"))


@pytest.fixture
def own_platform(platform):
    if platform.was_here:
        pytest.skip("the platform was here before the tests: its data is not ours to delete")
    return platform


def test_destroy_takes_every_object_off_the_cluster(own_platform):
    own_platform.pulumi("destroy", "--yes", "--skip-preview")

    namespaces = own_platform.kubectl("get", "namespaces", "-o", "name")
    volumes = own_platform.kubectl("get", "persistentvolumes", "-o", "name")
    assert "cryoprotect" not in namespaces
    assert volumes == ""


def test_purge_leaves_no_process_mount_device_table_or_group(own_platform, machine):
    own_platform.cryo("down", "--purge")

    assert machine() == own_platform.before
    assert not HOME.exists()
    assert not Path("/run/cryoprotect").exists()
    assert not Path("/var/log/pods").exists()
    assert not list(Path("/var/log/containers").glob("*"))


def test_purge_of_nothing_is_no_error(own_platform):
    own_platform.cryo("down", "--purge")
