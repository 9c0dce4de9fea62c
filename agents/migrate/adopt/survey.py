"""Asks each existing table what its rows would be after the fills, and turns broken rules into refusals."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from agents.migrate.adopt.actions import Refusal, code
from agents.migrate.adopt.columns import convert_expression, missing_value_fill
from agents.migrate.adopt.legacy import Fill, LegacyRules
from agents.migrate.adopt.preflight import (
    Finding,
    Outlook,
    Question,
    TableFacts,
    ask_about_duplicates,
    ask_about_rows,
)
from agents.migrate.adopt.preflight import read_facts as read_row
from agents.migrate.adopt.shape import Constraint, Shape, Table
from agents.runtime.postgres import Connection, database_error

_CHECK = re.compile(r"CHECK (?P<expression>\(.*\))(?: NO INHERIT)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Survey:
    """What the rows of every existing declared table say."""

    facts: Mapping[str, TableFacts]
    refusals: tuple[Refusal, ...]


def survey_rows(conn: Connection, declared: Shape, live: Shape, rules: LegacyRules) -> Survey:
    """Scan every declared table that exists, once; changes nothing.

    Args:
        conn: the database that is to be adopted.
        declared: what it must become.
        live: what it is, after tables of another meaning were set aside on paper.
        rules: what v2 meant.
    """
    facts: dict[str, TableFacts] = {}
    refusals: list[Refusal] = []
    for name, wanted in declared.tables.items():
        table = live.tables.get(name)
        if table is None:
            continue
        found = _read(conn, wanted, table, rules)
        facts[name] = found
        refusals += judge_rows(wanted, table, rules, found)
    return Survey(facts, tuple(refusals))


def judge_rows(declared: Table, live: Table, rules: LegacyRules, facts: TableFacts) -> Iterator[Refusal]:
    """Refuse rows that no declared fill brings to the declared rules."""
    fills = rules.fills_of(live)
    for rule, finding in facts.findings.items():
        kind, _, name = rule.partition(" ")
        rows = f"{finding.count} of {facts.rows} rows, for example {finding.example or 'one without a key'}"
        if kind == "required" and name not in declared.foreign_key_columns:
            remedy = next((fill.remedy for fill in fills.get(name, ())), f"give {name} a value in these rows")
            yield Refusal(f"{declared.full_name}.{name}", f"would be empty in {rows}", f"{remedy}, then run again")
        elif kind == "check":
            rule_text = next(each.definition for each in declared.constraints if each.name == name)
            remedy = f"correct the rows, or declare a fill in legacy.toml; the rule is {rule_text}"
            yield Refusal(f"{declared.full_name}.{name}", f"is broken by {rows}", remedy)
        elif kind == "unique":
            remedy = "decide which row of each group stays, then run again"
            told = f"{finding.count} values occur more than once, for example {finding.example}"
            yield Refusal(f"{declared.full_name}.{name}", told, remedy)


def ask_table(declared: Table, live: Table, rules: LegacyRules) -> Question:
    """Build the question about one table's rows; pure."""
    fills = _all_fills(declared, live, rules)
    missing = {each.name: each.type for each in declared.columns if live.column(each.name) is None}
    future: dict[str, sql.Composable] = {}
    broken: dict[str, sql.Composable] = {}
    for wanted in declared.columns:
        found = live.column(wanted.name)
        value: sql.Composable | None = sql.Identifier(wanted.name)
        if found is not None and found.type != wanted.type and wanted.name not in declared.foreign_key_columns:
            value = convert_expression(wanted.name, found.type, wanted.type, rules.zone)
        if value is None:
            # The diff refuses this column for its type; nothing can be asked about its values.
            fills.pop(wanted.name, None)
            future[wanted.name] = code(f"null::{wanted.type}")
            continue
        future[wanted.name] = _after_fills(value, wanted.type, fills.get(wanted.name, ()))
        already = found is not None and found.not_null
        if wanted.not_null and not already and not wanted.identity and not wanted.generated:
            broken[f"required {wanted.name}"] = sql.SQL("{} is null").format(sql.Identifier(wanted.name))
    for check in _new_checks(declared, live):
        matched = _CHECK.fullmatch(check.definition)
        if matched is not None:
            broken[f"check {check.name}"] = sql.SQL("{} is false").format(code(matched["expression"]))
    examples = {
        f"required {column}": found[0].needs
        for column, found in fills.items()
        if found[0].needs and found[0].needs != (column,)
    }
    return ask_about_rows(live, Outlook(future, missing, fills, broken, examples))


def _read(conn: Connection, declared: Table, live: Table, rules: LegacyRules) -> TableFacts:
    question = ask_table(declared, live, rules)
    try:
        row = conn.execute(question.query).fetchone()
    except psycopg.Error as error:
        what = f"look at the rows of {live.full_name}"
        remedy = "a column has another type than legacy.toml expects of v2; convert it by hand, then run again"
        raise database_error(error, what, remedy=remedy) from error
    facts = read_row(question, row or (0,))
    findings = dict(facts.findings)
    for constraint in _new_keys(declared, live):
        if any(live.column(name) is None for name in constraint.columns):
            continue
        groups = conn.execute(ask_about_duplicates(live, constraint)).fetchone()
        if groups is not None and groups[0]:
            findings[f"unique {constraint.name}"] = Finding(int(str(groups[0])), str(groups[1]))
    return replace(facts, findings=findings)


def _all_fills(declared: Table, live: Table, rules: LegacyRules) -> dict[str, tuple[Fill, ...]]:
    """Return declared fills, and for a new required column without one its declared default."""
    fills = dict(rules.fills_of(live))
    for wanted in declared.columns:
        default = missing_value_fill(declared, wanted, live.column(wanted.name))
        if default is not None:
            fills.setdefault(wanted.name, (default,))
    return {name: found for name, found in fills.items() if declared.column(name) is not None}


def _after_fills(value: sql.Composable, kind: str, fills: tuple[Fill, ...]) -> sql.Composable:
    for fill in reversed(fills):
        value = sql.SQL("case when {} then {} else {} end").format(
            code(f"({fill.when})"), code(f"({fill.value})::{kind}"), value
        )
    return value


def _new_checks(declared: Table, live: Table) -> tuple[Constraint, ...]:
    have = {each.definition for each in live.constraints if each.valid}
    return tuple(each for each in declared.constraints if each.kind == "c" and each.definition not in have)


def _new_keys(declared: Table, live: Table) -> tuple[Constraint, ...]:
    have = {each.definition for each in live.constraints if each.valid}
    return tuple(each for each in declared.constraints if each.kind in "pu" and each.definition not in have)
