"""A release from the command line to the route: real processes, real HTTP, a fake API server.

What is fake is the cluster's edge only; a real gateway and API server come with the cluster tests.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

NAMESPACE = "cryo"
ROUTE = "/apis/gateway.networking.k8s.io/v1/namespaces/cryo/httproutes/model-server"
RECORD = "/api/v1/namespaces/cryo/configmaps/release-model-server"
PROOFS = ["preparing", "backed_up", "migrated", "idle_ready", "proved"]
ROLLED_BACK = REFUSED = 70
TRY_AGAIN = 75


@pytest.fixture
def start(colours, kubeconfig: Path, repository: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(
        verb: str = "switch",
        *extra: str,
        to: str = "green",
        deadline_s: float = 20,
        environ: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        options = ["--namespace", NAMESPACE, "--route", "model-server", "--json"]
        if verb == "switch":
            options += ["--to", to, "--smoke-url", colours.url(to), "--gateway-url", colours.url("gateway")]
            options += ["--deadline-s", str(deadline_s), "--confirmations", "5"]
        process = subprocess.Popen(
            [sys.executable, "-m", "agents.release", verb, *options, *extra],
            env={**os.environ, "KUBECONFIG": str(kubeconfig), **(environ or {})},
            cwd=repository,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def switch(start) -> Callable[..., tuple[int, Any, str]]:
    def run(*arguments: str, **options: Any) -> tuple[int, Any, str]:
        process = start(*(arguments or ("switch",)), **options)
        out, err = process.communicate(timeout=60)
        last = json.loads(err.strip().splitlines()[-1]) if err.strip() else {}
        return process.returncode, json.loads(out) if out else None, str(last.get("reason", err))

    return run


def weights(api) -> list[int]:
    return [backend["weight"] for backend in api.objects[ROUTE]["spec"]["rules"][0]["backendRefs"]]


def record(api) -> dict[str, Any]:
    return dict(json.loads(api.objects[RECORD]["data"]["record.json"]))


def phases(api) -> list[str]:
    return [step["phase"] for step in record(api)["transitions"]]


def set_weights(api, blue: int, green: int) -> None:
    backends = api.objects[ROUTE]["spec"]["rules"][0]["backendRefs"]
    backends[0]["weight"], backends[1]["weight"] = blue, green


def test_healthy_colour_gets_all_traffic(api, switch) -> None:
    code, answer, _ = switch()

    assert (code, answer["result"]) == (0, "promoted")
    assert weights(api) == [0, 100]
    assert phases(api) == [*PROOFS, "shifting", "promoted", "settled"]


def test_record_is_written_before_the_route(api, switch) -> None:
    switch()

    order = [path.rsplit("/", 1)[1] for _, path, _, _ in api.writes]
    assert order == [*["release-model-server"] * 6, "model-server", *["release-model-server"] * 2]


def test_route_is_written_by_the_release_alone_and_keeps_its_matches(api, switch) -> None:
    switch()

    ((_, _, query, body),) = [write for write in api.writes if write[1] == ROUTE]
    assert query == {"fieldManager": "cryo-release", "force": "true"}
    assert body["spec"]["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    assert list(body["spec"]) == ["rules"]


def test_every_phase_is_an_event_of_the_route_once(api, switch, command) -> None:
    api.scale("model-server", "blue", wanted=1, ready=1)
    switch("switch", "--release-id", "R 1")
    command("rollback", "--reason", "wrong numbers")

    told = [(each["reason"], each["type"]) for each in api.events]
    assert told == [
        *((f"Release{word}", "Normal") for word in ("Preparing", "BackedUp", "Migrated", "IdleReady", "Proved")),
        *((f"Release{word}", "Normal") for word in ("Shifting", "Promoted", "Settled")),
        *((f"Release{word}", "Warning") for word in ("RollingBack", "RolledBack")),
    ]
    last = api.events[-1]
    assert last["metadata"]["name"] == "model-server.r-1.9"
    assert (last["involvedObject"]["kind"], last["involvedObject"]["name"]) == ("HTTPRoute", "model-server")
    assert "by hand: wrong numbers" in last["message"]


def test_api_server_that_takes_no_events_stops_no_release(api, switch) -> None:
    real = api.answer

    def refuse(method: str, path: str, query: dict[str, str], body: dict[str, Any] | None) -> tuple[int, Any]:
        return (403, {"message": "no events"}) if path.endswith("/events") else real(method, path, query, body)

    api.answer = refuse

    assert switch()[0] == 0


WEBHOOK_ANSWERS: dict[str, tuple[tuple[int, bytes, str], int, str]] = {
    "pass": ((200, b'{"verdict": "pass", "because": ["change 7 is open"]}', "green"), 0, ""),
    "fail": ((200, b'{"verdict": "fail", "because": ["frozen"]}', "green"), REFUSED, "webhook: fail: frozen"),
    "no verdict": ((200, b'{"ok": true}', "green"), REFUSED, "webhook: answered 200 without a verdict"),
    "no JSON": ((200, b"yes", "green"), REFUSED, "webhook: answered 200 without a verdict"),
    "error": ((500, b'{"verdict": "pass"}', "green"), REFUSED, "webhook: answered 500 without a verdict"),
    "redirect": ((302, b'{"verdict": "pass"}', "green"), REFUSED, "webhook: answered 302 without a verdict"),
}


@pytest.mark.parametrize(("answer", "code", "told"), WEBHOOK_ANSWERS.values(), ids=WEBHOOK_ANSWERS.keys())
def test_only_a_webhooks_clear_pass_lets_a_release_go_on(  # noqa: PLR0917 - fixtures and one row of the table
    api, switch, colours, answer, code: int, told: str
) -> None:
    healthy = colours.healthy("green")
    colours.answers["green"] = lambda path: answer if path == "/judge" else healthy(path)
    policy = json.dumps({"webhook_url": colours.url("green") + "/judge", "webhook_deadline_s": 1})

    found, _, reason = switch("switch", "--policy", policy)

    assert (found, weights(api)) == (code, [0, 100] if code == 0 else [100, 0])
    assert told in reason


def test_webhook_that_nobody_answers_is_no_permission(switch) -> None:
    policy = json.dumps({"webhook_url": "http://127.0.0.1:1/judge", "webhook_deadline_s": 1})

    code, _, reason = switch("switch", "--policy", policy)

    assert code == REFUSED
    assert "webhook: http://127.0.0.1:1/judge" in reason


def test_smoke_test_asks_the_colour_itself_and_confirmation_asks_the_gateway(colours, start) -> None:
    start("switch", "--host", "api.example").communicate(timeout=30)

    asked = [(name, path) for name, path, _ in colours.asked]
    assert asked[1:4] == [("green", "/livez"), ("green", "/readyz"), ("green", "/api/v1/predictions")]
    assert set(asked[4:]) == {("gateway", "/livez")}
    assert {host for name, _, host in colours.asked if name == "gateway"} == {"api.example"}


def test_colour_that_is_already_there_is_confirmed_and_left_alone(api, switch, colours) -> None:
    code, answer, _ = switch(to="blue")

    assert (code, answer["result"]) == (0, "already_there")
    assert "blue already has all traffic" in answer["because"][0]
    assert api.writes == []
    assert len([1 for name, _, _ in colours.asked if name == "gateway"]) == 5


def test_already_there_without_confirmation_is_not_success(api, switch, colours) -> None:
    colours.gateway_down = True

    code, _, reason = switch(to="blue", deadline_s=1)

    assert (code, api.writes) == (TRY_AGAIN, [])
    assert "answered 503" in reason


BAD_COLOURS: dict[str, tuple[Callable[[str], tuple[int, bytes, str]], str]] = {
    "dead": (lambda _path: (500, b"", "green"), "/livez answered 500"),
    "not ready": (lambda path: (503 if path == "/readyz" else 200, b"{}", "green"), "/readyz answered 503"),
    "cannot predict": (
        lambda path: (422 if "predictions" in path else 200, b"{}", "green"),
        "predictions answered 422",
    ),
    "predicts nothing": (lambda _path: (200, b'{"predictions": []}', "green"), "without a prediction"),
    "predicts no number": (
        lambda _path: (200, b'{"predictions": [{"lower": 1, "prediction": NaN, "upper": 2}]}', "green"),
        "is not inside",
    ),
    "predicts outside its interval": (
        lambda _path: (200, b'{"predictions": [{"lower": 1, "prediction": 3, "upper": 2}]}', "green"),
        "3.0 is not inside",
    ),
    "answers no JSON": (lambda _path: (200, b"<html>", "green"), "without a prediction"),
    "is the other colour": (lambda _path: (200, b"{}", "blue"), "x-cryo-colour says blue, not green"),
    "does not say who it is": (lambda _path: (200, b"{}", ""), "x-cryo-colour says nothing"),
    "redirects": (lambda _path: (302, b"", "green"), "answered 302"),
}


@pytest.mark.parametrize(("answer", "told"), BAD_COLOURS.values(), ids=BAD_COLOURS.keys())
def test_unfit_colour_never_gets_traffic(api, switch, colours, answer, told: str) -> None:
    colours.answers["green"] = answer

    code, _, reason = switch(deadline_s=1)

    assert (code, weights(api)) == (REFUSED, [100, 0])
    assert told in reason
    assert phases(api) == [*PROOFS[:-1], "refused"]
    assert [path for _, path, _, _ in api.writes if path == ROUTE] == []


def test_colour_that_nobody_serves_never_gets_traffic(api, colours, switch) -> None:
    colours.servers["green"].shutdown()
    colours.servers["green"].server_close()

    code, _, reason = switch(deadline_s=1)

    assert (code, weights(api)) == (REFUSED, [100, 0])
    assert "/livez: " in reason
    assert "refused" in reason


def test_colour_that_becomes_ready_within_the_deadline_is_promoted(api, colours, switch) -> None:
    ready_at = time.monotonic() + 2.0
    healthy = colours.healthy("green")
    colours.answers["green"] = lambda path: healthy(path) if time.monotonic() > ready_at else (503, b"", "green")

    code, _, _ = switch(deadline_s=20)

    assert (code, weights(api)) == (0, [0, 100])


def test_gateway_that_follows_late_is_waited_for(api, colours, switch) -> None:
    colours.live()
    colours.gateway_lag_s = 0.7

    code, answer, _ = switch(deadline_s=10)

    assert (code, answer["result"], weights(api)) == (0, "promoted", [0, 100])
    confirmed = record(api)["transitions"][-2]["because"][-1]
    assert int(confirmed.split(", ")[1].split()[0]) > 5


def test_gateway_that_never_shows_the_colour_gets_the_traffic_put_back(api, colours, switch) -> None:
    colours.live()
    colours.gateway_lag_s = 1000

    code, _, reason = switch(deadline_s=1)

    assert (code, weights(api)) == (ROLLED_BACK, [100, 0])
    assert "x-cryo-colour says blue, not green" in reason
    assert "traffic is back on blue" in reason
    assert phases(api) == [*PROOFS, "shifting", "rolling_back", "rolled_back"]


def test_unreachable_gateway_is_inconclusive_and_puts_the_traffic_back(api, colours, switch) -> None:
    colours.servers["gateway"].shutdown()
    colours.servers["gateway"].server_close()

    code, _, reason = switch(deadline_s=1)

    assert (code, weights(api)) == (ROLLED_BACK, [100, 0])
    assert "confirmation inconclusive" in reason


def test_colour_that_breaks_under_traffic_is_rolled_back(api, colours, switch) -> None:
    healthy, broken = colours.healthy("green"), (500, b"", "green")
    colours.answers["green"] = lambda path: healthy(path) if weights(api) == [100, 0] else broken

    code, _, reason = switch(deadline_s=1)

    assert (code, weights(api)) == (ROLLED_BACK, [100, 0])
    assert "answered 500" in reason


def test_gateway_that_alternates_is_not_a_confirmation(api, colours, switch) -> None:
    flip = iter(range(10**6))
    colours.answers["green"] = lambda path: colours.healthy(
        "blue" if path == "/livez" and weights(api) == [0, 100] and next(flip) % 2 else "green"
    )(path)

    code, _, _ = switch(deadline_s=1)

    assert (code, weights(api)) == (ROLLED_BACK, [100, 0])


def test_rolled_back_release_is_tried_again_after_a_persons_word_and_not_before(api, colours, switch, command) -> None:
    colours.gateway_down = True
    first, _, _ = switch("switch", "--release-id", "r1", deadline_s=1)
    colours.gateway_down = False
    before = len(api.writes)

    second, _, reason = switch()
    assert (first, second, len(api.writes)) == (ROLLED_BACK, REFUSED, before)
    assert "cryo release retry r1" in reason

    assert command("retry", "r0")[0] == REFUSED
    assert command("retry", "r1")[0] == 0
    third, answer, _ = switch()
    assert (third, answer["result"]) == (0, "promoted")


def test_edited_weights_are_put_back_to_what_the_last_release_left(api, switch, command) -> None:
    switch()
    set_weights(api, 60, 40)

    assert command("repair", "--to", "blue")[0] == REFUSED
    code, out, err = command("repair")

    assert (code, weights(api)) == (0, [0, 100]), err
    assert "blue 0, green 100" in out


def test_weights_that_no_release_left_are_repaired_only_to_a_named_colour(api, command) -> None:
    set_weights(api, 60, 40)

    code, _, err = command("repair")
    assert (code, weights(api)) == (REFUSED, [60, 40])
    assert "name it with --to" in err
    assert command("repair", "--to", "green")[0] == 0
    assert weights(api) == [0, 100]


def test_release_beside_a_running_one_is_refused_before_any_effect(api, start, switch) -> None:
    start("switch", "--policy", '{"soak_s": 30}')
    deadline = time.monotonic() + 30
    while RECORD not in api.objects or record(api)["phase"] != "soaking":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    holder = record(api)["holder"]
    stolen = json.loads(json.dumps(api.objects[RECORD]))
    stolen["data"]["record.json"] = stolen["data"]["record.json"].replace(holder, "release-a1b2c")
    api.put(RECORD, stolen)
    api.put("/api/v1/namespaces/cryo/pods/release-a1b2c", {"metadata": {}, "status": {"phase": "Running"}})
    before = len(api.writes)

    code, _, reason = switch()

    assert (code, len(api.writes)) == (TRY_AGAIN, before)
    assert "pod release-a1b2c still drives it" in reason


def test_dry_run_says_what_would_happen_and_touches_nothing(api, switch, colours) -> None:
    code, answer, _ = switch("switch", "--dry-run")

    assert (code, answer["result"], answer["because"]) == (0, "dry_run", ["weights are blue 100, green 0"])
    assert (api.writes, colours.asked) == ([], [])


@pytest.mark.parametrize(("blue", "green"), [(90, 10), (0, 0), (50, 50)])
def test_weights_that_no_release_left_are_refused_before_any_effect(api, switch, blue: int, green: int) -> None:
    set_weights(api, blue, green)

    code, _, reason = switch()

    assert (code, api.writes) == (REFUSED, [])
    assert f"weights are blue {blue}, green {green}" in reason


def test_route_with_a_foreign_backend_is_refused(api, switch) -> None:
    api.objects[ROUTE]["spec"]["rules"][0]["backendRefs"].append({"name": "other", "weight": 1})

    code, _, reason = switch()

    assert (code, api.writes) == (REFUSED, [])
    assert "run `pulumi up` to restore it" in reason


def test_missing_route_is_permanent(api, switch) -> None:
    del api.objects[ROUTE]

    code, _, reason = switch()

    assert code == REFUSED
    assert "answered 404" in reason


@pytest.mark.parametrize(
    ("status", "code"), [(403, 70), (422, 70), (401, 75), (429, 75), (500, 75), (503, 75), (504, 75)]
)
def test_api_server_failure_before_any_effect_ends_with_the_right_exit_code(
    api, switch, status: int, code: int
) -> None:
    api.failures = [status]

    assert switch()[0] == code
    assert api.writes == []


def test_api_server_that_stumbles_while_the_route_is_written_is_asked_again(api, switch) -> None:
    api.on_write = lambda: api.failures.extend([503, 500]) if len(api.writes) == 6 else None

    assert switch()[0] == 0
    assert weights(api) == [0, 100]


def test_unreachable_api_server_is_a_reason_to_try_again(start, kubeconfig: Path) -> None:
    kubeconfig.write_text(
        kubeconfig.read_text(encoding="utf-8").replace("127.0.0.1:", "127.0.0.1:1/"), encoding="utf-8"
    )
    process = start()
    _, err = process.communicate(timeout=30)

    assert process.returncode == TRY_AGAIN
    assert "got no answer" in err


def test_missing_kubeconfig_is_permanent(start, kubeconfig: Path) -> None:
    kubeconfig.unlink()
    process = start()
    _, err = process.communicate(timeout=30)

    assert process.returncode == 70
    assert "no usable cluster configuration" in err


def test_status_tells_weights_and_the_last_release(api, switch) -> None:
    before = switch("status")[1]
    switch()
    after = switch("status")[1]

    assert (before["live"], before["record"]) == ("blue", None)
    assert (after["live"], after["record"]["phase"], after["weights"]) == (
        "green",
        "settled",
        {"blue": 0, "green": 100},
    )
    assert api.objects[RECORD]["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "cryo-release"


def test_record_of_somebody_else_is_refused(api, switch) -> None:
    api.put(RECORD, {"metadata": {"name": "release-model-server"}, "data": {"record.json": '{"schema": 9}'}})

    code, _, reason = switch()

    assert (code, weights(api)) == (REFUSED, [100, 0])
    assert "ConfigMap cryo/release-model-server: not a" in reason


def writes_phase(phase: str) -> Callable[[str, dict[str, Any]], bool]:
    return lambda path, body: "configmaps" in path and body["data"]["phase"] == phase


def writes_route(_path: str, body: dict[str, Any]) -> bool:
    return "spec" in body


HELD: dict[str, Callable[[str, dict[str, Any]], bool]] = {
    "before its first record": writes_phase("preparing"),
    "while it proves": writes_phase("idle_ready"),
    "before the weights record": writes_phase("shifting"),
    "while it writes the route": writes_route,
    "before the promoted record": writes_phase("promoted"),
}


@pytest.mark.parametrize("arrives", [True, False], ids=["write arrives", "write is lost"])
@pytest.mark.parametrize("held", HELD.values(), ids=HELD.keys())
def test_killed_release_converges_on_the_next_run(api, start, switch, held, *, arrives: bool) -> None:
    api.hold = held
    process = start()
    assert api.held.wait(20)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    api.hold = lambda _path, _body: False
    if arrives:
        api.release.set()
        time.sleep(0.2)

    code, answer, reason = switch()
    api.release.set()

    assert code == 0, reason
    assert answer["result"] in {"promoted", "already_there"}
    assert weights(api) == [0, 100]
    assert record(api)["phase"] == "settled"


def test_killed_release_whose_colour_then_fails_goes_back(api, start, switch, colours) -> None:
    api.hold = writes_phase("promoted")
    process = start()
    assert api.held.wait(20)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    api.hold = lambda _path, _body: False
    colours.answers["green"] = BAD_COLOURS["dead"][0]

    code, _, reason = switch(deadline_s=1)

    assert (code, weights(api)) == (ROLLED_BACK, [100, 0])
    assert "traffic is back on blue" in reason
    assert record(api)["phase"] == "rolled_back"


@pytest.mark.parametrize(
    "held",
    [
        writes_phase("rolled_back"),
        lambda path, body: writes_route(path, body) and body["spec"]["rules"][0]["backendRefs"][0]["weight"] == 100,
    ],
    ids=["before its last record", "while it writes the route"],
)
def test_killed_rollback_is_finished_first_and_does_not_promote(api, start, switch, colours, held) -> None:
    colours.gateway_down = True
    api.hold = held
    process = start(deadline_s=1)
    assert api.held.wait(30)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    api.hold = lambda _path, _body: False
    colours.gateway_down = False

    code, _, reason = switch()

    assert (code, weights(api)) == (ROLLED_BACK, [100, 0])
    assert "finished the rollback" in reason
    assert record(api)["phase"] == "rolled_back"


def test_killed_rollback_is_finished_on_the_way_to_the_old_colour(api, start, switch, colours) -> None:
    colours.gateway_down = True
    api.hold = writes_phase("rolled_back")
    process = start(deadline_s=1)
    assert api.held.wait(30)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    api.hold = lambda _path, _body: False
    colours.gateway_down = False

    code, answer, _ = switch(to="blue")

    assert (code, answer["result"], weights(api)) == (0, "already_there", [100, 0])


def test_release_that_is_asked_to_stop_puts_the_traffic_back(api, start, colours) -> None:
    colours.gateway_down = True
    process = start(deadline_s=60)
    deadline = time.monotonic() + 20
    while not any(name == "gateway" for name, _, _ in colours.asked):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.terminate()
    time.sleep(0.1)
    colours.gateway_down = False
    _, err = process.communicate(timeout=40)

    assert (process.returncode, weights(api)) == (ROLLED_BACK, [100, 0]), err
    assert record(api)["phase"] == "rolled_back"
    assert "stopped by SIGTERM" in err


def test_release_that_is_asked_to_stop_before_any_change_changes_nothing(api, start, colours) -> None:
    colours.answers["green"] = BAD_COLOURS["not ready"][0]
    process = start(deadline_s=60)
    deadline = time.monotonic() + 20
    while not colours.asked:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.terminate()
    process.communicate(timeout=20)

    assert (process.returncode, weights(api)) == (TRY_AGAIN, [100, 0])


def test_second_release_that_takes_the_record_over_stops_the_first(api, start) -> None:
    api.hold = writes_phase("promoted")
    process = start()
    assert api.held.wait(20)
    stolen = json.loads(json.dumps(api.objects[RECORD]))
    api.put(RECORD, stolen)
    api.release.set()
    _, err = process.communicate(timeout=30)

    assert process.returncode == TRY_AGAIN, err
    assert "answered 409" in err
    assert "release.rollback.started" not in err
    assert weights(api) == [0, 100]


@pytest.fixture
def command(kubeconfig: Path, repository: Path) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str, namespace: bool = True, **environ: str) -> tuple[int, str, str]:
        place = ["--namespace", NAMESPACE] if namespace else []
        done = subprocess.run(
            [sys.executable, "-m", "agents.release", *arguments, *place],
            env={**os.environ, "KUBECONFIG": str(kubeconfig), **environ},
            cwd=repository,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_emergency_rollback_puts_the_weights_back_in_two_writes_and_a_record(api, switch, command) -> None:
    api.scale("model-server", "blue", wanted=1, ready=1)
    switch()
    before = len(api.writes)

    code, out, err = command("rollback", "--reason", "wrong numbers")

    assert (code, weights(api)) == (0, [100, 0]), err
    assert [path.rsplit("/", 1)[1] for _, path, _, _ in api.writes[before:]] == [
        *("release-model-server", "model-server", "release-model-server")
    ]
    assert phases(api)[-2:] == ["rolling_back", "rolled_back"]
    assert "by hand: wrong numbers" in record(api)["reasons"]
    assert "Git still says active: green" in out


def test_emergency_rollback_takes_a_running_release_out_of_its_hands(api, start, command) -> None:
    api.scale("model-server", "blue", wanted=1, ready=1)
    process = start("switch", "--policy", '{"soak_s": 30}')
    deadline = time.monotonic() + 30
    while RECORD not in api.objects or record(api)["phase"] != "soaking":
        assert time.monotonic() < deadline
        time.sleep(0.05)

    code, _, err = command("rollback", "--reason", "users complain")

    assert (code, weights(api)) == (0, [100, 0]), err
    _, err = process.communicate(timeout=60)
    assert process.returncode == TRY_AGAIN, err
    assert weights(api) == [100, 0]
    assert record(api)["phase"] == "rolled_back"


def test_emergency_rollback_without_a_release_is_refused(api, command) -> None:
    code, _, err = command("rollback", "--reason", "panic")

    assert (code, api.writes) == (REFUSED, [])
    assert "there was no release yet" in err


def test_rollback_past_a_contract_migration_is_refused_with_its_name(api, switch, command, database) -> None:
    api.scale("model-server", "blue", wanted=1, ready=1)
    switch()
    with database.connect() as conn:
        conn.execute((Path(__file__).parents[3] / "agents/migrate/sql/create_history.sql").read_text())
        conn.execute(
            "insert into cryo.schema_migrations (number, phase, name, sha256, started_at, finished_at, duration_ms, "
            "lock_wait_ms, attempts, git_sha, actor, server_version) values "
            "(21, 'contract', 'drop_old', repeat('0', 64), now(), now() + interval '1 s', 0, 0, 1, '', '', 17)"
        )

    code, _, err = command("rollback", "--reason", "slow", **database.environ)

    assert (code, weights(api)) == (REFUSED, [0, 100])
    assert "contract migration 0021_drop_old" in err


def test_downgrade_is_refused_when_a_contract_migration_came_since_that_version(
    switch, database, migrate, colours, command
) -> None:
    colours.versions = {"blue": "2.0.0", "green": "1.0.0"}
    assert migrate("apply").returncode == 0
    with database.connect() as conn:
        conn.execute(
            "insert into cryo.schema_migrations (number, phase, name, sha256, started_at, finished_at, duration_ms, "
            "lock_wait_ms, attempts, git_sha, actor, server_version) values "
            "(9021, 'contract', 'drop_old', repeat('0', 64), now(), now(), 0, 0, 1, '', '', 17)"
        )
        conn.execute(
            "insert into public.release_history (release_id, app, from_colour, to_colour, from_version, to_version, "
            "phase, reasons, started_at, finished_at) values ('r0', 'model-server', 'green', 'blue', '1.0.0', '2.0.0', "
            "'promoted', '[]', now() - interval '2 h', now() - interval '1 h')"
        )

    asked = ("switch", "--stable-url", colours.url("blue"))
    code, _, reason = switch(*asked, environ=database.environ)
    assert code == REFUSED
    assert "1.0.0 is older than 2.0.0, and contract migration 9021_drop_old took away what it reads" in reason

    with database.connect() as conn:
        conn.execute("update public.release_history set finished_at = now() + interval '1 h'")
    assert switch(*asked, environ=database.environ)[0] == 0
    done = command("history", "--json", namespace=False, **database.environ)
    releases = json.loads(done[1])["releases"]
    assert [each["phase"] for each in releases] == ["promoted", "refused", "promoted"]
    assert (releases[0]["from_version"], releases[0]["to_version"]) == ("2.0.0", "1.0.0")


@pytest.mark.parametrize("verb", ["approve", "abort"])
def test_order_for_a_release_that_does_not_run_is_refused(api, switch, command, verb: str) -> None:
    switch()

    code, _, err = command(verb, "r-of-yesterday")

    assert code == REFUSED
    assert "no release r-of-yesterday of model-server is under way (the last one is green-" in err
    assert not [path for path in api.objects if path.endswith("-orders")]


def test_release_that_waits_for_approval_goes_on_when_it_comes(api, start, command) -> None:
    process = start("switch", "--release-id", "r1", "--policy", '{"approval_deadline_s": 60}')
    deadline = time.monotonic() + 30
    while RECORD not in api.objects or record(api)["phase"] != "proved":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert weights(api) == [100, 0]

    code, out, err = command("approve", "r1")

    assert code == 0, err
    assert "reads it at its next look" in out
    process.communicate(timeout=60)
    assert (process.returncode, weights(api)) == (0, [0, 100])


def test_watched_release_is_told_phase_by_phase_until_it_ends(api, start, command) -> None:
    process = start("switch", "--policy", '{"soak_s": 2}')
    deadline = time.monotonic() + 30
    while RECORD not in api.objects:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    code, out, err = command("status", "--watch")

    assert code == 0, err
    told = [line.split()[1].rstrip(":") for line in out.splitlines() if line.startswith("20")]
    assert told == [*PROOFS, "shifting", "promoted", "soaking", "settled"]
    process.communicate(timeout=60)


def test_approval_that_never_comes_ends_in_a_refusal(api, switch) -> None:
    code, _, reason = switch("switch", "--release-id", "r1", "--policy", '{"approval_deadline_s": 1}')

    assert (code, weights(api)) == (REFUSED, [100, 0])
    assert "waits for `cryo release approve r1`" in reason


def test_release_without_the_backup_it_needs_is_refused(api, switch) -> None:
    code, _, reason = switch("switch", "--policy", '{"backup_max_age_s": 3600}')

    assert (code, weights(api)) == (REFUSED, [100, 0])
    assert "CRYO_DB_HOST names no database" in reason
