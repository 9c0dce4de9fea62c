"""The real way of an alert: pods vanish, and a person has a mail and a chat message with the page that helps."""

import time

import httpx
import pytest
import yaml
from alert_sinks import open_sinks

from alerts.source.metrics import ALWAYS

NAMESPACE = ("-n", "cryoprotect")
SECRET = "alerting-test"  # noqa: S105 - its name
# Measured: 35 s from the fault; the rest is for a machine that is busy with other things.
MESSAGE_LIMIT_S = 240
ANSWER_LIMIT_S = 120


@pytest.fixture
def sinks(platform):
    """Receivers on the node's own address, which pods reach."""
    address = platform.kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[0].address}")
    with open_sinks(address) as opened:
        yield opened


@pytest.fixture
def told(platform, environments, sinks):
    """The platform with these receivers; as it was afterwards."""
    slack = f"http://{sinks.host}:{sinks.http_port}/slack"
    platform.kubectl(*NAMESPACE, "create", "secret", "generic", SECRET, f"--from-literal=slack-url={slack}")
    path = environments / "local.yaml"
    document = yaml.safe_load(path.read_text())
    document["monitoring"] |= {
        "secret": SECRET,
        "slack": {"channel": "#alerts"},
        "mail": {
            "smarthost": f"{sinks.host}:{sinks.smtp_port}",
            "sender": "cryoprotect@example.org",
            "recipients": ["oncall@example.org"],
            "require_tls": False,
        },
        "ports": [sinks.http_port],
    }
    path.write_text(yaml.safe_dump(document))
    platform.pulumi("up", "--yes", "--skip-preview", environments=environments)
    yield sinks
    platform.pulumi("up", "--yes", "--skip-preview")
    platform.kubectl(*NAMESPACE, "delete", "secret", SECRET)


@pytest.fixture
def scale(platform):
    """Scale both colours; back to one pod each at the end, because Pulumi does not look for what others changed."""
    selector = ("-l", "app.kubernetes.io/name=model-server")

    def to(replicas):
        platform.kubectl(*NAMESPACE, "scale", "deployment", *selector, f"--replicas={replicas}")

    yield to
    to(1)
    platform.kubectl(*NAMESPACE, "rollout", "status", "deployment", *selector, "--timeout=110s")


@pytest.fixture
def ask():
    """Return the data of an answer of Prometheus, which may have been started a moment ago."""

    def get(path, **query):
        deadline = time.monotonic() + ANSWER_LIMIT_S
        while True:
            answer = httpx.get(
                f"http://127.0.0.1:8080{path}", params=query, headers={"host": "prometheus.localhost"}, trust_env=False
            )
            if answer.is_success or time.monotonic() > deadline:
                answer.raise_for_status()
                return answer.json()["data"]
            time.sleep(1)

    return get


def test_rules_are_loaded_and_prometheus_knows_its_alertmanager(platform, ask):
    groups = {group["name"]: group["rules"] for group in ask("/api/v1/rules")["groups"]}

    assert {"api", "backup", "database", "meta", "model", "release", "system"} <= set(groups)
    assert {rule["health"] for rules in groups.values() for rule in rules} <= {"ok", "unknown"}
    (alertmanager,) = ask("/api/v1/alertmanagers")["activeAlertmanagers"]
    assert alertmanager["url"].endswith("alertmanager:9093/api/v2/alerts")


def test_vanished_api_reaches_a_person_by_mail_and_chat_and_so_does_its_return(told, scale):
    scale(0)

    for channel in ("mail", "slack"):
        message = told.wait_for(
            lambda it, channel=channel: it.channel == channel and "ApiUnreachable (model-server) in local" in it.title,
            limit_s=MESSAGE_LIMIT_S,
        )
        assert "alerts/runbooks/ApiUnreachable.md" in message.text
        assert "http://alertmanager.localhost:8080/#/silences/new" in message.text
    assert not [message.title for message in told.messages if "Watchdog" in message.title]

    # Also because Alertmanager remembers for an hour what it has told, and would not tell the next run of this test.
    scale(1)
    for channel in ("mail", "slack"):
        told.wait_for(
            lambda it, channel=channel: it.channel == channel and it.title.startswith("[RESOLVED] ApiUnreachable"),
            limit_s=MESSAGE_LIMIT_S,
        )


def test_every_metric_that_rules_ask_for_is_scraped(platform, ask):
    """A rule on a metric that nothing emits looks exactly like a healthy one."""
    deadline = time.monotonic() + ANSWER_LIMIT_S
    missing = dict(ALWAYS)
    while missing and time.monotonic() < deadline:
        missing = {
            name: job
            for name, job in missing.items()
            if not ask("/api/v1/query", query=f'{name}{{job="{job}"}}')["result"]
        }
        time.sleep(2)

    assert missing == {}
