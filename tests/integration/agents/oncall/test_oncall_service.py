"""An alert reaches its people through a real mail server and a real webhook, and what they answer counts."""

import re
import socket
from datetime import datetime

import httpx
import pytest


@pytest.fixture
def agent(make_agent):
    return make_agent().start()


def test_alert_is_a_message_in_both_sinks_and_its_link_ends_the_escalation(make_agent, sinks, webhook) -> None:
    agent = make_agent(step_s=4).start()
    assert agent.post(**webhook()).json()["because"] == "first notice of this group"
    agent.wait_for(lambda: len(sinks.told()) == 2)
    subjects = sorted(each.subject for each in sinks.told())
    assert subjects == [
        "<@U1> *[FIRING critical] ApiDown (model-server test) #1*",
        "ann@example.org [FIRING critical] ApiDown (model-server test) #1",
    ]

    link = sinks.mail.messages[0].link
    previews = [httpx.get(link), httpx.head(link)]
    assert [each.status_code for each in previews] == [200, 405]
    assert "Nobody" not in previews[0].text
    assert "nobody has acknowledged it" in previews[0].text
    pressed = httpx.post(link, data={"action": "acknowledge"})
    assert "ann acknowledged it." in pressed.text
    again = httpx.post(link, data={"action": "acknowledge"})
    assert "ann acknowledged it after ann." in again.text
    second_step = opened_at(agent) + 5
    agent.wait_for(lambda: agent.metrics()['cryo_oncall_loop_timestamp_seconds{worker="escalation"}'] > second_step)
    assert len(sinks.told()) == 2


def opened_at(agent) -> float:
    """When the agent decided on the first notice, in seconds of its own clock."""
    decided = next(event["ts"] for event in agent.events() if event["event"] == "oncall.incident.decided")
    return datetime.fromisoformat(decided).timestamp()


def test_nobody_answers_so_the_second_person_is_told(make_agent, sinks, webhook) -> None:
    agent = make_agent(step_s=1).start()
    agent.post(**webhook())
    agent.wait_for(lambda: any("bob@" in each.subject for each in sinks.mail.messages))

    assert "nobody has acknowledged it" in sinks.mail.messages[-1].text


def test_end_is_told_to_both_and_a_signal_that_comes_and_goes_is_one_page(make_agent, sinks, webhook) -> None:
    agent = make_agent(calm_s=2).start()
    for _ in range(5):
        agent.post(**webhook())
        agent.post(**webhook(status="resolved"))
    agent.wait_for(lambda: len(sinks.told()) == 4)

    kinds = sorted(re.search(r"FIRING|RESOLVED", each.subject)[0] for each in sinks.told())
    assert kinds == ["FIRING", "FIRING", "RESOLVED", "RESOLVED"]


def test_repeated_notices_of_one_group_are_one_page(agent, sinks, webhook) -> None:
    numbers = {agent.post(**webhook()).json()["incident"] for _ in range(5)}
    agent.wait_for(lambda: len(sinks.told()) == 2)
    regrouped = agent.post(**webhook(key="another grouping of the same alerts")).json()

    assert numbers == {1}
    assert (regrouped["incident"], regrouped["because"]) == (1, "already known")
    assert len(sinks.told()) == 2


def test_mail_server_that_refuses_is_told_by_metric_and_served_when_it_is_back(make_agent, sinks, webhook) -> None:
    sinks.mail.refuse = "451 try later"
    agent = make_agent().start()
    agent.post(**webhook())
    agent.wait_for(lambda: agent.metrics()['cryo_oncall_deliveries_total{channel="email",outcome="unreachable"}'] >= 1)
    metrics = agent.metrics()
    assert metrics['cryo_oncall_channel_up{channel="email"}'] == 0
    assert [each.channel for each in sinks.told()] == ["slack"]

    sinks.mail.refuse = ""
    agent.wait_for(lambda: len(sinks.mail.messages) == 1)
    agent.wait_for(lambda: agent.metrics()['cryo_oncall_channel_up{channel="email"}'] == 1)


def test_slack_that_asks_for_patience_gets_it_and_the_message_afterwards(agent, sinks, webhook) -> None:
    sinks.slack.answers = [(429, {"retry-after": "2"})]
    agent.post(**webhook())
    agent.wait_for(lambda: len(sinks.slack.messages) == 1)

    assert sinks.slack.asked[1] - sinks.slack.asked[0] >= 1.9
    assert agent.metrics()['cryo_oncall_deliveries_total{channel="slack",outcome="limited"}'] == 1


