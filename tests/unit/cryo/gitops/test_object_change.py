import json

import pytest

from cryo.errors import PermanentCryoError
from cryo.gitops.object_change import ObjectChange, count_operations, read_plan

URN = "urn:pulumi:local::cryoprotect::cryoprotect:app:Release$kubernetes:batch/v1:Job::release-model-server"


def plan(*steps):
    return json.dumps({"steps": list(steps), "changeSummary": {}})


def step(operation, paths=(), **state):
    return {"op": operation, "urn": URN, "detailedDiff": {path: {"kind": "update"} for path in paths}, **state}


def test_a_change_names_the_live_object_and_the_paths_that_differ():
    state = {"outputs": {"metadata": {"name": "release-46dd"}}, "inputs": {}}

    (change,) = read_plan(plan(step("update", ["spec.b", "spec.a"], newState=state)))

    assert change == ObjectChange("Job", "release-46dd", "update", ("spec.a", "spec.b"))
    assert str(change) == "update Job/release-46dd: spec.a, spec.b"


@pytest.mark.parametrize("operation", ["same", "refresh", "read", "create-replacement", "delete-replaced"])
def test_steps_that_change_nothing_or_tell_a_replacement_again_are_left_out(operation):
    assert read_plan(plan(step(operation), step("replace"))) == (
        ObjectChange("Job", "release-model-server", "replace", ()),
    )


def test_values_are_never_told_because_they_may_be_secret():
    state = {"inputs": {"data": {"password": "hunter2"}}, "outputs": None}

    changes = read_plan(plan(step("update", ["data.password"], newState=state, oldState=state)))

    assert "hunter2" not in str(changes)


def test_operations_are_counted():
    changes = read_plan(plan(step("create"), step("create"), step("delete")))

    assert count_operations(changes) == {"create": 2, "delete": 1}


@pytest.mark.parametrize("printed", ["", "[]", "{}", '{"steps": [{"op": "update"}]}'])
def test_a_plan_in_an_unknown_form_is_an_error_and_not_an_empty_plan(printed):
    with pytest.raises(PermanentCryoError, match="form that is not known"):
        read_plan(printed)
