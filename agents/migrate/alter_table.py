"""Says of each action of an ALTER TABLE which lock it takes and whether it scans or rewrites the table; pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_NAME = r'((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*)'
_COLUMN = r'(?:"[^"]+"|\w+)'
# Defaults without a call, and calls that give one value for the whole statement, are kept in the catalog.
_CALL = re.compile(r"\b(?P<function>(?:\w+\.)?\w+)\s*\(")
_STABLE_CALLS = {"now", "uid", "role", "jwt", "current_setting", "transaction_timestamp", "statement_timestamp", "txid"}
_NOT_CALLS = {"check", "numeric", "varchar", "char", "default", "references", "in", "and", "or", "using", "as"}


@dataclass(frozen=True, slots=True)
class Change:
    """What one action of an ALTER TABLE takes; modes are the names of LockMode."""

    mode: str
    because: str
    scans: bool = False
    rewrites: bool = False
    others: tuple[tuple[str, str], ...] = ()
    """Other tables and the locks on them."""
    known: bool = True


def classify_alter_table(actions: str) -> tuple[Change, ...]:
    """Classify the part of an ALTER TABLE after the table's name.

    Args:
        actions: lower case, one space between words, literals blanked.
    """
    return tuple(_classify(action.strip()) for action in split_actions(actions))


def split_actions(actions: str) -> tuple[str, ...]:
    """Cut at commas outside parentheses."""
    found, depth, begin = [], 0, 0
    for position, character in enumerate(actions):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append(actions[begin:position])
            begin = position + 1
    return (*found, actions[begin:])


def _classify(action: str) -> Change:
    for pattern, answer in _FORMS:
        found = re.match(pattern, action)
        if found is not None:
            return answer(found, action) if callable(answer) else answer
    return Change("ACCESS_EXCLUSIVE", f"unknown, treat as AccessExclusive: {action[:40]}", known=False)


def _foreign_key(found: re.Match[str], action: str) -> Change:
    later = action.endswith("not valid")
    because = "rows are proven later" if later else "every row is looked up in the parent while writers of both wait"
    return Change("SHARE_ROW_EXCLUSIVE", because, scans=not later, others=((found[1], "SHARE_ROW_EXCLUSIVE"),))


def _add_column(_found: re.Match[str], action: str) -> Change:
    parents = tuple((name, "SHARE_ROW_EXCLUSIVE") for name in re.findall(rf"\breferences {_NAME}", action))
    stored = "generated" in action or re.search(r"\b(?:big|small)?serial\b", action)
    default = action.partition(" default ")[2]
    calls = {call["function"].rpartition(".")[2] for call in _CALL.finditer(default)} - _NOT_CALLS
    if stored or calls - _STABLE_CALLS:
        because = "each row gets a value of its own, so the table is written anew"
        return Change("ACCESS_EXCLUSIVE", because, rewrites=True, others=parents)
    scans = " check " in action
    because = "every row is checked" if scans else "the catalog alone; one default serves all rows that are there"
    return Change("ACCESS_EXCLUSIVE", because, scans=scans, others=parents)


def _add_constraint(_found: re.Match[str], action: str) -> Change:
    if " using index " in action:
        return Change("ACCESS_EXCLUSIVE", "takes over an index that is there")
    if action.endswith("not valid"):
        return Change("ACCESS_EXCLUSIVE", "rows are proven later, by VALIDATE CONSTRAINT")
    return Change("ACCESS_EXCLUSIVE", "every row is read while everybody waits", scans=True)


def _change_type(_found: re.Match[str], _action: str) -> Change:
    because = "the table is written anew, unless the old type is a shorter form of the new one"
    return Change("ACCESS_EXCLUSIVE", because, rewrites=True)


def _attach_partition(found: re.Match[str], _action: str) -> Change:
    others = ((found[1], "ACCESS_EXCLUSIVE"),)
    return Change("SHARE_UPDATE_EXCLUSIVE", "rows of the partition are checked", scans=True, others=others)


def _detach_partition(found: re.Match[str], _action: str) -> Change:
    if found[2]:
        others = ((found[1], "SHARE_UPDATE_EXCLUSIVE"),)
        return Change("SHARE_UPDATE_EXCLUSIVE", "waits for older transactions", others=others)
    return Change("ACCESS_EXCLUSIVE", "the catalog alone", others=((found[1], "ACCESS_EXCLUSIVE"),))


_CATALOG = Change("ACCESS_EXCLUSIVE", "the catalog alone")
_LIGHT = Change("SHARE_UPDATE_EXCLUSIVE", "the catalog alone")
_REWRITE = Change("ACCESS_EXCLUSIVE", "the table is written anew", rewrites=True)
# The first form that matches decides.
_FORMS: tuple[tuple[str, Change | Callable[[re.Match[str], str], Change]], ...] = (
    (rf"add (?:constraint \S+ )?foreign key .*?\breferences {_NAME}", _foreign_key),
    (r"add (?:constraint \S+ )?(?:check|unique|primary key|exclude)\b", _add_constraint),
    (r"add ", _add_column),
    (
        r"validate constraint ",
        Change("SHARE_UPDATE_EXCLUSIVE", "every row is read beside writers; RowShare on a parent", scans=True),
    ),
    (r"drop constraint ", Change("ACCESS_EXCLUSIVE", "the catalog alone; so is the parent of a foreign key")),
    (
        rf"alter (?:column )?{_COLUMN} set not null",
        Change("ACCESS_EXCLUSIVE", "rows are read, unless a valid check proves it", scans=True),
    ),
    (rf"alter (?:column )?{_COLUMN} (?:set data )?type ", _change_type),
    (rf"alter (?:column )?{_COLUMN} (?:set statistics|set \(|reset \()", _LIGHT),
    (rf"alter (?:column )?{_COLUMN} (?:set|drop|add|restart)\b", _CATALOG),
    (r"alter constraint ", Change("ACCESS_EXCLUSIVE", "the catalog alone; so is the parent of the foreign key")),
    (r"(?:enable|disable) (?:replica |always )?trigger ", Change("SHARE_ROW_EXCLUSIVE", "the catalog alone")),
    (r"(?:enable|disable|force|no force) row level security", _CATALOG),
    (r"(?:enable|disable) (?:replica |always )?rule ", _CATALOG),
    (r"(?:set|reset) \(|cluster on |set without cluster", _LIGHT),
    (r"set (?:tablespace|logged|unlogged|access method) ?", _REWRITE),
    (rf"attach partition {_NAME}", _attach_partition),
    (rf"detach partition {_NAME}( concurrently)?", _detach_partition),
    (r"drop |rename |owner to |set schema |replica identity |inherit |no inherit |of |not of$", _CATALOG),
)  # fmt: skip
