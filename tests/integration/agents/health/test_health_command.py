"""`cryo health` as a person runs it: its exit code, its JSON and its colours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[4]


def run(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cryo.app", "health", *arguments],
        env={**os.environ, **environ},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_clean_group_ends_with_zero_and_says_what_was_asked(debian):
    ended = run(debian.environ(), "--group", "integrity")

    assert ended.returncode == 0, ended.stdout
    assert "profile full" in ended.stdout
    assert "\x1b[" not in ended.stdout


def test_a_warning_ends_with_one_and_prints_the_remedy(debian):
    with debian.database() as name, debian.connect(name) as conn:
        conn.execute("create table public.planted (id bigint primary key, team_id uuid references public.teams (id))")
        ended = run(debian.environ(name), "--group", "indexes")

    assert ended.returncode == 1
    assert "create index concurrently on public.planted (team_id);" in ended.stdout


def test_a_database_that_does_not_answer_ends_with_four_and_valid_json(debian):
    ended = run({**debian.environ(), "CRYO_DB_PORT": "1"}, "--profile", "quick", "--json")

    report = json.loads(ended.stdout)
    assert ended.returncode == 4
    assert report["status"] == "critical"
    assert {each["status"] for each in report["outcomes"]} == {"critical", "skipped"}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [(["--group", "indices"], 70, "the groups are"), (["--profile", "half"], 2, "Invalid value")],
    ids=["no such group", "no such profile"],
)
def test_wrong_usage_is_told_apart_from_findings(debian, arguments, code, told):
    ended = run(debian.environ(), *arguments)

    assert ended.returncode == code
    assert told in ended.stderr


def test_watching_prints_a_line_for_each_look_until_it_is_stopped(debian):
    command = [sys.executable, "-m", "cryo.app", "health", "--group", "schema", "--watch", "1", "--json"]
    with subprocess.Popen(
        command, env={**os.environ, **debian.environ()}, cwd=REPOSITORY, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.terminate()

    assert [each["groups"] for each in looks] == [["schema"]] * 2
    assert process.returncode == 0


def test_every_check_is_listed(debian):
    listed = json.loads(run(debian.environ(), "checks", "--json").stdout)

    assert len(listed) > 140
    assert all(each["id"] and each["meaning"] for each in listed)


def test_a_fix_is_shown_first_and_done_with_its_hash(debian):
    with debian.database() as name, debian.connect(name) as conn:
        conn.execute("create table public.planted (id bigint primary key, team_id uuid references public.teams (id))")
        check = ("--check", "indexes.foreign_key_without_index", "--json")
        shown = json.loads(run(debian.environ(name), "fix", *check).stdout)
        done = run(debian.environ(name), "fix", *check, "--hash", shown["plan"]["hash"])

    assert shown["applied"] is False
    assert done.returncode == 0
    assert [each["mended"] for each in json.loads(done.stdout)["done"]] == [True]


def test_a_report_is_kept_and_the_next_one_says_what_changed(debian, tmp_path):
    page = tmp_path / "report.html"
    with debian.database() as name, debian.connect(name) as conn:
        first = json.loads(run(debian.environ(name), "report", "--json").stdout)
        conn.execute("create table public.planted (id bigint)")
        second = json.loads(run(debian.environ(name), "report", "--json", "--page", str(page)).stdout)
        conn.execute("update public.health_reports set created_at = now() - interval '40 days'")
        run(debian.environ(name), "report", "--profile", "quick")
        kept = conn.execute("select count(*) from public.health_reports").fetchone()

    assert first["difference"] is None
    assert "schema.no_primary_key: public.planted" in second["difference"]["appeared"]
    assert second["difference"]["gone"] == []
    assert "public.planted" in page.read_text(encoding="utf-8")
    assert kept == (1,)
