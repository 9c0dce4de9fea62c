"""The health service as a process: what it tells whom, what it does, and what it says when the database is away."""

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import jwt
import psycopg
import pytest

REPOSITORY = Path(__file__).resolve().parents[4]
KEY = secrets.token_hex(32)
SERVICE = secrets.token_hex(32)
START_S = 60
DATABASE = "/api/v1/system/database/health"
FIX = "/api/v1/system/database/fix"


@dataclass(frozen=True)
class Service:
    url: str
    process: subprocess.Popen[bytes]

    def ask(self, path: str, *, token: str | None = None, method: str = "GET", **more: Any) -> httpx.Response:
        headers = {**more.pop("headers", {}), **({"authorization": f"Bearer {token}"} if token else {})}
        with httpx.Client(timeout=60, trust_env=False) as client:
            return client.request(method, f"{self.url}{path}", headers=headers, **more)

    def fix(self, token: str | None = SERVICE, **body: Any) -> httpx.Response:
        return self.ask(FIX, token=token, method="POST", json=body)


def sign(role: str = "operator", *, key: str = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    told = {"sub": "somebody", "exp": time.time() + 60, "cryo_role": role, **claims}
    return jwt.encode({name: value for name, value in told.items() if value is not None}, key, algorithm=algorithm)


@contextmanager
def serve(environ: dict[str, str], folder: Path) -> Iterator[Service]:
    (folder / "key").write_text(KEY)
    (folder / "service").write_text(SERVICE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = {
        "CRYO_BIND": f"127.0.0.1:{port}",
        "CRYO_DRAIN_S": "0",
        "CRYO_JWT_KEY_FILE": str(folder / "key"),
        "CRYO_SERVICE_TOKEN_FILE": str(folder / "service"),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "agents.health", "serve"],
            env={**os.environ, **told, **environ},
            cwd=REPOSITORY,
            stderr=log,
        )
    service = Service(f"http://127.0.0.1:{port}", process)
    try:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            try:
                service.ask("/livez")
                break
            except httpx.TransportError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.fixture(scope="module")
def place(debian, tmp_path_factory) -> Iterator[tuple[Service, str]]:
    with debian.database() as name:
        owner = {"CRYO_HEALTH_FIX_USER": "postgres", "CRYO_HEALTH_FIX_PASSWORD_FILE": str(debian.folder / "password")}
        with serve({**debian.environ(name), **owner}, tmp_path_factory.mktemp("service")) as service:
            yield service, name


@pytest.fixture
def planted(debian, place) -> Iterator[psycopg.Connection]:
    """Our schema with one finding for each fix."""
    with debian.connect(place[1]) as conn:
        conn.execute("create table public.planted (id bigint primary key, team_id uuid references public.teams (id))")
        conn.execute("alter table public.planted add constraint planted_positive check (id > 0) not valid")
        conn.execute("create index planted_broken on public.planted (id, team_id)")
        conn.execute("update pg_index set indisvalid = false where indexrelid = 'public.planted_broken'::regclass")
        yield conn
        conn.execute("drop table public.planted")


def test_an_anonymous_caller_learns_pass_or_fail_and_nothing_else(place):
    service, _ = place

    answer = service.ask(DATABASE)

    assert answer.status_code == HTTPStatus.OK
    assert set(answer.json()) == {"status"}
    assert answer.json()["status"] in {"pass", "warn", "fail"}


def test_a_caller_with_a_token_learns_everything(place):
    service, name = place

    report = service.ask(f"{DATABASE}?profile=full&group=schema&group=indexes", token=sign("viewer")).json()

    assert report["database"] == name
    assert report["groups"] == ["indexes", "schema"]
    assert {each["group"] for each in report["outcomes"]} == {"indexes", "schema"}
    assert all(each["reason"] for each in report["outcomes"] if each["status"] == "skipped")


@pytest.mark.parametrize(
    ("make_token", "status"),
    [
        (lambda: sign(key=secrets.token_hex(32)), 401),
        (lambda: sign(exp=time.time() - 3600), 401),
        (lambda: sign(exp=None), 401),
        (lambda: jwt.encode({"sub": "a", "exp": time.time() + 60, "cryo_role": "operator"}, "", algorithm="none"), 401),
        (lambda: sign(algorithm="HS512"), 401),
        (lambda: "x" * 9000, 401),
        (lambda: sign("admin"), 403),
        (lambda: sign("viewer"), 403),
    ],
    ids=["wrong key", "expired", "no expiry", "no algorithm", "another algorithm", "too long", "no role", "viewer"],
)
def test_a_token_that_is_not_good_does_nothing(place, planted, make_token, status):
    # Signed now: cases are collected long before they run, and a token lives for a minute.
    service, _ = place

    answer = service.fix(make_token())

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert planted.execute("select count(*) from public.audit_log").fetchone() == (0,)


def test_nothing_is_done_without_a_token_or_with_a_body_that_means_nothing(place):
    service, _ = place

    assert service.fix(None).status_code == HTTPStatus.UNAUTHORIZED
    assert service.fix(hash="abc").status_code == HTTPStatus.BAD_REQUEST
    assert service.fix(checks=["schema.no_primary_key"]).status_code == HTTPStatus.BAD_REQUEST
    assert service.fix(unknown=1).status_code == HTTPStatus.BAD_REQUEST
    assert service.fix(checks=["x" * 200_000]).status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    text = service.ask(FIX, token=SERVICE, method="POST", content=b"{}", headers={"content-type": "text/plain"})
    assert text.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE


def test_every_finding_is_mended_by_the_plan_that_was_shown(place, planted):
    service, _ = place
    names = ["indexes.invalid", "indexes.foreign_key_without_index", "schema.constraint_not_validated"]

    shown = service.fix(checks=names).json()
    assert shown["applied"] is False
    assert sorted(each["fix"] for each in shown["plan"]["steps"]) == [
        "create_foreign_key_index", "drop_invalid_index", "validate_constraint",
    ]  # fmt: skip
    assert planted.execute("select count(*) from public.audit_log").fetchone() == (0,)
    done = service.fix(checks=names, hash=shown["plan"]["hash"]).json()

    assert done["applied"] is True
    assert [(each["mended"], each["error"]) for each in done["done"]] == [(True, None)] * 3
    assert service.fix(checks=names).json()["plan"]["steps"] == []
    told = planted.execute("select action, before ->> 'actor', after ->> 'outcome' from public.audit_log order by id")
    assert Counter(told.fetchall()) == {
        ("health.fix.started", "service", ""): 3,
        ("health.fix.finished", "service", "mended"): 3,
    }
    planted.execute("delete from public.audit_log")


def test_tables_are_vacuumed_and_analyzed_while_others_write(debian, place):
    service, name = place
    stop = threading.Event()
    with debian.connect(name) as conn, debian.connect(name) as writer:
        conn.execute(
            "create table public.planted (id bigint primary key, value text) with (autovacuum_enabled = false)"
        )
        conn.execute("insert into public.planted select n, repeat('x', 50) from generate_series(1, 30000) as n")
        conn.execute("delete from public.planted where id % 2 = 0")
        conn.execute("select pg_stat_force_next_flush()")

        def write() -> None:
            while not stop.is_set():
                writer.execute("update public.planted set value = 'y' where id = 1")

        thread = threading.Thread(target=write)
        thread.start()
        try:
            names = ["vacuum.dead_rows", "vacuum.never_analyzed"]
            shown = service.fix(checks=names).json()
            done = service.fix(checks=names, hash=shown["plan"]["hash"]).json()
        finally:
            stop.set()
            thread.join()
        conn.execute("drop table public.planted")
        conn.execute("delete from public.audit_log")

    assert sorted(each["step"]["fix"] for each in done["done"]) == ["analyze", "vacuum"]
    assert all(each["mended"] for each in done["done"])


def test_a_plan_that_has_changed_is_refused(place, planted):
    service, _ = place
    shown = service.fix(checks=["indexes.invalid"]).json()

    planted.execute("drop index public.planted_broken")
    answer = service.fix(checks=["indexes.invalid"], hash=shown["plan"]["hash"])

    assert answer.status_code == HTTPStatus.CONFLICT
    assert "plan has changed" in answer.json()["detail"]


def test_a_second_mender_is_refused(place, planted):
    service, _ = place
    shown = service.fix(checks=["indexes.invalid"]).json()

    planted.execute("select pg_advisory_lock(hashtextextended('cryo.health.fix', 0))")
    answer = service.fix(checks=["indexes.invalid"], hash=shown["plan"]["hash"])
    planted.execute("select pg_advisory_unlock_all()")

    assert answer.status_code == HTTPStatus.CONFLICT
    assert "another fix" in answer.json()["detail"]


def test_a_standby_is_not_mended(debian, tmp_path):
    with debian.standby() as follower:
        owner = {"CRYO_HEALTH_FIX_USER": "postgres", "CRYO_HEALTH_FIX_PASSWORD_FILE": str(follower.folder / "password")}
        with serve({**follower.environ(), **owner}, tmp_path) as service:
            answer = service.fix(hash="0" * 64)

    assert answer.status_code == HTTPStatus.CONFLICT
    assert "standby" in answer.json()["detail"]


def test_without_an_owner_nothing_can_be_fixed(debian, tmp_path):
    with serve(debian.environ(), tmp_path) as service:
        answer = service.fix()

    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "cryo health fix" in answer.json()["detail"]


def test_an_answer_that_did_not_change_is_not_sent_again(place):
    service, _ = place
    path = f"{DATABASE}?group=security"
    first = service.ask(path)

    again = service.ask(path, headers={"if-none-match": first.headers["etag"]})

    assert again.status_code == HTTPStatus.NOT_MODIFIED
    assert again.content == b""


def test_a_crowd_costs_the_database_one_look(place):
    service, _ = place
    path = f"{DATABASE}?profile=full&group=queries"

    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda _: service.ask(path, token=SERVICE).json()["taken_at"], range(40)))

    assert len(set(answers)) == 1