ONLY_MAIL = """
people:
  ann: {name: Ann, time_zone: UTC, email: ann@example.org}
  bob: {name: Bob, time_zone: UTC, email: bob@example.org}
schedules: {}
policies: {page: {steps: [{tell: [ann], by: [email]}, {after_s: 3600, tell: [bob], by: [email]}]}}
routes: [{policy: page}]
fallback: FALLBACK
"""


def test_another_channel_takes_over_from_one_that_is_dead(make_agent, sinks, webhook) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = str(probe.getsockname()[1])
    agent = make_agent(roster=ONLY_MAIL.replace("FALLBACK", "[slack]"), CRYO_ONCALL_SMTP_PORT=dead).start()
    agent.post(**webhook())
    agent.wait_for(lambda: len(sinks.slack.messages) == 1)

    assert "Acknowledge: http" in sinks.slack.messages[0].text


def test_step_that_reaches_nobody_is_followed_by_the_next_at_once(make_agent, sinks, webhook) -> None:
    sinks.mail.refuse = "550 no such mailbox"
    agent = make_agent(roster=ONLY_MAIL.replace("FALLBACK", "[email]")).start()
    agent.post(**webhook())
    agent.wait_for(lambda: agent.metrics()["cryo_oncall_pages_total"] == 2)

    reasons = [event.get("because") for event in agent.events() if event["event"] == "oncall.incident.decided"]
    assert "step 2 is due and nobody has acknowledged" in reasons


def test_silent_watchdog_pages_and_its_return_ends_the_incident(make_agent, sinks, webhook) -> None:
    agent = make_agent(calm_s=0.5, CRYO_ONCALL_HEARTBEAT_S="3").start()
    assert agent.post("/api/v1/heartbeat", **webhook(name="Watchdog")).status_code == 200
    agent.wait_for(lambda: len(sinks.told()) == 2)
    assert "HeartbeatMissing" in sinks.mail.messages[0].subject

    def beaten() -> bool:
        agent.post("/api/v1/heartbeat", **webhook(name="Watchdog"))
        return len(sinks.told()) == 4

    agent.wait_for(beaten)
    assert "RESOLVED" in sinks.mail.messages[1].subject


def test_without_the_database_people_are_told_from_memory_and_the_sender_comes_again(
    make_agent, migrated, sinks, webhook
) -> None:
    agent = make_agent().start()
    with migrated.connect() as conn:
        conn.execute("revoke usage on schema oncall from cryo_oncall")
    answers = [agent.post(**webhook()).status_code for _ in range(3)]
    assert answers == [503, 503, 503]
    assert len(sinks.told()) == 2
    assert all("cannot be acknowledged" in each.text for each in sinks.told())

    with migrated.connect() as conn:
        conn.execute("grant usage on schema oncall to cryo_oncall")
    assert agent.post(**webhook()).status_code == 200
    agent.wait_for(lambda: len(sinks.told()) == 4)


REQUESTS = [
    ("/api/v1/alerts", b"{}", {"content-type": "application/json"}, 400),
    ("/api/v1/alerts", b"{}", {"content-type": "text/plain"}, 415),
    ("/api/v1/alerts", b"x" * (2 * 1024 * 1024 + 1), {"content-type": "application/json"}, 413),
    ("/api/v1/heartbeat", b"[]", {"content-type": "application/json"}, 400),
    ("/oncall/act/1.YW5u.99999999999." + "A" * 43, b"action=acknowledge", {}, 403),
    ("/oncall/act/x/y", b"", {}, 404),
    ("/metrics", b"", {}, 405),
]


def test_hostile_requests_are_refused_and_change_nothing(agent, sinks) -> None:
    answers = [httpx.post(agent.url + path, content=content, headers=headers) for path, content, headers, _ in REQUESTS]

    assert [answer.status_code for answer in answers] == [status for *_, status in REQUESTS]
    assert sinks.told() == []


def test_no_secret_is_in_the_log(make_agent, sinks, webhook) -> None:
    agent = make_agent().start()
    sinks.slack.answers = [(404, {})]
    agent.post(**webhook())
    agent.wait_for(lambda: agent.metrics()['cryo_oncall_deliveries_total{channel="slack",outcome="refused"}'] == 1)
    agent.wait_for(lambda: len(sinks.mail.messages) == 1)
    text = agent.log.read_text()

    assert "/services/T0" not in text
    assert "narrow-password" not in text
    assert sinks.mail.messages[0].link.rpartition("/")[2] not in text
