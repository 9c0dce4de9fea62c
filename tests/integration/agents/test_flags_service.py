"""The flags service as a pod runs it, asked by the standard's own client and by hostile requests."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

ANN, BOB = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
RED = "00000000-0000-0000-0000-0000000000f1"
BULK = "/ofrep/v1/evaluate/flags"
FLAGS = """
insert into auth.users (id) values (:ann), (:bob);
insert into public.teams (id, name) values (:red, 'red');
insert into public.user_team_membership (user_id, team_id, role_id)
select :bob, :red, id from public.team_roles where name = 'member';
insert into public.feature_flags (name, enabled, rollout_percent, user_ids) values
    ('everybody', true, 100, '{}'), ('nobody', false, 100, '{}'), ('half', true, 50, '{}'),
    ('listed', true, 0, array[:ann]::uuid[]), ('team', true, 0, '{}'), ('taken_out', true, 100, '{}');
insert into public.feature_flag_overrides (flag_id, team_id, enabled, reason)
select id, :red, true, 'pilot' from public.feature_flags where name = 'team';
insert into public.feature_flag_overrides (flag_id, user_id, enabled, reason)
select id, :ann, false, 'trouble' from public.feature_flags where name = 'taken_out';
"""
PEOPLE = {":ann": ANN, ":bob": BOB, ":red": RED}


class Service:
    """`python -m agents.flags serve`."""

    def __init__(self, log: Path, environ: dict[str, str], repository: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        settings = {"CRYO_BIND": f"127.0.0.1:{port}", "CRYO_FLAGS_REFRESH_S": "0.1", "CRYO_DRAIN_S": "0.3"}
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agents.flags", "serve"],
                cwd=repository,
                env={**os.environ, **settings, **environ},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers=headers)

    def ask(self, flag: str, key: str | None = ANN) -> httpx.Response:
        return self.post(f"{BULK}/{flag}", {"context": {"targetingKey": key}} if key else {})

    def wait_until(self, path: str, status: int) -> None:
        self.wait_for(lambda: httpx.get(self.url + path).status_code == status)

    def wait_for(self, condition, deadline_s: float = 20.0) -> None:
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                if condition():
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        pytest.fail(f"the awaited state never came: {self.log.read_text()}")

    def events(self) -> list[str]:
        """The event of every log line, each of which must be JSON."""
        return [json.loads(line)["event"] for line in self.log.read_text().splitlines()]

    def end(self) -> None:
        if self.process.poll() is None:
            family = [*psutil.Process(self.process.pid).children(), psutil.Process(self.process.pid)]
            self.process.terminate()
            _, alive = psutil.wait_procs(family, timeout=15)
            for process in alive:
                process.kill()
        self.process.wait(5)


@pytest.fixture
def start(database, repository: Path, tmp_path: Path) -> Iterator:
    with database.connect() as conn:
        conn.execute((repository / "migrations" / "schema.sql").read_bytes())
        conn.execute(re.sub(":(?:ann|bob|red)", lambda found: f"'{PEOPLE[found[0]]}'", FLAGS))
    started: list[Service] = []

    def begin(**environ: str) -> Service:
        service = Service(tmp_path / f"service-{len(started)}.log", {**database.environ, **environ}, repository)
        started.append(service)
        return service

    yield begin
    for service in started:
        service.end()


@pytest.fixture
def service(start) -> Service:
    one = start()
    one.wait_until("/readyz", 200)
    return one


@pytest.fixture
def client(service) -> Iterator[OpenFeatureClient]:
    """The standard's own client, which knows nothing of us but the address."""
    provider = OFREPProvider(service.url)
    api.set_provider_and_wait(provider, "ofrep")
    yield api.get_client("ofrep")
    api.clear_providers()
    provider.session.close()


