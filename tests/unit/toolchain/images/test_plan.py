"""The plan builds what changed and what that stands on, and says why."""

import pytest

from toolchain.images.plan import Existing, explain_change, plan_images
from toolchain.images.spec import IMAGES, PARENTS, build_order, image_reference

ORDER = build_order(frozenset({"agents", "pause"}))
HASHES = {"base": "b" * 16, "python": "c" * 16, "agents": "a" * 16, "pause": "d" * 16}
INPUTS = {name: {f"images/{name}/Containerfile": "1"} for name in HASHES}


def references(*names):
    return frozenset(image_reference(name, HASHES[name]) for name in names)


def plan(**existing):
    steps = plan_images(ORDER, HASHES, inputs=INPUTS, existing=Existing(**existing))
    return {step.spec.name for step in steps if step.build}


@pytest.mark.parametrize(
    ("archived", "stored", "built"),
    [
        pytest.param((), (), {"base", "python", "agents", "pause"}, id="nothing there: all, parents included"),
        pytest.param(("agents", "pause"), (), set(), id="all archived: nothing, whatever the storage lost"),
        pytest.param(("agents",), (), {"pause"}, id="a child without parents builds alone"),
        pytest.param(("pause",), ("base", "python"), {"agents"}, id="stored parents are used"),
        pytest.param(("pause",), ("base",), {"python", "agents"}, id="a lost parent is built again"),
        pytest.param(("pause",), ("python",), {"agents"}, id="a stored parent needs no grandparent"),
    ],
)
def test_plan_builds(archived, stored, built):
    assert plan(archived=references(*archived), stored=references(*stored)) == built


def test_before_the_engine_was_asked_parents_count_as_there():
    assert plan(archived=references("pause"), stored=None) == {"agents"}


def test_parents_come_before_children():
    places = {spec.name: place for place, spec in enumerate(IMAGES)}

    assert all(places[parent] < places[spec.name] for spec in IMAGES for parent in spec.parents)
    assert frozenset({"base", "python"}) == PARENTS


def test_wanting_one_image_plans_its_ancestors_only():
    assert [spec.name for spec in build_order(frozenset({"agents"}))] == ["base", "python", "agents"]


@pytest.mark.parametrize(
    ("now", "before", "because"),
    [
        ({"a": "1"}, None, ("never built here",)),
        ({"a": "2"}, {"a": "1"}, ("input a changed",)),
        ({"a": "1", "b": "1"}, {"a": "1"}, ("input b added",)),
        ({}, {"a": "1"}, ("input a removed",)),
        ({"a": "2", "image base": "2"}, {"a": "1", "image base": "1"}, ("input image base changed", "input a changed")),
        ({"a": "1"}, {"a": "1"}, ("its archive is gone, or the builder itself changed",)),
    ],
)
def test_the_reason_names_what_differs(now, before, because):
    assert explain_change(now, before) == because


def test_many_changes_are_counted_not_listed():
    now = {f"file{number}": "2" for number in range(9)}

    assert explain_change(now, dict.fromkeys(now, "1"))[-1] == "and 6 more"
