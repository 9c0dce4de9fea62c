"""Who hears of what, by a live Alertmanager that delivers to a real SMTP server and a Slack-compatible one."""

import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from alert_sinks import open_sinks

from infra.alertmanager_config import SECRETS_FOLDER, alertmanager_files
from infra.monitoring_sections import Monitoring

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 60
# Divides every wait of the committed configuration, so that minutes become seconds and their order stays.
FASTER = 20


def settings(smtp_port):
    amounts = {"cpu": "10m", "memory": "32Mi"}
    return Monitoring.model_validate(
        {
            "mode": "embedded",
            "addresses": [],
            "alertmanager": {
                "image": "built:alertmanager",
                "storage": {"size": "1Gi", "storage_class": None},
                "resources": {"requests": amounts, "limits": amounts},
            },
            "secret": "alerting",
            "mail": {
                "smarthost": f"127.0.0.1:{smtp_port}",
                "sender": "a@example.org",
                "recipients": ["b@example.org"],
                "require_tls": False,
            },
            "slack": {"channel": "#alerts"},
            "heartbeat": True,
            "oncall": False,
            "ports": [443],
            "time_zone": "UTC",
            "runbooks": "https://git.example.org/main/",
        }
    )


def faster(route):
    """Shorten the waits of a route and of those below it."""
    for key in ("group_wait", "group_interval", "repeat_interval"):
        if key in route:
            amount, unit = re.fullmatch(r"(\d+)([smh])", route[key]).groups()
            seconds = int(amount) * {"s": 1, "m": 60, "h": 3600}[unit] / FASTER
            route[key] = f"{max(round(seconds * 1000), 1)}ms"
    # Whether the tests run at night must not matter; the hours have a test of their own.
    route.pop("mute_time_intervals", None)
    for child in route.get("routes", ()):
        faster(child)


@pytest.fixture(scope="module")
def sinks():
    with open_sinks() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sinks):
    """The committed configuration in a folder of its own, with the sinks as its receivers."""
    path = tmp_path_factory.mktemp("alertmanager")
    for name, text in alertmanager_files(settings(sinks.smtp_port)).items():
        here = text.replace(SECRETS_FOLDER, str(path)).replace("/etc/alertmanager", str(path))
        (path / name).write_text(here, encoding="utf-8")
    (path / "slack-url").write_text(f"http://127.0.0.1:{sinks.http_port}/slack", encoding="utf-8")
    (path / "heartbeat-url").write_text(f"http://127.0.0.1:{sinks.http_port}/heartbeat", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def alertmanager(program, folder, sinks):
    """A running Alertmanager; return how to tell it of alerts."""
    document = yaml.safe_load((folder / "alertmanager.yml").read_text())
    faster(document["route"])
    (folder / "fast.yml").write_text(yaml.safe_dump(document))
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        [
            program("alertmanager", "alertmanager"),
            f"--config.file={folder}/fast.yml",
            f"--storage.path={folder}/data",
            "--web.listen-address=127.0.0.1:0",
            "--web.external-url=http://alertmanager.example.org:9093",
            "--enable-feature=utf8-strict-mode",
            "--cluster.listen-address=",
        ],
        stderr=log,
    )
    url = f"http://127.0.0.1:{listening_port(folder / 'log')}"

    def post(*alerts, ends=False):
        now = datetime.now(UTC)
        body = [
            {
                "labels": labels,
                "annotations": {
                    "summary": f"Summary of {labels['alertname']}",
                    "description": "It is 7 %.",
                    "runbook": f"alerts/runbooks/{labels['alertname']}.md",
                },
                "startsAt": (now - timedelta(minutes=1)).isoformat(),
                "endsAt": (now - timedelta(seconds=1) if ends else now + timedelta(hours=1)).isoformat(),
            }
            for labels in alerts
        ]
        httpx.post(f"{url}/api/v2/alerts", json=body, trust_env=False).raise_for_status()

    yield post
    process.terminate()
    process.wait(20)
    log.close()


def listening_port(log):
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        found = re.search(r"Listening on.*address=127\.0\.0\.1:(\d+)", log.read_text())
        if found:
            return int(found[1])
        time.sleep(0.05)
    pytest.fail(log.read_text())


def alert(name, environment, **labels):
    return {"alertname": name, "environment": environment, "service": "model-server", "component": "api", **labels}


def of(environment, channel):
    return lambda message: message.channel == channel and environment in message.title