@pytest.mark.parametrize(
    ("flag", "key", "value", "reason"),
    [
        ("everybody", ANN, True, "SPLIT"),
        ("nobody", ANN, False, "DISABLED"),
        ("listed", ANN, True, "TARGETING_MATCH"),
        ("listed", BOB, False, "DEFAULT"),
        ("team", BOB, True, "TARGETING_MATCH"),
        ("team", ANN, False, "DEFAULT"),
        ("taken_out", ANN, False, "TARGETING_MATCH"),
        ("taken_out", BOB, True, "SPLIT"),
    ],
)
def test_client_of_the_standard_gets_our_answers(client, flag, key, value, reason) -> None:
    details = client.get_boolean_details(flag, default_value=not value, evaluation_context=EvaluationContext(key))

    assert (details.value, details.reason, details.error_code) == (value, reason, None)
    assert details.variant == ("on" if value else "off")


@pytest.mark.parametrize(
    ("flag", "context", "code"),
    [
        ("missing", EvaluationContext(ANN), ErrorCode.FLAG_NOT_FOUND),
        ("everybody", EvaluationContext(), ErrorCode.TARGETING_KEY_MISSING),
        ("everybody", EvaluationContext(ANN, {"teamIds": "red"}), ErrorCode.INVALID_CONTEXT),
    ],
)
def test_client_of_the_standard_understands_our_errors(client, flag, context, code) -> None:
    details = client.get_boolean_details(flag, default_value=True, evaluation_context=context)

    assert (details.value, details.error_code) == (True, code)


def test_client_of_the_standard_sees_that_flags_are_boolean(client) -> None:
    details = client.get_string_details("everybody", "x", EvaluationContext(ANN))

    assert (details.value, details.error_code) == ("x", ErrorCode.TYPE_MISMATCH)


def test_bulk_answers_for_all_flags_and_not_again_when_nothing_changed(service, database) -> None:
    first = service.post(BULK, {"context": {"targetingKey": ANN}})
    again = service.post(BULK, {"context": {"targetingKey": ANN}}, **{"if-none-match": first.headers["etag"]})
    of_bob = service.post(BULK, {"context": {"targetingKey": BOB}}, **{"if-none-match": first.headers["etag"]})
    with database.connect() as conn:
        conn.execute("update public.feature_flags set enabled = false where name = 'everybody'")
    service.wait_for(lambda: service.ask("everybody").json()["reason"] == "DISABLED")
    changed = service.post(BULK, {"context": {"targetingKey": ANN}}, **{"if-none-match": first.headers["etag"]})

    flags = {each["key"]: each["value"] for each in first.json()["flags"]}
    assert list(flags) == ["everybody", "half", "listed", "nobody", "taken_out", "team"]
    assert (flags["everybody"], flags["listed"], flags["nobody"], flags["taken_out"]) == (True, True, False, False)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (of_bob.status_code, changed.status_code) == (200, 200)


def test_no_answer_names_a_person_or_a_team(service) -> None:
    bulk = service.post(BULK, {"context": {"targetingKey": "somebody"}})

    assert ANN not in bulk.text
    assert RED not in bulk.text
    assert ANN not in httpx.get(service.url + "/metrics").text


class Hostile(NamedTuple):
    method: str
    path: str
    parts: dict
    status: int
    code: str | None


