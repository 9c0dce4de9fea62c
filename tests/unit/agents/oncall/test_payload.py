"""Alertmanager's webhook is taken as it is documented, and anything else is refused by its field."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.oncall.errors import PayloadInvalidError
from agents.oncall.payload import MAX_ALERTS, parse_notice

ALERT = {
    "status": "firing",
    "labels": {"alertname": "ApiDown", "severity": "critical"},
    "annotations": {"summary": "no API answers"},
    "startsAt": "2026-03-03T12:00:00.123Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "fc3a2f0e7b1d9c55",
}
BODY = {
    "receiver": "oncall",
    "status": "firing",
    "alerts": [ALERT],
    "groupLabels": {"alertname": "ApiDown"},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "version": "4",
    "groupKey": '{}:{alertname="ApiDown"}',
    "truncatedAlerts": 0,
}


def encode(**changes) -> bytes:
    return json.dumps({**BODY, **changes}).encode()


def test_firing_group_is_read() -> None:
    notice = parse_notice(encode())

    assert (notice.group_key, notice.firing, notice.alertmanager_url) == (
        '{}:{alertname="ApiDown"}',
        True,
        "http://alertmanager:9093",
    )
    assert [alert.fingerprint for alert in notice.alerts] == ["fc3a2f0e7b1d9c55"]


def test_ended_alerts_of_a_firing_group_are_left_out() -> None:
    ended = {**ALERT, "status": "resolved", "fingerprint": "b"}

    assert [alert.fingerprint for alert in parse_notice(encode(alerts=[ended, ALERT])).alerts] == [ALERT["fingerprint"]]


def test_same_fingerprint_twice_is_one_alert() -> None:
    assert len(parse_notice(encode(alerts=[ALERT, ALERT])).alerts) == 1


def test_large_group_is_cut_and_counted() -> None:
    many = [{**ALERT, "fingerprint": str(number)} for number in range(MAX_ALERTS + 3)]
    notice = parse_notice(encode(alerts=many, truncatedAlerts=4))

    assert (len(notice.alerts), notice.hidden) == (MAX_ALERTS, 7)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Input data was truncated"),
        (b"[]", "Expected `object`"),
        (b"\xff\xfe", "not a webhook"),
        (b"[" * 5000, "not a webhook"),
        (encode(version="5"), "version"),
        (encode(status="pending"), "status"),
        (encode(groupKey=""), "groupKey"),
        (encode(groupKey="x" * 5000), "groupKey"),
        (encode(alerts=[]), "alerts is empty"),
        (encode(alerts=[{**ALERT, "fingerprint": None}]), "fingerprint"),
        (encode(alerts=[{**ALERT, "startsAt": "yesterday"}]), "startsAt"),
        (encode(alerts=[{**ALERT, "startsAt": "2026-03-03T12:00:00"}]), "startsAt has no offset"),
        (encode(alerts=[{**ALERT, "labels": {"a": 1}}]), "labels"),
    ],
)
def test_what_is_no_webhook_is_refused_by_its_field(content, told) -> None:
    with pytest.raises(PayloadInvalidError) as caught:
        parse_notice(content)

    assert told in str(caught.value)


@given(st.binary(max_size=300))
def test_no_bytes_end_in_anything_but_a_refusal(content) -> None:
    with pytest.raises(PayloadInvalidError):
        parse_notice(content)