def test_configuration_is_valid_with_every_channel(program, folder):
    done = subprocess.run(
        [program("alertmanager", "amtool"), "check-config", folder / "alertmanager.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["severity=critical", "alertname=ApiDown"], "critical"),
        (["severity=warning", "alertname=SlowEndpoint"], "warning"),
        (["severity=info", "alertname=Explains"], "nobody"),
        (["severity=none", "alertname=Watchdog"], "heartbeat"),
        (["alertname=NobodyThoughtOfIt"], "everyone"),
        (["severity=fatal", "alertname=Misspelt"], "everyone"),
    ],
)
def test_alert_goes_to_its_receiver(program, folder, labels, receiver):
    done = subprocess.run(
        [
            program("alertmanager", "amtool"), "config", "routes", "test",
            f"--config.file={folder}/alertmanager.yml", f"--verify.receivers={receiver}", *labels,
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_critical_alert_arrives_by_mail_and_in_the_chat_with_all_that_is_needed(alertmanager, sinks):
    alertmanager(alert("HighErrorRate", "t-critical", severity="critical"))

    for channel in ("mail", "slack"):
        message = sinks.wait_for(of("t-critical", channel), limit_s=LIMIT_S)
        assert message.title == "[FIRING:1] HighErrorRate (model-server) in t-critical"
        assert "Summary of HighErrorRate" in message.text
        assert "It is 7 %." in message.text
        assert "https://git.example.org/main/alerts/runbooks/HighErrorRate.md" in message.text
        assert "http://alertmanager.example.org:9093/#/silences/new?filter=%7B" in message.text


@pytest.mark.parametrize("labels", [{}, {"severity": "fatal"}, {"severity": "warning"}], ids=str)
def test_alert_that_no_route_knows_arrives_all_the_same(alertmanager, sinks, labels):
    environment = f"t-{labels.get('severity', 'unlabelled')}"
    alertmanager(alert("Unforeseen", environment, **labels))

    for channel in ("mail", "slack"):
        sinks.wait_for(of(environment, channel), limit_s=LIMIT_S)


def test_heartbeat_comes_again_and_again_and_disturbs_nobody(alertmanager, sinks):
    alertmanager({"alertname": "Watchdog", "severity": "none", "environment": "t-heartbeat"})

    first = sinks.wait_for(lambda message: message.channel == "heartbeat", limit_s=LIMIT_S)
    sinks.wait_for(lambda message: message.channel == "heartbeat" and message.at > first.at, limit_s=LIMIT_S)
    assert not [message for message in sinks.messages if "t-heartbeat" in message.title]


def test_cause_silences_its_symptoms_and_nothing_of_another_service(alertmanager, sinks):
    alertmanager(alert("ApiUnreachable", "t-cause", severity="critical"))
    sinks.wait_for(of("t-cause", "slack"), limit_s=LIMIT_S)
    symptoms = ("ApiDown", "HighErrorRate", "SlowEndpoint", "ApiErrorBudgetBurnFast", "ModelNotReady")
    alertmanager(*(alert(name, "t-cause", severity="critical") for name in symptoms))
    alertmanager(alert("HighErrorRate", "t-cause", severity="critical") | {"service": "other"})

    sinks.wait_for(lambda message: of("t-cause", "slack")(message) and "(other)" in message.title, limit_s=LIMIT_S)
    told = [message.text for message in sinks.messages if of("t-cause", "slack")(message)]
    assert not [text for text in told for name in ("ApiDown", "SlowEndpoint", "BudgetBurn") if name in text]
    assert sum("HighErrorRate" in text for text in told) == 1


def test_end_of_an_alert_is_told_too(alertmanager, sinks):
    labels = alert("GatewayDown", "t-end", severity="critical")
    alertmanager(labels)
    sinks.wait_for(of("t-end", "mail"), limit_s=LIMIT_S)
    alertmanager(labels, ends=True)

    for channel in ("mail", "slack"):
        sinks.wait_for(
            lambda message, channel=channel: of("t-end", channel)(message) and "RESOLVED" in message.title,
            limit_s=LIMIT_S,
        )


def test_ten_alerts_of_one_group_are_one_short_message(alertmanager, sinks):
    alertmanager(*(alert("ModelNotReady", "t-many", severity="critical", pod=f"p{number}") for number in range(30)))

    # A first message may have gone out before all of them had arrived.
    message = sinks.wait_for(
        lambda it: of("t-many", "slack")(it) and "and more: 30 alerts in all" in it.text, limit_s=LIMIT_S
    )
    assert message.text.count("Summary of") == 10


def test_warnings_wait_outside_working_hours_and_pages_never_do():
    document = yaml.safe_load((ROOT / "alerts" / "routing" / "alertmanager.yaml").read_text())
    muted = {route["receiver"] for route in document["route"]["routes"] if "mute_time_intervals" in route}
    (interval,) = document["time_intervals"]

    assert muted == {"warning"}
    assert all("location" in part for part in interval["time_intervals"])


def test_every_name_in_an_inhibition_is_an_alert():
    document = yaml.safe_load((ROOT / "alerts" / "routing" / "alertmanager.yaml").read_text())
    rules = [
        rule
        for path in (ROOT / "alerts" / "rules").glob("*.yml")
        for rule in yaml.safe_load(path.read_text())["groups"][0]["rules"]
    ]
    names = {rule["alert"] for rule in rules if "alert" in rule}
    patterns = [
        part
        for rule in document["inhibit_rules"]
        for matcher in (*rule["source_matchers"], *rule["target_matchers"])
        if matcher.startswith("alertname")
        for part in re.sub(r"\((\w+)\|(\w+)\)", r"(?:\1|\2)", matcher.split('"')[1]).split("|")
        if "(" not in part and ")" not in part
    ]

    assert patterns
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, name) for name in names)] == []
