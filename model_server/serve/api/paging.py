"""Pages of a list: a cursor is the last name seen, so a page stays right when the list grows."""

from collections.abc import Mapping, Sequence

from model_server.errors import RequestRefusedError
from model_server.serve.endpoint import Parameter
from model_server.serve.wire import MAX_PAGE

PARAMETERS = (
    Parameter(
        "limit", "Entries per page.", schema={"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": MAX_PAGE}
    ),
    Parameter("after", "Cursor: `next` of the page before.", schema={"type": "string", "maxLength": 128}),
)


def cut_page(keys: Sequence[str], query: Mapping[str, str]) -> tuple[list[str], str | None]:
    """Cut a page out of ordered keys.

    Returns:
        the keys of the page, and the cursor of the next; None on the last.

    Raises:
        RequestRefusedError: 422 for a limit or a cursor that is none (permanent).
    """
    text = query.get("limit", str(MAX_PAGE))
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_PAGE)) or not 1 <= int(text) <= MAX_PAGE:
        raise _refuse(f"limit must be 1 to {MAX_PAGE}", "limit")
    limit, after = int(text), query.get("after")
    start = 0
    if after is not None:
        if after not in keys:
            msg = "after is not the cursor of a page; start again without it"
            raise _refuse(msg, "after")
        start = list(keys).index(after) + 1
    page = list(keys[start : start + limit])
    return page, page[-1] if start + limit < len(keys) else None


def _refuse(message: str, path: str) -> RequestRefusedError:
    return RequestRefusedError(message, code="invalid_query", status=422, path=path)