def test_the_draft_of_health_json_is_spoken_where_it_is_asked_for(place):
    service, name = place

    answer = service.ask(DATABASE, token=SERVICE, headers={"accept": "application/health+json"})

    assert answer.headers["content-type"] == "application/health+json"
    body = answer.json()
    assert body["serviceId"] == name
    assert body["checks"]["availability:connection"][0]["status"] == "pass"


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/nothing", "GET", 404),
        (DATABASE, "POST", 405),
        (FIX, "GET", 405),
        (f"{DATABASE}?profile=half", "GET", 400),
        (f"{DATABASE}?group=indices", "GET", 400),
        (f"{DATABASE}?color=red", "GET", 400),
        ("/livez", "GET", 200),
        ("/startupz", "GET", 200),
        ("/readyz", "GET", 200),
        ("/healthz", "GET", 200),
    ],
)
def test_every_path_answers_what_it_promises(place, path, method, status):
    assert place[0].ask(path, method=method).status_code == status


def test_kept_reports_are_for_callers_with_a_token(debian, place):
    service, name = place
    command = [sys.executable, "-m", "agents.health", "report", "--profile", "quick", "--json"]
    environ = {**os.environ, **debian.environ(name)}
    made = subprocess.run(command, env=environ, cwd=REPOSITORY, capture_output=True, check=True, timeout=120)
    number = json.loads(made.stdout)["id"]
    path = f"/api/v1/system/reports/{number}"

    assert service.ask("/api/v1/system/reports").status_code == HTTPStatus.UNAUTHORIZED
    assert service.ask(path).status_code == HTTPStatus.UNAUTHORIZED
    assert [each["id"] for each in service.ask("/api/v1/system/reports", token=sign("viewer")).json()] == [number]
    assert service.ask(path, token=SERVICE).json()["report"]["database"] == name
    page = service.ask(path, token=SERVICE, headers={"accept": "text/html"})
    assert page.text.startswith("<!doctype html>")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert service.ask("/api/v1/system/reports/999999", token=SERVICE).status_code == HTTPStatus.NOT_FOUND


