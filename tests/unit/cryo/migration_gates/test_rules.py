"""Our rules find every planted mistake, name its line, and leave good migrations alone."""

import pytest

from agents.migrate.discovery import parse_files
from cryo.errors import PermanentCryoError
from cryo.migration_gates.finding import Finding, judge, parse_accepted
from cryo.migration_gates.rules import check_folder

VERIFY = "-- Each row is a defect.\n-- @expect zero-rows\nselect 1 where false;\n"
GOOD = """
create table public.thing (id bigint generated always as identity primary key);
comment on table public.thing is 'A thing.';
revoke all on public.thing from public, anon, authenticated;
alter table public.thing enable row level security;
create policy thing_select on public.thing for select to authenticated using (false);
"""


def check(body, *, phase="expand", transaction="yes"):
    head = f"-- Adds a thing.\n-- @lock-budget-ms 200\n-- @server 15\n-- @transaction {transaction}\n-- @no-down test\n"
    stem = f"0001_{phase}_thing"
    return check_folder(parse_files({f"{stem}.sql": head + body, f"{stem}.verify.sql": VERIFY}))


def rules_of(findings):
    return [finding.rule for finding in findings]


def test_a_table_with_comment_revoke_and_policy_is_fine():
    assert check(GOOD) == ()


@pytest.mark.parametrize(
    ("phase", "transaction", "body", "rule"),
    [
        ("expand", "yes", "alter table public.t drop column c;", "phase-mixing"),
        ("expand", "yes", "alter table public.t drop c;", "phase-mixing"),
        ("expand", "yes", "drop table public.t;", "phase-mixing"),
        ("expand", "yes", "drop view public.v;", "phase-mixing"),
        ("expand", "yes", "alter table public.t rename column a to b;", "phase-mixing"),
        ("expand", "yes", "alter table public.t rename to u;", "phase-mixing"),
        ("expand", "yes", "alter table public.t alter column a type text;", "phase-mixing"),
        ("expand", "yes", "alter table public.t alter a set data type text;", "phase-mixing"),
        ("expand", "yes", "alter table public.t alter column a set not null;", "phase-mixing"),
        ("expand", "yes", "do $$ begin if true then drop table public.t; end if; end $$;", "phase-mixing"),
        ("contract", "yes", "alter table public.t add column a text;", "phase-mixing"),
        ("contract", "yes", "alter table public.t add a text;", "phase-mixing"),
        ("contract", "yes", GOOD, "phase-mixing"),
        ("backfill", "yes", "alter table public.t add column a text;", "phase-mixing"),
        ("backfill", "yes", "create function public.f() returns int language sql as 'select 1';", "phase-mixing"),
        ("validate", "yes", "update public.t set a = 1 where b;", "phase-mixing"),
        ("expand", "no", "drop policy p on public.t;", "policy-swap-outside-transaction"),
        ("expand", "no", "alter policy p on public.t using (true);", "policy-swap-outside-transaction"),
        ("backfill", "yes", "delete from public.t;", "unbounded-change"),
        ("backfill", "yes", "update public.t set a = 'where';", "unbounded-change"),
        ("backfill", "yes", "do $$ declare n int; begin delete from only public.t; end $$;", "unbounded-change"),
        ("backfill", "yes", "truncate public.t;", "truncate"),
        (
            "expand",
            "yes",
            "create function private.f() returns int language sql security definer as 'select 1';",
            "definer-without-search-path",
        ),
        ("expand", "yes", "create view public.v as select 1 as one;", "view-without-security-invoker"),
        (
            "expand",
            "yes",
            "create or replace view public.v with (security_invoker = false) as select 1 as one;",
            "view-without-security-invoker",
        ),
        ("expand", "yes", GOOD.replace("comment on table public.thing is 'A thing.';", ""), "missing-comment"),
        ("expand", "yes", GOOD.replace("revoke all on public.thing", "revoke all on public.thing2"), "missing-grant"),
        ("expand", "yes", GOOD.replace("create policy", "-- create policy"), "table-without-policies"),
        ("expand", "yes", "create table thing (id bigint);", "table-without-policies"),
    ],
)  # fmt: skip
def test_a_planted_mistake_is_found(phase, transaction, body, rule):
    assert rule in rules_of(check(body, phase=phase, transaction=transaction))


@pytest.mark.parametrize(
    ("phase", "body"),
    [
        ("expand", "alter table public.t add column a text;"),
        ("expand", "alter table public.t alter column a drop not null;"),
        ("expand", "alter table public.t drop constraint c;"),
        ("expand", "alter table public.t add constraint c check (a > 0) not valid;"),
        ("expand", "drop policy if exists p on public.t; create policy p on public.t using (false);"),
        ("expand", "create view public.v with (security_invoker = true) as select 1 as one;"),
        ("expand", "comment on table public.t is 'drop table public.t; delete from public.t';"),
        ("expand", "create function private.f() returns int language plpgsql as $$begin delete from x; end$$;"),
        ("validate", "alter table public.t validate constraint c;"),
        ("validate", "alter table public.t alter column a set not null;"),
        ("backfill", "update public.t set a = 1 where a is null;"),
        ("contract", "alter table public.t drop column a;"),
        ("contract", "alter table public.t alter column a set not null;"),
    ],
)
def test_a_step_that_fits_its_phase_is_left_alone(phase, body):
    assert check(body, phase=phase) == ()


def test_the_finding_names_the_line_inside_a_block():
    body = "do $$\ndeclare\n    n int;\nbegin\n    n := 1;\n    delete from public.t;\nend\n$$;\n"
    (finding,) = check(body, phase="backfill")
    assert str(finding).startswith("0001_backfill_thing.sql:11: unbounded-change: ")


def test_an_accepted_finding_is_left_out_and_a_stale_acceptance_is_told():
    text = '[[accepted]]\nfile = "a.sql"\nrule = "r"\nbecause = "seen"\n'
    accepted = parse_accepted(text + text.replace('"r"', '"old"'))
    left = judge([Finding("a.sql", 3, "r", "m"), Finding("b.sql", 4, "r", "m")], accepted)
    assert [(each.file, each.rule) for each in left] == [("a.sql", "stale-acceptance"), ("b.sql", "r")]


@pytest.mark.parametrize(
    "text",
    [
        '[[accepted]]\nfile = "a.sql"\nrule = "r"\n',
        '[[accepted]]\nfile = "a.sql"\nrule = "r"\nbecause = ""\n',
        2 * '[[accepted]]\nfile = "a.sql"\nrule = "r"\nbecause = "seen"\n',
    ],
)
def test_an_acceptance_without_reason_or_written_twice_is_refused(text):
    with pytest.raises(PermanentCryoError, match=r"accepted\.toml"):
        parse_accepted(text)
