"""Our own rules for migrations: what squawk cannot know because it knows neither phases nor policies.

They read text, not a syntax tree: SQL that a DO block builds with EXECUTE is out of sight. The verify queries and
the tests on a real server see what it made.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.migrate.model import Migration, Phase, Statement
from agents.migrate.statements import split_statements, strip_quoted
from cryo.migration_gates.finding import Finding

_NAME = r'(?:"?\w+"?\.)?"?\w+"?'
_TABLE = re.compile(rf"^create\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?(?P<table>{_NAME})", re.IGNORECASE)
_DO_BODY = re.compile(r"^do\s+(?:language\s+\w+\s+)?(?P<tag>\$\w*\$)(?P<body>.*)(?P=tag)", re.IGNORECASE | re.DOTALL)
# Inside a block, a statement may follow these words instead of a semicolon.
_BLOCK_LEAD = re.compile(
    r"^(?:declare\b.*?\bbegin|begin|if\b.*?\bthen|then|else|(?:for|foreach|while)\b.*?\bloop|loop|end\s+if|end\s+loop|end)\s+",
    re.IGNORECASE | re.DOTALL,
)
_TAKES_AWAY = re.compile(
    r"^drop\s+(?:table|view|materialized\s+view|function|procedure|type|schema|sequence)\b"
    r"|^alter\s+table\b.*?(?:\bdrop\s+(?!constraint\b|not\s+null\b|default\b|identity\b|expression\b)"
    r"|\brename\b|\bset\s+not\s+null\b|\balter\s+(?:column\s+)?\S+\s+(?:set\s+data\s+)?type\b)",
    re.IGNORECASE | re.DOTALL,
)
_ADDS = re.compile(
    r"^create\s+(?:table|schema|view|type|sequence)\b|^alter\s+table\b.*\badd\s+(?:column\b|(?!constraint\b)\w+\s+\w+)",
    re.IGNORECASE | re.DOTALL,
)
_CHANGES_SHAPE = re.compile(
    r"^create\s+(?:or\s+replace\s+)?(?!(?:unique\s+)?index\b|temp)|^(?:alter|drop)\b", re.IGNORECASE
)
_PROVES = re.compile(
    r"^alter\s+table\b.*\b(?:validate\s+constraint|set\s+not\s+null|drop\s+constraint|attach\s+partition)\b|^select\b",
    re.IGNORECASE | re.DOTALL,
)
_POLICY = re.compile(r"^(?:create|alter|drop)\s+policy\b", re.IGNORECASE)
_CREATE_POLICY = re.compile(rf"^create\s+policy\s+\S+\s+on\s+(?P<table>{_NAME})", re.IGNORECASE)
_BULK_CHANGE = re.compile(rf"^(?:delete\s+from|update)\s+(?:only\s+)?{_NAME}", re.IGNORECASE)
_TRUNCATE = re.compile(r"^truncate\b", re.IGNORECASE)
_DEFINER = re.compile(r"\bsecurity\s+definer\b", re.IGNORECASE)
_SEARCH_PATH = re.compile(r"\bset\s+search_path\s*(?:=|to)", re.IGNORECASE)
_VIEW = re.compile(r"^create\s+(?:or\s+replace\s+)?view\b", re.IGNORECASE)
_INVOKER = re.compile(r"\bsecurity_invoker\s*=\s*(?:true|on|1)", re.IGNORECASE)
_COMMENT = re.compile(rf"^comment\s+on\s+table\s+(?P<table>{_NAME})", re.IGNORECASE)
_GRANT = re.compile(r"^(?:grant|revoke)\b(?P<what>.*)", re.IGNORECASE | re.DOTALL)
_DROPPED = re.compile(rf"^drop\s+table\s+(?:if\s+exists\s+)?(?P<table>{_NAME})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Code:
    """A statement without comments and literals, as rules read it."""

    text: str
    line: int


def check_folder(migrations: Sequence[Migration]) -> tuple[Finding, ...]:
    """Apply every rule to every file of a folder, in order."""
    codes = {migration.key: tuple(_read(migration.statements)) for migration in migrations}
    findings: list[Finding] = []
    for migration in migrations:
        for code in codes[migration.key]:
            findings += [
                Finding(f"{migration.name}.sql", code.line, rule, message)
                for rule, test in _RULES.items()
                if (message := test(migration, code)) is not None
            ]
    by_number: dict[int, list[tuple[Migration, _Code]]] = {}
    for migration in migrations:
        by_number.setdefault(migration.number, []).extend((migration, code) for code in codes[migration.key])
    for change in by_number.values():
        findings += _check_new_tables(change)
    findings += _check_policies([pair for change in by_number.values() for pair in change])
    return tuple(sorted(findings))


def _read(statements: Iterable[Statement], offset: int = 0) -> Iterator[_Code]:
    """Give each statement's code; the statements of a DO block follow it."""
    for statement in statements:
        # strip_quoted leaves one blank where a comment stood, so the first word is found at the beginning.
        yield _Code(strip_quoted(statement.text).strip(), statement.line + offset)
        block = _DO_BODY.match(statement.text)
        if block is None:
            continue
        first_line = statement.line + offset + statement.text.count("\n", 0, block.start("body")) - 1
        for inner in split_statements(block["body"]):
            code = inner.text
            while (lead := _BLOCK_LEAD.match(code)) is not None:
                code = code[lead.end() :]
            yield _Code(strip_quoted(code).strip(), inner.line + first_line)