def test_prometheus_sees_what_the_api_says(place):
    service, _ = place
    service.ask(DATABASE)

    text = service.ask("/metrics").text

    assert 'cryo_health_check_status{check="availability.connection"} 0.0' in text
    assert 'cryo_health_look_duration_seconds_count{profile="quick"}' in text


@pytest.mark.parametrize(
    "change",
    [{"CRYO_DB_PORT": "1"}, {"CRYO_DB_USER": "nobody"}, {"CRYO_DB_HOST": "database.invalid"}],
    ids=["nobody listens", "wrong credentials", "no such host"],
)
def test_a_database_that_is_away_is_told_soon_and_leaves_the_service_alive(debian, tmp_path, change):
    with serve({**debian.environ(), **change}, tmp_path) as service:
        report = service.ask(DATABASE, token=SERVICE).json()

        assert report["status"] == "critical"
        assert report["outcomes"][0]["id"] == "availability.connection"
        assert service.ask("/livez").status_code == HTTPStatus.OK
        assert service.ask("/readyz").status_code == HTTPStatus.SERVICE_UNAVAILABLE


def test_a_connection_that_falls_silent_is_told_and_readiness_follows_both_ways(debian, tmp_path):
    """Half open: packets are taken and never answered, as when a host vanishes."""
    with (
        asyncio.Runner() as runner,
        gate(runner, debian.port) as (port, silent),
        serve({**debian.environ(), "CRYO_DB_PORT": str(port)}, tmp_path) as service,
    ):
        assert service.ask("/readyz").status_code == HTTPStatus.OK
        silent.set()
        assert wait_for(service, HTTPStatus.SERVICE_UNAVAILABLE)
        report = service.ask(DATABASE, token=SERVICE).json()
        assert report["outcomes"][0]["findings"][0]["object"] == "connection"
        assert service.ask("/livez").status_code == HTTPStatus.OK
        silent.clear()
        assert wait_for(service, HTTPStatus.OK)


def wait_for(service: Service, status: HTTPStatus) -> bool:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if service.ask("/readyz").status_code == status:
            return True
        time.sleep(0.2)
    return False


@contextmanager
def gate(runner: asyncio.Runner, port: int) -> Iterator[tuple[int, threading.Event]]:
    """A relay that can be told to swallow everything."""
    silent = threading.Event()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if silent.is_set():
                    continue
                writer.write(data)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    loop = runner.get_loop()
    server = runner.run(asyncio.start_server(relay, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], silent
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()


def test_the_document_describes_every_route_that_answers(place):
    document = place[0].ask("/openapi.json").json()

    assert {DATABASE, FIX, "/livez", "/readyz", "/startupz", "/healthz", "/metrics"} <= set(document["paths"])
    assert json.dumps(document).count("#/components/schemas/") > 10
