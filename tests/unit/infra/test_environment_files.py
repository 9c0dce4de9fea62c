from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.environment_files import load_environment, merge, read_document
from infra.errors import ConfigError

# A busy machine is no failure of a pure function.
untimed = settings(deadline=None)
ENVIRONMENTS = Path(__file__).parents[3] / "environments"
DIGEST = "@sha256:" + "a" * 64
OTHER_DIGEST = "@sha256:" + "b" * 64

nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.sampled_from("abc"), nested, max_size=3)


@pytest.fixture
def refusal(tmp_path, settings_of):
    """Return the message that refuses a stack's settings with something laid over them."""

    def message(over, *, stack="local"):
        (tmp_path / "base.yaml").write_text(yaml.safe_dump(settings_of(stack)), encoding="utf-8")
        (tmp_path / f"{stack}.yaml").write_text(yaml.safe_dump(over), encoding="utf-8")
        with pytest.raises(ConfigError) as refused:
            load_environment(tmp_path, stack)
        return str(refused.value)

    return message


def app(**settings):
    return {"apps": {"model-server": settings}}


@pytest.mark.parametrize("stack", ["local", "staging", "production"])
def test_every_committed_environment_is_accepted(stack):
    environment = load_environment(ENVIRONMENTS, stack)

    assert environment.production is (stack == "production")


@pytest.mark.parametrize(
    ("over", "key", "remedy"),
    [
        ({"gatewey": {}}, "gatewey", 'unknown setting; did you mean "gateway"?'),
        (app(drain={"prestop": 5}), "apps.model-server.drain.prestop", 'did you mean "prestop_s"?'),
        ({"cluster": {"zzz": 1}}, "cluster.zzz", "known here: api_server_ports, context, identifier, server"),
        (app(drain={"grace_s": "45s"}), "apps.model-server.drain.grace_s", "whole number of seconds without a unit"),
        (app(startup_s=True), "apps.model-server.startup_s", "whole number of seconds without a unit, not True"),
        (app(replicas="two"), "apps.model-server.replicas", "has to be a whole number, not 'two'"),
        (app(replicas=0), "apps.model-server.replicas", "greater than or equal to 1, not 0"),
        (app(active="purple"), "apps.model-server.active", "'blue' or 'green', not 'purple'"),
        (
            app(resources={"requests": {"cpu": 1}}),
            "apps.model-server.resources.requests.cpu",
            'has to be text, not 1; put it in quotes: "1"',
        ),
        ({"database": {"storage": {"size": "1GB"}}}, "database.storage.size", "Ki, Mi, Gi or Ti"),
        (
            app(drain={"prestop_s": 20, "grace_s": 45}),
            "apps.model-server.drain.grace_s",
            "shorter than prestop_s 20 + request_timeout_s 30, so running requests would be cut; set it to 50 or more",
        ),
        (
            {"gateway": {"drain": {"grace_s": 39}}},
            "gateway.drain.grace_s",
            "set it to 40 or more",
        ),
        (app(slots={"blue": None, "green": None}), "apps.model-server.slots", "both slots are empty"),
        (
            app(slots={"blue": None}),
            "apps.model-server.active",
            "blue is an empty slot; fill slots.blue or set active to green",
        ),
        (
            app(slots={"green": {"image": "built:other"}}),
            "apps.model-server.slots.green.version",
            "both slots say version 0.1.0 but hold different images",
        ),
        (
            app(
                slots={
                    "blue": {"image": f"r.example.org/a{DIGEST}"},
                    "green": {"image": f"r.example.org/a{DIGEST}", "version": "0.2.0"},
                }
            ),
            "apps.model-server.slots.green.image",
            "is the image of slots.blue too",
        ),
        (app(progress_deadline_s=120), "apps.model-server.progress_deadline_s", "not longer than startup_s 120"),
        (
            app(release={"job_deadline_s": 120}),
            "apps.model-server.release.job_deadline_s",
            "raise it to 790",
        ),
        (
            app(autoscale={"min_replicas": 3, "max_replicas": 2, "cpu_percent": 70}),
            "apps.model-server.autoscale.max_replicas",
            "less than min_replicas 3",
        ),
        (
            app(resources={"requests": {"cpu": "3"}}),
            "apps.model-server.resources.requests.cpu",
            "3 is more than limits.cpu 2; lower it",
        ),
        (
            app(resources={"requests": {"memory": "2Gi"}}),
            "apps.model-server.resources.requests.memory",
            "2Gi is more than limits.memory 768Mi; lower it",
        ),
        ({"gateway": {"replicas": 2}}, "gateway.replicas", "exposure host needs 1"),
        ({"gateway": {"host_port": 80}}, "gateway.host_port", "greater than or equal to 1024"),
        ({"gateway": {"metrics_port": 8080}}, "gateway.internal_port", "have to differ"),
        ({"namespaces": {"gateway": "cryoprotect"}}, "namespaces.gateway", "needs a namespace of its own"),
        ({"database": None}, "database", "None"),
    ],
)
def test_a_wrong_setting_is_one_line_with_file_key_and_remedy(refusal, over, key, remedy):
    message = refusal(over)

    assert message.count("\n") == 0, message
    assert f": {key}: " in message
    assert remedy in message
    assert ".yaml:" in message


