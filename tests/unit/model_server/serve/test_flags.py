"""What a bulk answer of the flags service means for models, and that no answer changes nothing."""

import json
import math
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest
import structlog

from model_server.errors import FlagsUnreachableError
from model_server.serve.flags import FlagSource, FlagWatch
from model_server.serve.metrics import ServeMetrics
from model_server.serve.switches import Flag, Switches, decide_switched_off

DECISIONS = [
    ("nobody_made_a_flag", [], {"tg"}, set()),
    ("master_switch_off", [Flag("model.tg", "DISABLED")], set(), {"tg"}),
    ("on_and_no_rule_decides", [Flag("model.tg", "DEFAULT")], {"tg"}, set()),
    ("a_rollout_is_about_people", [Flag("model.tg", "SPLIT")], set(), set()),
    ("copy_too_old_while_off", [Flag("model.tg", "ERROR")], {"tg"}, {"tg"}),
    ("copy_too_old_while_on", [Flag("model.tg", "ERROR")], set(), set()),
    ("error_in_place_of_an_answer", [Flag("model.tg", "", "TARGETING_KEY_MISSING")], {"tg"}, {"tg"}),
    ("flag_of_something_else", [Flag("tg", "DISABLED"), Flag("new_table", "DISABLED")], set(), set()),
    ("name_with_a_dash", [Flag("model.iri-amino", "DISABLED")], set(), {"iri-amino"}),
]


@pytest.mark.parametrize(("flags", "before", "off"), [row[1:] for row in DECISIONS], ids=[row[0] for row in DECISIONS])
def test_models_are_off_when_their_flag_says_so_and_stay_as_they_were_when_it_says_nothing(flags, before, off):
    assert decide_switched_off(flags, frozenset(before)) == off


class Service:
    """Answers what a test puts into `next`, and remembers what was asked."""

    def __init__(self):
        self.next, self.tags = (200, b'{"flags":[]}', '"1"'), []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                service.tags.append(self.headers["if-none-match"])
                status, body, tag = service.next
                self.send_response(status)
                self.send_header("etag", tag)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def service():
    one = Service()
    yield one
    one.server.shutdown()
    one.server.server_close()


def bulk(reason, status=200, tag='"2"'):
    return status, json.dumps({"flags": [{"key": "model.tg", "value": False, "reason": reason}]}).encode(), tag


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}", "x"),
        (304, b"", "x"),
        (200, b"<html>", "x"),
        (200, b'{"flags": 3}', "x"),
        (200, b'{"flags": [{"key": 1}]}', "x"),
    ],
)
def test_answer_that_is_not_of_the_protocol_is_none(service, answer):
    service.next = answer

    with pytest.raises(FlagsUnreachableError):
        FlagSource(urlsplit(service.url)).fetch(None)


def test_what_was_said_last_holds_while_nobody_answers_and_the_log_tells_it_once(service):
    metrics, switches = ServeMetrics(), Switches()
    with structlog.testing.capture_logs() as logs:
        watch = FlagWatch(FlagSource(urlsplit(service.url)), switches, metrics=metrics, log=structlog.get_logger())
        service.next = (503, b"", "")
        watch.look()
        assert math.isnan(metrics.registry.get_sample_value("cryo_model_flags_age_seconds"))
        service.next = bulk("DISABLED")
        watch.look()
        service.next = (503, b"", "")
        watch.look()
        watch.look()

    assert switches.off == {"tg"}
    assert metrics.registry.get_sample_value("cryo_model_switched_off", {"model": "tg"}) == 1
    assert metrics.registry.get_sample_value("cryo_model_flags_age_seconds") >= 0
    told = [(each["event"].rpartition(".")[2], each.get("model")) for each in logs]
    assert told == [("unreachable", None), ("reachable", None), ("turned", "tg"), ("unreachable", None)]

    service.next = bulk("DEFAULT", tag='"3"')
    watch.look()
    service.next = (304, b"", '"3"')
    watch.look()

    assert switches.off == frozenset()
    assert metrics.registry.get_sample_value("cryo_model_switched_off", {"model": "tg"}) == 0
    assert service.tags == [None, None, '"2"', '"2"', '"2"', '"3"']
