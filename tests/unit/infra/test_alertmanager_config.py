"""Alertmanager is told the environment's addresses, and of no channel that it does not have."""

from __future__ import annotations

import pytest
import yaml

from infra.alertmanager_config import SECRETS_FOLDER, alertmanager_files
from infra.config import Environment

MAIL = {"smarthost": "mail.example.net:25", "sender": "a@example.net", "recipients": ["b@example.net", "c@example.net"]}


@pytest.fixture
def config(settings_of):
    """Return the configuration of a stack, with something laid over its monitoring."""

    def make(stack, **over):
        settings = Environment.model_validate(settings_of(stack, {"monitoring": over})).monitoring
        files = alertmanager_files(settings)
        return yaml.safe_load(files["alertmanager.yml"]), files

    return make


def receivers(document):
    return {receiver["name"]: sorted(set(receiver) - {"name"}) for receiver in document["receivers"]}


def test_production_has_both_channels_in_every_receiver_that_people_read(config):
    document, _ = config("production")

    both = ["email_configs", "slack_configs"]
    assert receivers(document) == {
        "everyone": both,
        "critical": both,
        "warning": both,
        "heartbeat": ["webhook_configs"],
        "nobody": [],
    }


def test_oncall_agent_is_told_of_what_pages_and_of_the_heartbeat(config):
    document, _ = config("production", oncall=True)

    told = {r["name"]: [w.get("url") for w in r.get("webhook_configs", ())] for r in document["receivers"]}
    alerts = "http://oncall:8080/api/v1/alerts"
    assert told == {
        "everyone": [alerts],
        "critical": [alerts],
        "warning": [],
        "heartbeat": [None, "http://oncall:8080/api/v1/heartbeat"],
        "nobody": [],
    }


def test_secrets_are_files_and_appear_nowhere_else(config):
    document, files = config("production")

    assert document["global"]["smtp_auth_password_file"] == f"{SECRETS_FOLDER}/smtp-password"
    assert document["global"]["slack_api_url_file"] == "/etc/alertmanager/secrets/slack-url"
    assert "smtp_auth_password:" not in files["alertmanager.yml"]
    assert "hooks.slack" not in files["alertmanager.yml"]


def test_a_channel_that_is_not_there_leaves_nothing_behind(config):
    document, _ = config("local", mail=MAIL)

    assert receivers(document)["everyone"] == ["email_configs"]
    assert document["receivers"][0]["email_configs"][0]["to"] == "b@example.net, c@example.net"
    assert set(document["global"]) == {"resolve_timeout", "smtp_smarthost", "smtp_from", "smtp_require_tls"}


def test_working_hours_are_those_of_the_environment(config):
    document, _ = config("local", time_zone="Asia/Tokyo")

    places = {part["location"] for interval in document["time_intervals"] for part in interval["time_intervals"]}
    assert places == {"Asia/Tokyo"}


def test_runbooks_are_linked_where_the_environment_says(config):
    _, files = config("local", runbooks="https://wiki.example.net/runbooks/")

    assert files["links.tmpl"] == '{{ define "cryo.runbooks" }}https://wiki.example.net/runbooks/{{ end }}\n'


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"mode": "external"}, "no Alertmanager is named"),
        ({"slack": {"channel": "#a"}}, "slack need an entry of a Secret"),
        ({"mail": {**MAIL, "username": "u"}}, "mail.username need an entry of a Secret"),
        ({"heartbeat": True}, "heartbeat need an entry of a Secret"),
        ({"time_zone": "Mars/Base"}, "Mars/Base is no time zone"),
        ({"mail": {**MAIL, "recipients": []}}, "at least 1 item"),
    ],
)
def test_a_section_that_would_deliver_nothing_is_refused(settings_of, over, told):
    with pytest.raises(ValueError, match=told):
        Environment.model_validate(settings_of("local", {"monitoring": over}))


def test_production_that_tells_nobody_is_refused(settings_of):
    settings = settings_of("production", {"monitoring": {"mail": None, "slack": None}})

    with pytest.raises(ValueError, match="no alert would reach anybody"):
        Environment.model_validate(settings)


def test_alertmanager_outside_is_told_and_none_is_deployed(render, find):
    recorder = render("local", {"monitoring": {"mode": "external", "addresses": ["alerts.example.net:9093"]}})

    prometheus = yaml.safe_load(find(recorder, "ConfigMap", "prometheus").inputs["data"]["prometheus.yml"])
    assert prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] == ["alerts.example.net:9093"]
    assert not [r for r in recorder.rendered if "alertmanager" in r.name]
    assert "alertmanager" not in {job["job_name"] for job in prometheus["scrape_configs"]}


def test_prometheus_reads_every_committed_rule_and_reloads_without_a_restart(render, find):
    recorder = render("local")
    rules = find(recorder, "ConfigMap", "prometheus-rules")
    (container,) = find(recorder, "StatefulSet", "prometheus").containers()

    assert len(rules.inputs["data"]) >= 5
    volumes = {volume["name"]: volume for volume in find(recorder, "StatefulSet", "prometheus").pod["volumes"]}
    assert rules.metadata["name"] == "prometheus-rules"
    assert volumes["prometheus-rules"]["configMap"]["name"] == "prometheus-rules"
    # An output of the map as the pod's volume would make Pulumi delete the StatefulSet with each change of a rule.
    request = recorder.requests["kubernetes:apps/v1:StatefulSet", "prometheus"]
    assert not [urn for urn in request.dependencies if "ConfigMap" in urn]
    assert "--enable-feature=auto-reload-config" in container["args"]
