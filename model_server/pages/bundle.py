"""Style sheets, scripts and fonts, served from memory under a name that changes with their content."""

import gzip
import hashlib
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from model_server.errors import RequestRefusedError
from model_server.serve.endpoint import Call, Endpoint, Style
from model_server.serve.http.message import Answer, render_headers

STATIC_DIR = Path(__file__).resolve().parent / "static"
_MEDIA_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
    ".woff2": b"font/woff2",
}
_FOR_EVER = "public, max-age=31536000, immutable"
# A page of one colour may ask the other one during a release: it gets what is here, and must not keep it.
_THIS_TIME = "no-cache"


class File(NamedTuple):
    """One file; `packed` is its gzip form where that is smaller."""

    content: bytes
    packed: bytes | None
    media_type: bytes
    tag: str


class Bundle:
    """Every static file of this build."""

    def __init__(self, folder: Path = STATIC_DIR) -> None:
        """Name a folder; it is read when the first page or file is asked for."""
        self._folder = folder

    @cached_property
    def files(self) -> dict[str, File]:
        """Files by their path below the folder."""
        paths = sorted(path for path in self._folder.rglob("*") if path.suffix in _MEDIA_TYPES)
        return {path.relative_to(self._folder).as_posix(): _read(path) for path in paths}

    @cached_property
    def digest(self) -> str:
        """Stands for the content of all files; scripts import each other, so they change their address together."""
        listing = "\n".join(f"{name} {file.tag}" for name, file in self.files.items())
        return hashlib.sha256(listing.encode()).hexdigest()[:16]

    def url(self, name: str) -> str:
        """Address of a file.

        Raises:
            KeyError: there is none of that name; a mistake in a template.
        """
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.digest}/{name}"

    def give(self, call: Call) -> Answer:
        """Give a file of the folder itself."""
        return self._give(call, call.parameters["file"])

    def give_vendored(self, call: Call) -> Answer:
        """Give a file of a vendored package."""
        return self._give(call, f"vendor/{call.parameters['file']}")

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoints; scripts and styles hold no data and are given to anybody."""
        return [
            Endpoint("GET", path, handle, "A static file.", "Pages", style=Style.PAGE, exempt=True)
            for path, handle in (
                ("/static/{bundle}/{file}", self.give),
                ("/static/{bundle}/vendor/{file}", self.give_vendored),
            )
        ]

    def _give(self, call: Call, name: str) -> Answer:
        file = self.files.get(name)
        if file is None:
            raise RequestRefusedError(f"there is no file {name}; reload the page", code="not_found", status=404)
        headers = call.request.headers
        packed = file.packed if b"gzip" in headers.get(b"accept-encoding", b"") else None
        pairs = [
            ("cache-control", _FOR_EVER if call.parameters["bundle"] == self.digest else _THIS_TIME),
            ("etag", file.tag),
            ("vary", "accept-encoding"),
            ("x-content-type-options", "nosniff"),
        ]
        if headers.get(b"if-none-match") == file.tag.encode():
            return Answer(304, b"", file.media_type, render_headers(pairs))
        if packed is not None:
            pairs.append(("content-encoding", "gzip"))
        return Answer(200, packed or file.content, file.media_type, render_headers(pairs))


def _read(path: Path) -> File:
    content = path.read_bytes()
    packed = gzip.compress(content, mtime=0)
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return File(content, packed if len(packed) < len(content) else None, _MEDIA_TYPES[path.suffix], tag)
