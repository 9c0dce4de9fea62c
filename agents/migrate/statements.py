"""Cuts a SQL file into statements, so that each can be sent alone and an error can name its line.

Only PostgreSQL's lexical rules are known here: quotes, dollar quotes, nested comments. `BEGIN ATOMIC` bodies
hold bare semicolons and are refused by discovery.
"""

import re

from agents.migrate.model import Statement

# Order matters: an escape string begins like an ordinary one, a dollar tag like a parameter.
_TOKEN = re.compile(
    r"""
      (?P<line_comment>--[^\n]*)
    | (?P<block_open>/\*)
    | (?P<escape_string>\b[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<string>'(?:[^']|'')*')
    | (?P<identifier>"(?:[^"]|"")*")
    | (?P<dollar>(?<![\w$])\$(?P<tag>[A-Za-z_]\w*)?\$)
    | (?P<semicolon>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")


class UnterminatedError(ValueError):
    """A quote or comment is opened and never closed."""

    def __init__(self, opener: str, line: int) -> None:
        """Name what opens it, and on which line."""
        super().__init__(f"line {line}: {opener} is never closed")


def split_statements(sql: str) -> tuple[Statement, ...]:
    """Cut a file at its top-level semicolons; comments alone are not a statement.

    Raises:
        UnterminatedError: a quote or comment is left open.
    """
    found: list[Statement] = []
    begin = position = 0
    while match := _TOKEN.search(sql, position):
        _refuse_open_quote(sql, position, match.start())
        if match.lastgroup == "semicolon":
            _add_statement(found, sql, begin, match.start())
            begin = position = match.end()
        else:
            position = _skip(sql, match)
    _refuse_open_quote(sql, position, len(sql))
    _add_statement(found, sql, begin, len(sql))
    return tuple(found)


def strip_quoted(sql: str, *, keep_names: bool = False) -> str:
    """Return the text with comments and literals blanked, so that a keyword search sees only SQL.

    Args:
        sql: one statement or a whole file.
        keep_names: leave names in double quotes as they are.
    """
    kept: list[str] = []
    position = 0
    while match := _TOKEN.search(sql, position):
        kept.append(sql[position : match.start()])
        position = match.end() if match.lastgroup == "semicolon" else _skip(sql, match)
        if match.lastgroup == "semicolon":
            kept.append(";")
        else:
            kept.append(match[0] if keep_names and match["identifier"] is not None else " ")
    kept.append(sql[position:])
    return "".join(kept)


def _skip(sql: str, match: re.Match[str]) -> int:
    """Return where the construct that begins at the match ends."""
    if match["dollar"] is not None:
        end = sql.find(match["dollar"], match.end())
        if end < 0:
            raise UnterminatedError(match["dollar"], _line_of(sql, match.start()))
        return end + len(match["dollar"])
    if match["block_open"] is None:
        return match.end()
    depth = 1
    for edge in _BLOCK_EDGE.finditer(sql, match.end()):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    raise UnterminatedError(match["block_open"], _line_of(sql, match.start()))


def _refuse_open_quote(sql: str, begin: int, end: int) -> None:
    """Refuse a quote that no token matched: it opens something without an end."""
    for quote in ("'", '"'):
        at = sql.find(quote, begin, end)
        if at >= 0:
            raise UnterminatedError(quote, _line_of(sql, at))


def _add_statement(found: list[Statement], sql: str, begin: int, end: int) -> None:
    piece = sql[begin:end]
    code = strip_quoted(piece)
    if not code.strip():
        return
    # The statement begins at its first word, not at the comments above it.
    lead = _leading_noise(piece)
    found.append(Statement(text=piece[lead:].strip(), line=_line_of(sql, begin + lead)))


def _leading_noise(piece: str) -> int:
    position = 0
    while True:
        rest = piece[position:]
        position += len(rest) - len(rest.lstrip())
        match = _TOKEN.match(piece, position)
        if match is None or (match["line_comment"] is None and match["block_open"] is None):
            return position
        position = _skip(piece, match)


def _line_of(sql: str, position: int) -> int:
    return sql.count("\n", 0, position) + 1
