"""A release changes the lines that it is about and no other character of the environment file."""

import difflib

import pytest
import yaml

from cryo.release.edits import Edit, Filling, edit_text
from cryo.release.errors import EditRefusedError

NEW = Filling("registry/a@sha256:" + "2" * 64, "0.2.0")
BLOCK = """\
# Shared cluster.
apps:
  model-server: # the only one
    active: blue # flip me
    slots:
      blue:
        image: registry/a@sha256:1 # first
        version: "0.1.0"
      # green comes here
    hostnames: [predict.example.org]

gateway:
  image: x
"""
FLOW = """\
apps:
  model-server:
    active: "blue"  # quoted
    slots: {blue: {image: "built:a", version: "0.1.0"}, green: {image: "built:b", version: "0.0.9", settings: {A: "1"}}}
"""
NULL = """\
apps:
  model-server:
    active: blue
    slots:
      blue: {image: a, version: 0.1.0}
      green: null # empty
"""
NO_ACTIVE = """\
apps:
  model-server:
    slots:
      blue:
        image: a
        version: 0.1.0"""


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            BLOCK,
            [
                "-     active: blue # flip me",
                "+     active: green # flip me",
                f'+       green: {{image: "{NEW.image}"}}'.replace("}", ', version: "0.2.0"}'),
            ],
            id="empty slot in a block",
        ),
        pytest.param(
            NULL,
            [
                "-     active: blue",
                "+     active: green",
                "-       green: null # empty",
                f'+       green: {{image: "{NEW.image}", version: "0.2.0"}} # empty',
            ],
            id="null slot",
        ),
    ],
)
def test_a_release_is_a_few_changed_lines(text: str, expected: list[str]) -> None:
    after = edit_text(text, Edit("model-server", "green", {"green": NEW}), label="x")

    assert changed(text, after) == expected


def test_a_filled_slot_keeps_its_settings_and_the_file_its_style() -> None:
    after = edit_text(FLOW, Edit("model-server", "green", {"green": NEW}), label="x")

    assert after == FLOW.replace('"blue"', '"green"').replace("built:b", NEW.image).replace("0.0.9", "0.2.0")


def test_a_missing_key_is_added_in_its_section() -> None:
    after = edit_text(NO_ACTIVE, Edit("model-server", "green", {"green": NEW}), label="x")

    app = yaml.safe_load(after)["apps"]["model-server"]
    assert app["active"] == "green"
    assert app["slots"]["green"] == {"image": NEW.image, "version": "0.2.0"}
    assert after.startswith(NO_ACTIVE)


def test_a_revert_touches_one_word() -> None:
    after = edit_text(BLOCK, Edit("model-server", "green", {}), label="x")

    assert after == BLOCK.replace("active: blue", "active: green")


@pytest.mark.parametrize("text", ["gateway: {}\n", "apps:\n  other: {active: blue}\n"])
def test_a_file_without_the_application_is_refused(text: str) -> None:
    with pytest.raises(EditRefusedError, match="add that section by hand first"):
        edit_text(text, Edit("model-server", "green", {}), label="environments/x.yaml")


def test_a_layout_that_cannot_be_edited_safely_is_refused() -> None:
    shared = "apps:\n  model-server: &app\n    active: blue\n  other: *app\n"

    with pytest.raises(EditRefusedError, match="cannot edit safely"):
        edit_text(shared, Edit("model-server", "green", {}), label="x")
