"""The Containerfiles agree with the declarations, and fetch nothing that is not pinned."""

import re
from pathlib import Path

import pytest

from toolchain.images.spec import IMAGES

CHECKOUT = Path(__file__).parents[4]
IDS = [spec.name for spec in IMAGES]


def instructions(spec):
    text = (CHECKOUT / "images" / spec.name / "Containerfile").read_text()
    joined = re.sub(r"\\\n(\s*#.*\n)*", " ", text)
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def test_every_folder_below_images_is_declared():
    assert {path.name for path in (CHECKOUT / "images").iterdir() if path.is_dir()} == set(IDS)


@pytest.mark.parametrize("spec", IMAGES, ids=IDS)
def test_the_last_user_is_the_declared_one(spec):
    users = [line.split()[1] for line in instructions(spec) if line.startswith("USER")]

    assert users[-1] == spec.user


@pytest.mark.parametrize("spec", IMAGES, ids=IDS)
def test_it_starts_from_nothing_or_from_a_declared_parent(spec):
    arguments = {f"${{{parent.upper()}_IMAGE}}" for parent in spec.parents} | {"scratch"}
    if spec.name == "base":
        arguments = {"${BASE_IMAGE}"}

    assert {line.split()[1] for line in instructions(spec) if line.startswith("FROM")} <= arguments


@pytest.mark.parametrize("spec", IMAGES, ids=IDS)
def test_it_downloads_nothing_by_address(spec):
    text = "\n".join(instructions(spec))

    assert not re.search(r"https?://|\bcurl\b|\bwget\b|\bpip install\b|\bgit clone\b", text)


@pytest.mark.parametrize("spec", IMAGES, ids=IDS)
def test_the_last_stage_runs_nothing_as_the_builder(spec):
    """It should only copy, because a RUN leaves the building machine's name service files in the layer."""
    lines = instructions(spec)
    last = max(place for place, line in enumerate(lines) if line.startswith("FROM"))

    assert not [line for line in lines[last:] if line.startswith("RUN")]


@pytest.mark.parametrize("spec", [s for s in IMAGES if s.uses_apt], ids=[s.name for s in IMAGES if s.uses_apt])
def test_apt_gets_this_machines_settings_as_secrets_only(spec):
    (call,) = [line for line in instructions(spec) if "install-root" in line and line.startswith("RUN")]

    assert re.findall(r"type=secret,id=([a-z-]+)", call) == ["apt-conf", "apt-lines", "apt-ca"]


def test_requirements_beside_a_containerfile_are_pinned_with_hashes():
    for spec in IMAGES:
        if spec.requirements is not None:
            text = (CHECKOUT / "images" / spec.name / spec.requirements).read_text()
            pins = re.findall(r"^[a-z0-9-]+==", text, re.MULTILINE)
            assert len(pins) == len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) > 0
