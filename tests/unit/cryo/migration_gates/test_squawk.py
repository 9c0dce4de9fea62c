"""The real squawk on planted mistakes, and the whole gate on this repository's own migrations."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents.migrate.discovery import read_folder
from cryo.migration_gates.squawk import run_squawk
from toolchain.errors import CommandFailedError

ROOT = Path(__file__).resolve().parents[4]
HEAD = "-- Adds.\n-- @lock-budget-ms 200\n-- @server 15\n-- @transaction {}\n-- @no-down test\n"
VERIFY = "-- Each row is a defect.\n-- @expect zero-rows\nselect 1 where false;\n"
PLANTED = {
    "adding-required-field": "alter table public.t add column a bigint not null;",
    "adding-foreign-key-constraint": "alter table public.t add constraint f foreign key (a) references public.u (id);",
    "constraint-missing-not-valid": "alter table public.t add constraint c check (a > 0);",
    "require-concurrent-index-creation": "create index i on public.t (a);",
    "changing-column-type": "alter table public.t alter column a type bigint;",
    "renaming-column": "alter table public.t rename column a to b;",
    "renaming-table": "alter table public.t rename to u;",
    "ban-drop-column": "alter table public.t drop column a;",
    "ban-drop-table": "drop table public.t;",
    "ban-drop-not-null": "alter table public.t alter column a drop not null;",
    "prefer-text-field": "create table public.n (id bigint primary key, a varchar(20));",
    "prefer-timestamp-tz": "create table public.n (id bigint primary key, a timestamp);",
    "prefer-bigint-over-int": "create table public.n (id integer primary key);",
    "adding-not-nullable-field": "alter table public.t alter column a set not null;",
    "disallowed-unique-constraint": "alter table public.t add constraint u unique (a);",
}


@pytest.fixture
def folder(tmp_path):
    def write(body, transaction="yes"):
        (tmp_path / "0001_expand_a.sql").write_text(HEAD.format(transaction) + body, encoding="utf-8")
        (tmp_path / "0001_expand_a.verify.sql").write_text(VERIFY, encoding="utf-8")
        return tmp_path

    return write


@pytest.mark.parametrize("rule", PLANTED)
def test_squawk_finds_what_is_planted(folder, rule):
    path = folder(PLANTED[rule])
    findings = run_squawk(path, read_folder(path), log=path / "log")
    assert (rule, 6) in {(finding.rule, finding.line) for finding in findings}


def test_an_objection_cannot_be_silenced_inside_the_file(folder):
    path = folder("-- squawk-ignore ban-drop-table\ndrop table public.t;")
    findings = run_squawk(path, read_folder(path), log=path / "log")
    assert [(finding.rule, finding.line) for finding in findings] == [("silent-ignore", 6)]


def test_a_broken_squawk_is_an_error_and_not_an_empty_answer(folder, monkeypatch):
    path = folder("select 1;")
    monkeypatch.setattr(sys, "executable", str(path / "python"))
    with pytest.raises(CommandFailedError, match="squawk"):
        run_squawk(path, read_folder(path), log=path / "log")


def run_lint(*arguments):
    cryo = Path(sys.executable).with_name("cryo")
    return subprocess.run([cryo, "migrate", "lint", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_this_repositorys_migrations_pass_the_gate():
    done = run_lint()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("files, 0 findings\n")


def test_the_gate_fails_and_names_what_it_found(folder):
    done = run_lint("--json", "--migrations", str(folder("drop table public.t;")))
    assert done.returncode == 70
    found = {each["rule"] for each in json.loads(done.stdout)["findings"]}
    assert {"phase-mixing", "ban-drop-table", "stale-acceptance"} <= found