@pytest.mark.parametrize(
    ("over", "key", "remedy"),
    [
        (app(slots={"blue": {"image": "built:model-server"}}), "apps.model-server.slots.blue.image", "has no digest"),
        ({"agents": {"image": "r.example.org/agents:1.0.0"}}, "agents.image", "has no digest"),
        ({"database": {"image": "r.example.org/postgres:17"}}, "database.image", "<64 hex digits>"),
        ({"cluster": {"server": None}}, "cluster.server", "is required in production"),
        ({"cluster": {"server": "http://plain.example.org"}}, "cluster.server", "pattern"),
        ({"protect_data": False}, "protect_data", "has to be true in production"),
    ],
)
def test_production_refuses_what_other_environments_may_do(refusal, over, key, remedy):
    message = refusal(over, stack="production")

    assert f": {key}: " in message
    assert remedy in message


def test_two_images_need_two_versions_in_every_environment(refusal):
    green = {"image": f"registry.example.org/cryoprotect/model-server{OTHER_DIGEST}", "version": "0.1.0"}

    assert "give each its own version" in refusal(app(slots={"green": green}), stack="staging")


def test_all_problems_are_told_at_once(refusal):
    message = refusal({"gatewey": {}, "prometheus": {"retention_days": 0}})

    assert len(message.splitlines()) == 2


def test_the_line_of_the_key_is_told(tmp_path, settings_of):
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(settings_of("local")), encoding="utf-8")
    (tmp_path / "local.yaml").write_text("# why\napps:\n  model-server:\n    active: purple\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"local\.yaml:4: apps\.model-server\.active: "):
        load_environment(tmp_path, "local")


def test_a_problem_of_the_base_file_names_the_base_file(tmp_path, settings_of):
    base = settings_of("local", {"prometheus": {"retention_days": 0}})
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base), encoding="utf-8")
    (tmp_path / "local.yaml").write_text("production: false\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"base\.yaml:\d+: prometheus\.retention_days: "):
        load_environment(tmp_path, "local")


def test_a_missing_setting_is_asked_for_in_the_stacks_file(tmp_path, settings_of):
    base = settings_of("local")
    del base["cluster"]["context"]
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base), encoding="utf-8")
    (tmp_path / "local.yaml").write_text("production: false\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"cluster\.context: is required; add it"):
        load_environment(tmp_path, "local")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [1\n", "is not YAML"),
        ("a: \t1\nb: {\n", "is not YAML"),
        ("- a\n", "has to be a mapping of settings"),
        ("", "has to be a mapping of settings"),
        ("gateway:\n  replicas: 1\n  replicas: 2\n", "gateway.replicas: is written twice"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text, problem):
    path = tmp_path / "environments" / "local.yaml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as refused:
        read_document(path)

    assert str(refused.value).startswith("environments/local.yaml")
    assert problem in str(refused.value)


def test_an_unreadable_file_is_refused(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="cannot be read"):
        read_document(path)


def test_an_unknown_stack_is_told_the_known_ones():
    with pytest.raises(ConfigError, match=r"no such file; .*: local, production, staging"):
        load_environment(ENVIRONMENTS, "nowhere")


@untimed
@given(mappings)
def test_merging_nothing_changes_nothing(base):
    assert merge(base, {}) == base


@untimed
@given(mappings, mappings)
def test_merging_again_changes_nothing_more(base, over):
    once = merge(base, over)

    assert merge(once, over) == once


@untimed
@given(mappings, mappings)
def test_a_merge_holds_every_key_of_both_and_the_values_of_the_upper_one(base, over):
    merged = merge(base, over)

    assert merged.keys() == base.keys() | over.keys()
    assert all(merged[key] == value for key, value in over.items() if not isinstance(value, dict))
    assert all(merged[key] == value for key, value in base.items() if key not in over)
