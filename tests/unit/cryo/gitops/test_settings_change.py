import copy

import pytest

from cryo.gitops.settings_change import Reserved, SettingChange, compare_settings, count_reserved, describe_traffic

DIGEST = "a" * 64
SETTINGS = {
    "production": False,
    "apps": {
        "model-server": {
            "active": "blue",
            "slots": {
                "blue": {"image": f"r.example.org/m@sha256:{DIGEST}", "version": "1.0.0"},
                "green": None,
            },
            "replicas": 2,
            "autoscale": None,
            "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}},
        }
    },
}


@pytest.fixture
def after():
    return copy.deepcopy(SETTINGS)


def app(settings):
    return settings["apps"]["model-server"]


def test_nothing_changed_says_so(after):
    assert compare_settings(SETTINGS, after) == ()
    assert describe_traffic(SETTINGS, after) == ("model-server: stays on blue, both colours unchanged",)


def test_a_release_tells_the_filled_slot_and_where_the_traffic_goes(after):
    app(after)["slots"]["green"] = {"image": "built:model-server", "version": "1.1.0"}
    app(after)["active"] = "green"

    assert describe_traffic(SETTINGS, after) == (
        "model-server: traffic moves from blue to green",
        "model-server: green changes from nothing to 1.1.0 (built:model-server)",
    )


def test_a_change_of_the_live_slot_is_shouted(after):
    app(after)["slots"]["blue"]["version"] = "1.0.1"

    (line,) = describe_traffic(SETTINGS, after)

    assert line.startswith("model-server: blue, WHICH IS LIVE, changes from 1.0.0 (r.example.org/m@aaaaaaaaaaaa)")


def test_an_application_that_comes_or_goes_is_told(after):
    del after["apps"]["model-server"]

    assert describe_traffic(SETTINGS, after) == ("model-server: is taken away",)
    assert describe_traffic(after, SETTINGS) == ("model-server: is new",)


def test_settings_are_named_by_their_path(after):
    after["production"] = True
    app(after)["replicas"] = 3
    after["protect_data"] = True

    assert compare_settings(SETTINGS, after) == (
        SettingChange("apps.model-server.replicas", 2, 3),
        SettingChange("production", False, True),
        SettingChange("protect_data", None, True),
    )


@pytest.mark.parametrize(
    ("change", "pods"),
    [
        ({}, 2),
        ({"replicas": 3}, 3),
        ({"autoscale": {"min_replicas": 5, "max_replicas": 9, "cpu_percent": 70}}, 5),
        ({"slots": {"blue": {"version": "1"}, "green": {"version": "2"}}}, 4),
    ],
)
def test_every_filled_colour_reserves_its_pods(after, change, pods):
    app(after).update(change)

    assert count_reserved(after) == Reserved(pods, pods * 0.25, pods * 256.0)
