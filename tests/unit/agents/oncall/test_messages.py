"""What people read: short, one line in the subject, and nothing of it can become a header, a tag or a mention."""

import msgspec
import pytest

from agents.oncall.channels.slack import _escape
from agents.oncall.escalation import Order, decide_notice, decide_resolve
from agents.oncall.messages import About, write_message
from agents.oncall.pages import show_incident


@pytest.fixture
def incident(roster, notice, at):
    return decide_notice(None, notice(), roster, at(0)).incident


def changed(incident, **annotations):
    alert = msgspec.structs.replace(incident.alerts[0], annotations=annotations)
    return msgspec.structs.replace(incident, alerts=(alert,))


def test_page_says_what_and_how_to_acknowledge(incident, at) -> None:
    told = changed(incident, summary="no API answers", runbook_url="https://r/ApiDown", description="0 of 2")
    message = write_message(About(Order.PAGE, 12, 5, 0), told, link="https://x/oncall/act/t", now=at(3))

    assert message.subject == "[FIRING critical] ApiDown #12"
    for line in ("no API answers", "0 of 2", "Runbook: https://r/ApiDown", "Acknowledge: https://x/oncall/act/t"):
        assert line in message.text.splitlines()
    assert "cryo oncall ack 12" in message.text


def test_end_has_no_link(incident, at) -> None:
    over = decide_resolve(incident, "ann", at(5)).incident
    message = write_message(About(Order.RESOLVED, 12, 5, 0), over, link="https://x", now=at(9))

    assert message.subject.startswith("[RESOLVED critical]")
    assert "It is over: ann said so." in message.text
    assert "https://x" not in message.text


def test_copies_of_one_message_have_one_identity(incident, at) -> None:
    copies = {write_message(About(Order.PAGE, 12, 5, 0), incident, link="", now=at(s)).id for s in (1, 60)}

    assert copies == {"incident-12-5"}


def test_hostile_labels_stay_text(incident, at) -> None:
    evil = 'x\r\nBcc: all@example.org\u2028<script>alert("1")</script> <!channel> & *'
    alert = msgspec.structs.replace(incident.alerts[0], labels={"alertname": evil, "severity": "critical"})
    bad = msgspec.structs.replace(changed(incident, summary=evil), alerts=(alert,))
    message = write_message(About(Order.PAGE, 12, 5, 0), bad, link="", now=at(3))
    page = show_incident(12, bad).body.decode()

    assert "\n" not in message.subject
    assert "\r" not in message.subject
    assert "<script" not in page
    assert "<!channel>" not in _escape(message.text)


def test_long_texts_are_cut(incident, at) -> None:
    message = write_message(About(Order.PAGE, 12, 5, 0), changed(incident, summary="y" * 100_000), link="", now=at(3))

    assert len(message.text) < 4000
    assert "cryo oncall ack 12" in message.text
