"""Names, settings, time and retries: the values that every agent and the infra program share."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.runtime import names
from agents.runtime.clock import Deadline, SystemClock, format_rfc3339
from agents.runtime.errors import AgentError, PermanentError, SettingsError, TemporaryError
from agents.runtime.names import Colour, SessionName
from agents.runtime.retry import Backoff
from agents.runtime.settings import ClusterSettings, DatabaseSettings, Identity, choose_actor, read_secret


def test_other_colour_of_the_other_colour_is_the_first() -> None:
    assert [(colour, colour.other, colour.other.other) for colour in Colour] == [
        ("blue", "green", "blue"),
        ("green", "blue", "green"),
    ]


def test_object_names_follow_the_application() -> None:
    assert names.service_name("model-server", Colour.GREEN) == "model-server-green"
    assert names.route_name("model-server") == "model-server"
    assert names.release_record_name("model-server") == "release-model-server"


def test_labels_carry_no_version_because_selectors_are_made_of_them() -> None:
    labels = names.app_labels("model-server", component="server", managed_by="pulumi")

    assert names.LABEL_VERSION not in labels
    assert labels["app.kubernetes.io/part-of"] == "cryoprotect"


@given(
    agent=st.from_regex(r"[a-z][a-z-]{0,10}", fullmatch=True),
    colour=st.sampled_from([None, *Colour]),
    version=st.from_regex(r"[0-9a-z.+-]{0,20}", fullmatch=True),
)
def test_session_name_survives_postgresql(agent: str, colour: Colour | None, version: str) -> None:
    session = SessionName(agent=agent, colour=colour, version=version)

    assert SessionName.parse(session.format()) == session


def test_long_session_name_is_cut_where_postgresql_cuts_it() -> None:
    assert len(SessionName(agent="migrate", colour=Colour.BLUE, version="9" * 100).format()) == 63


@pytest.mark.parametrize("name", ["psql", "", "cryo-migrate", "cryo-migrate/red/1", "cryo-migrate/blue/1/2"])
def test_session_of_somebody_else_is_not_taken_for_ours(name: str) -> None:
    assert SessionName.parse(name) is None


def test_database_settings_have_the_documented_defaults() -> None:
    settings = DatabaseSettings.from_environ({"CRYO_DB_HOST": "postgres"})

    assert settings == DatabaseSettings("postgres", 5432, "cryoprotect", "postgres", None, "prefer")
    assert settings.read_password() is None


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "CRYO_DB_HOST is not set"),
        ({"CRYO_DB_HOST": "h", "CRYO_DB_PORT": "0"}, "CRYO_DB_PORT is '0'"),
        ({"CRYO_DB_HOST": "h", "CRYO_DB_PORT": "65536"}, "CRYO_DB_PORT is '65536'"),
        ({"CRYO_DB_HOST": "h", "CRYO_DB_PORT": "5e3"}, "CRYO_DB_PORT is '5e3'"),
        ({"CRYO_DB_HOST": "h", "CRYO_DB_PORT": "²"}, "CRYO_DB_PORT is '²'"),
        ({"CRYO_DB_HOST": "h", "CRYO_DB_SSLMODE": "on"}, "CRYO_DB_SSLMODE is 'on'"),
    ],
)
def test_bad_database_setting_is_named(environ: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        DatabaseSettings.from_environ(environ)


def test_unknown_colour_is_refused() -> None:
    with pytest.raises(SettingsError, match="CRYO_COLOUR is 'red'"):
        Identity.from_environ({"CRYO_COLOUR": "red"})


def test_identity_outside_a_release_has_no_colour() -> None:
    assert Identity.from_environ({}) == Identity(colour=None, version="dev", git_sha="")


@pytest.mark.parametrize(
    ("environ", "in_cluster"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.96.0.1"}, True),
        ({}, False),
        ({"KUBECONFIG": "/k", "KUBERNETES_SERVICE_HOST": "a"}, False),
    ],
    ids=["pod", "laptop", "pod with its own kubeconfig"],
)
def test_service_account_is_used_in_a_pod_only(environ: dict[str, str], *, in_cluster: bool) -> None:
    assert ClusterSettings.from_environ(environ).in_cluster is in_cluster


@pytest.mark.parametrize(("content", "secret"), [(b"s3cret", "s3cret"), (b"s3cret\r\nrest\n", "s3cret")])
def test_secret_is_the_first_line_of_its_file(tmp_path: Path, content: bytes, secret: str) -> None:
    (tmp_path / "password").write_bytes(content)

    assert read_secret(tmp_path / "password", setting="X") == secret


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"], ids=["missing", "empty", "blank line", "not text"])
def test_unreadable_secret_is_refused_without_showing_it(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "password").write_bytes(content)

    with pytest.raises(SettingsError, match=r"CRYO_X: .*password") as caught:
        read_secret(tmp_path / "password", setting="CRYO_X")

    assert caught.value.exit_code == 70


def test_exit_codes_tell_a_job_whether_to_try_again() -> None:
    assert (AgentError.exit_code, PermanentError.exit_code, TemporaryError.exit_code) == (70, 70, 75)
    assert TemporaryError("x", retry_after_s=3).retry_after_s == 3


def test_time_is_written_in_utc_with_a_z() -> None:
    moment = datetime(2026, 3, 1, 14, 0, 0, 5_000, tzinfo=timezone(timedelta(hours=2)))

    assert format_rfc3339(moment) == "2026-03-01T12:00:00.005Z"


def test_deadline_is_never_slept_past(clock) -> None:
    deadline = Deadline.after(10, clock)
    deadline.sleep(8)
    deadline.sleep(8)

    assert clock.sleeps == [8, 2]
    assert deadline.is_over


def test_system_clock_moves() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0.001)

    assert clock.monotonic() > before
    assert clock.now().tzinfo is UTC


@given(failures=st.integers(1, 10_000), draw=st.floats(0, 1, exclude_max=True))
def test_wait_between_tries_is_never_above_its_cap(failures: int, draw: float) -> None:
    assert 0 <= Backoff(tries=30, first_s=0.1, cap_s=5).delay_s(failures, draw) <= 5


def test_wait_doubles_until_the_cap() -> None:
    backoff = Backoff(tries=5, first_s=1, cap_s=5)

    assert [backoff.delay_s(failures, 1.0) for failures in range(1, 6)] == [1, 2, 4, 5, 5]
    assert [backoff.allows_another(failures) for failures in (1, 4, 5)] == [True, True, False]


def test_actor_is_named_even_where_the_user_has_no_name() -> None:
    assert choose_actor({"CRYO_ACTOR": "ci", "USER": "ann"}) == "ci"
    assert choose_actor({"USER": "ann"}) == "ann"
    assert choose_actor({}).startswith("uid ")
