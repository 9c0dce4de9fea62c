"""A real notification through the Service reaches a real mail server, and the link in it stops the escalation."""

import re
import socket
import time
from email import message_from_bytes, policy

import httpx
import pytest
from aiosmtpd.controller import Controller

NAMESPACE = "cryoprotect"
LABEL = "app.kubernetes.io/name=oncall"


class Inbox:
    """Takes every mail."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd calls it so
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def inbox(platform):
    """A mail server on the node, which the agent is told of for the length of one test."""
    address = platform.kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[0].address}")
    with socket.socket() as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    found = Inbox()
    controller = Controller(found, hostname=address, port=port)
    controller.start()
    settings = {"HOST": address, "PORT": port, "SENDER": "oncall@example.org", "ENCRYPTION": "none"}
    deployment = platform.kubectl("-n", NAMESPACE, "get", "deployments", "-l", LABEL, "-o", "name").strip()
    tell = ["-n", NAMESPACE, "set", "env", deployment]
    wait = ["-n", NAMESPACE, "rollout", "status", deployment, "--timeout=90s"]
    platform.kubectl(*tell, *(f"CRYO_ONCALL_SMTP_{name}={value}" for name, value in settings.items()))
    platform.kubectl(*wait)
    yield found
    platform.kubectl(*tell, *(f"CRYO_ONCALL_SMTP_{name}-" for name in settings))
    platform.kubectl(*wait)
    controller.stop()


def test_notification_is_a_mail_whose_link_stops_the_escalation(platform, inbox):
    name = f"ClusterTest{time.time_ns()}"
    alert = {
        "status": "firing",
        "labels": {"alertname": name, "severity": "critical"},
        "annotations": {"summary": "a test of the cluster"},
        "startsAt": "2026-03-03T12:00:00Z",
        "fingerprint": name,
    }
    body = {"version": "4", "groupKey": name, "status": "firing", "alerts": [alert]}
    service = platform.kubectl("-n", NAMESPACE, "get", "service", "oncall", "-o", "jsonpath={.spec.clusterIP}")
    posted = httpx.post(f"http://{service}:8080/api/v1/alerts", json=body, trust_env=False)
    assert posted.json()["because"] == "first notice of this group"

    deadline = time.monotonic() + 60
    while not inbox.mails and time.monotonic() < deadline:
        time.sleep(0.2)
    (mail,) = inbox.mails
    assert name in mail["Subject"]
    link = re.search(r"http://127\.0\.0\.1:8080/oncall/act/\S+", mail.get_content())[0]
    assert "nobody has acknowledged it" in httpx.get(link, trust_env=False).text
    pressed = httpx.post(link, data={"action": "acknowledge"}, trust_env=False)
    assert "acknowledged it." in pressed.text
    state = f"select status, (document ->> 'stage') from oncall.incidents where group_key = '{name}'"  # noqa: S608 - a name of our own
    assert platform.sql(state) == "acknowledged|1"
    ended = httpx.post(link, data={"action": "resolve"}, trust_env=False)
    assert "It is over." in ended.text


def test_gateway_shows_neither_webhook_nor_metrics(platform):
    answers = [
        httpx.post(f"http://127.0.0.1:8080{path}", json={}, trust_env=False)
        for path in ("/api/v1/alerts", "/oncall/metrics")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