HOSTILE = [
    pytest.param(Hostile("POST", BULK, {"content": b"{"}, 400, "PARSE_ERROR"), id="cut off"),
    pytest.param(Hostile("POST", BULK + "/everybody", {"content": b"[]"}, 400, "PARSE_ERROR"), id="a list"),
    pytest.param(Hostile("POST", BULK, {"content": b"{}"}, 400, "TARGETING_KEY_MISSING"), id="nobody asks for all"),
    pytest.param(Hostile("POST", BULK + "/everybody", {"content": b""}, 400, "TARGETING_KEY_MISSING"), id="empty body"),
    pytest.param(
        Hostile("POST", BULK, {"content": b'{"context":7}'}, 400, "INVALID_CONTEXT"), id="context is a number"
    ),
    pytest.param(
        Hostile("POST", BULK + "/no%20such", {"content": b'{"context":{"targetingKey":"x"}}'}, 404, "FLAG_NOT_FOUND"),
        id="odd name",
    ),
    pytest.param(Hostile("POST", BULK, {"content": b"[" * 60_000}, 400, "PARSE_ERROR"), id="deep"),
    pytest.param(Hostile("POST", BULK, {"content": b"a=b", "type": "text/plain"}, 400, "PARSE_ERROR"), id="form"),
    pytest.param(Hostile("POST", BULK, {"content": b"x" * 70_000}, 413, None), id="large"),
    pytest.param(Hostile("POST", BULK, {"content": iter([b"x" * 9_000] * 8)}, 413, None), id="large in pieces"),
    pytest.param(Hostile("GET", BULK, {}, 405, None), id="wrong method"),
    pytest.param(Hostile("POST", "/ofrep/v1/other", {"content": b"{}"}, 404, None), id="wrong path"),
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_request_is_refused_in_the_protocols_words(service, hostile: Hostile) -> None:
    headers = {"content-type": hostile.parts.get("type", "application/json")}
    content = hostile.parts.get("content")
    try:
        response = httpx.request(hostile.method, service.url + hostile.path, headers=headers, content=content)
    except (httpx.WriteError, httpx.ReadError):
        assert hostile.status == 413, "only a refused body may close the connection before it is sent"
    else:
        assert response.status_code == hostile.status
        assert response.json().get("errorCode") == hostile.code
        assert response.json()["errorDetails"]

    assert httpx.get(service.url + "/livez").status_code == 200


def test_last_copy_serves_while_the_database_is_away_and_then_everything_is_off(start, cluster, database) -> None:
    service = start(CRYO_FLAGS_MAX_STALE_S="4")
    service.wait_until("/readyz", 200)
    cluster.control("stop", "--mode=fast")
    stopped_at = time.monotonic()
    try:
        while_young = service.ask("everybody").json()
        service.wait_for(lambda: service.ask("everybody").json()["reason"] == "ERROR")
        stale_after_s = time.monotonic() - stopped_at
        bulk = service.post(BULK, {"context": {"targetingKey": ANN}})
        ready = httpx.get(service.url + "/readyz").status_code
    finally:
        cluster.control("restart", "--mode=fast")
    service.wait_for(lambda: service.ask("everybody").json()["value"])

    assert (while_young["value"], while_young["reason"]) == (True, "SPLIT")
    assert 2 < stale_after_s < 10
    assert bulk.status_code == 200
    assert {(each["value"], each["reason"]) for each in bulk.json()["flags"]} == {(False, "ERROR")}
    assert ready == 200
    assert service.events().count("flags.refresh.failed") == 1


def test_service_that_starts_before_its_database_becomes_ready_with_it(start, cluster) -> None:
    cluster.control("stop", "--mode=fast")
    try:
        service = start()
        service.wait_until("/livez", 200)
        unready = httpx.get(service.url + "/readyz")
        off = service.ask("everybody").json()
        bulk = service.post(BULK, {"context": {"targetingKey": ANN}})
    finally:
        cluster.control("restart", "--mode=fast")
    service.wait_until("/readyz", 200)

    assert (unready.status_code, unready.json()) == (503, {"errorDetails": "the flags were not read yet"})
    assert (off["value"], off["reason"]) == (False, "ERROR")
    assert (bulk.status_code, bulk.json()) == (500, {"errorDetails": "the flags were not read yet"})
    assert service.ask("everybody").json()["value"] is True


def test_service_leaves_in_good_order(start) -> None:
    # Long enough for two requests on a busy machine.
    service = start(CRYO_DRAIN_S="3")
    service.wait_until("/readyz", 200)
    workers = psutil.Process(service.process.pid).children()
    service.process.send_signal(signal.SIGTERM)
    service.wait_until("/readyz", 503)
    while_leaving = service.ask("everybody")

    assert (while_leaving.status_code, while_leaving.headers["connection"]) == (200, "close")
    assert service.process.wait(10) == 0
    assert not [worker for worker in workers if worker.is_running()]
    assert {"flags.drain.started", "flags.drain.finished", "flags.stop.finished"} <= set(service.events())


def test_metrics_tell_of_answers_queries_and_age(service) -> None:
    service.ask("everybody")
    metrics = httpx.get(service.url + "/metrics").text

    assert 'cryo_flags_evaluations_total{flag="everybody",reason="SPLIT",variant="on"} 1.0' in metrics
    assert re.search(r'cryo_db_query_duration_seconds_count\{query="read_snapshot"\} [1-9]', metrics)
    assert re.search(r"cryo_flags_snapshot_age_seconds 0\.[0-9]", metrics)
    assert 'cryo_flags_requests_total{route="/ofrep/v1/evaluate/flags/{key}",status="200"} 1.0' in metrics


def test_service_with_a_wrong_setting_says_so_and_ends(start) -> None:
    service = start(CRYO_FLAGS_MAX_STALE_S="soon")

    assert service.process.wait(20) == 70
    assert "CRYO_FLAGS_MAX_STALE_S is 'soon'" in service.log.read_text()


class ModelServer:
    """`python -m model_server.serve` with the released models, told where the flags are."""

    def __init__(self, log: Path, flags_url: str, repository: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        settings = {"CRYO_BIND": f"127.0.0.1:{port}", "CRYO_DRAIN_S": "0", "CRYO_MODELS": "tg,iri-amino"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYO_")}
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "model_server.serve"],
                cwd=repository,
                env={**kept, **settings, "CRYO_FLAGS_URL": flags_url, "CRYO_FLAGS_REFRESH_S": "0.1"},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def predict(self, model: str) -> tuple[int, str | None]:
        body = {"target": model, "inputs": [{"smiles": "NCC(=O)O"}]}
        answer = httpx.post(self.url + "/api/v1/predictions", json=body)
        return answer.status_code, answer.json().get("error", {}).get("code")

    def ready(self) -> int:
        return httpx.get(self.url + "/readyz").status_code


def test_flag_of_a_model_switches_it_off_and_on_again_without_a_restart(service, database, repository, tmp_path):
    def turn(state: str) -> None:
        command = [sys.executable, "-m", "agents.flags", "set", "model.tg", state, "--reason", "a test turns it"]
        environ = {**os.environ, **database.environ}
        subprocess.run(command, cwd=repository, env=environ, check=True, capture_output=True)

    server = ModelServer(tmp_path / "server.log", service.url, repository)
    try:
        service.wait_for(lambda: server.ready() == 200)
        assert server.predict("tg") == (200, None)

        turn("--off")

        service.wait_for(lambda: server.predict("tg") == (503, "model_disabled"))
        assert server.predict("iri-amino") == (200, None)
        assert httpx.get(server.url + "/v2/models/tg/ready").status_code == 503
        assert server.ready() == 200
        assert 'cryo_model_switched_off{model="tg"} 1.0' in httpx.get(server.url + "/metrics").text

        turn("--on")

        service.wait_for(lambda: server.predict("tg") == (200, None))

        turn("--off")
        service.wait_for(lambda: server.predict("tg") == (503, "model_disabled"))
        service.end()
        end = time.monotonic() + 20
        while "model_server.flags.unreachable" not in (said := (tmp_path / "server.log").read_text()):
            assert time.monotonic() < end, said
            time.sleep(0.02)
        assert server.predict("tg") == (503, "model_disabled")
        assert server.predict("iri-amino") == (200, None)
    finally:
        server.process.terminate()
        server.process.wait(15)