def _refuse_phase_mixing(migration: Migration, code: _Code) -> str | None:
    match migration.phase:
        case Phase.EXPAND if _TAKES_AWAY.search(code.text):
            return "takes away what the old colour may use; that is a contract step"
        case Phase.CONTRACT if _ADDS.search(code.text):
            return "adds something; that is an expand step, with a file of its own"
        case Phase.BACKFILL if _CHANGES_SHAPE.search(code.text):
            return "changes the schema; a backfill fills rows, the schema changes in expand or contract"
        case Phase.VALIDATE if code.text and not _PROVES.search(code.text) and not code.text.lower().startswith("do"):
            return "does more than prove what expand declared; move it to expand, backfill or contract"
    return None


def _refuse_lone_policy_swap(migration: Migration, code: _Code) -> str | None:
    if migration.transactional or not _POLICY.match(code.text):
        return None
    return "changes a policy outside a transaction, so rows are open or closed in between; use `@transaction yes`"


def _refuse_unbounded_change(_: Migration, code: _Code) -> str | None:
    if not _BULK_CHANGE.match(code.text) or re.search(r"\bwhere\b", code.text, re.IGNORECASE):
        return None
    return "changes every row in one statement; say which with WHERE, and go in batches"


def _refuse_truncate(_: Migration, code: _Code) -> str | None:
    return "empties a table at once, past every policy and trigger" if _TRUNCATE.match(code.text) else None


def _refuse_open_definer(_: Migration, code: _Code) -> str | None:
    if not _DEFINER.search(code.text) or _SEARCH_PATH.search(code.text):
        return None
    return "SECURITY DEFINER without `set search_path`: the caller chooses whose functions and tables it finds"


def _refuse_owner_view(_: Migration, code: _Code) -> str | None:
    if not _VIEW.match(code.text) or _INVOKER.search(code.text):
        return None
    return "reads with its owner's rights, past row-level security; add `with (security_invoker = true)`"


_RULES: dict[str, Callable[[Migration, _Code], str | None]] = {
    "phase-mixing": _refuse_phase_mixing,
    "policy-swap-outside-transaction": _refuse_lone_policy_swap,
    "unbounded-change": _refuse_unbounded_change,
    "truncate": _refuse_truncate,
    "definer-without-search-path": _refuse_open_definer,
    "view-without-security-invoker": _refuse_owner_view,
}


def _check_new_tables(change: Sequence[tuple[Migration, _Code]]) -> Iterator[Finding]:
    """A table is created together with its comment and with a word about who may use it."""
    commented = {_plain(found["table"]) for _, code in change if (found := _COMMENT.match(code.text))}
    granted = " ".join(found["what"].lower() for _, code in change if (found := _GRANT.match(code.text)))
    for migration, code in change:
        found = _TABLE.match(code.text)
        if found is None:
            continue
        table = _plain(found["table"])
        where = (f"{migration.name}.sql", code.line)
        if table not in commented:
            yield Finding(*where, "missing-comment", f"{table} has no COMMENT ON TABLE that says what a row is")
        if table.startswith("public.") and not re.search(rf"\b{re.escape(table)}\b", granted):
            yield Finding(*where, "missing-grant", f"no GRANT or REVOKE names {table}; Supabase would open it to anon")


def _check_policies(statements: Sequence[tuple[Migration, _Code]]) -> Iterator[Finding]:
    """A table of the exposed schema has policies in the end."""
    closed = {_plain(found["table"]) for _, code in statements if (found := _CREATE_POLICY.match(code.text))}
    closed |= {_plain(found["table"]) for _, code in statements if (found := _DROPPED.match(code.text))}
    for migration, code in statements:
        found = _TABLE.match(code.text)
        if found is not None and (table := _plain(found["table"])).startswith("public.") and table not in closed:
            yield Finding(
                f"{migration.name}.sql",
                code.line,
                "table-without-policies",
                f"no migration creates a policy on {table}",
            )


def _plain(name: str) -> str:
    plain = name.replace('"', "").lower()
    return plain if "." in plain else f"public.{plain}"
