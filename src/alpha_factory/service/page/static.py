"""The built page: a path in, a file of the package out, or an honest word where the page was not built."""

import mimetypes
from pathlib import Path
from typing import NamedTuple

from starlette.responses import HTMLResponse, Response

from alpha_factory.service.page.problem import Problem

INDEX = "index.html"
STATIC = Path(__file__).parent / "static"
_PACKED = (("br", ".br"), ("gzip", ".gz"))
_FOR_EVER = "public, max-age=31536000, immutable"
_HASHED = "assets/"

_UNBUILT = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Alpha-Factory: no page</title>
<meta name="viewport" content="width=device-width"></head><body><main><h1>The page was not built</h1>
<p>This installation has the server and not the page. In a checkout, <code>make page</code> builds it (that needs Node);
installed packages have it inside.</p>
<p>The data is there all the same: <a href="/api/v1/runs">runs</a>,
<a href="/api/v1/openapi.json">description of the API</a>, <a href="/metrics">metrics</a>.</p></main></body></html>"""


class Page(NamedTuple):
    """The files of a built page by the path under which they are asked for, read from a folder once."""

    files: dict[str, Path]

    def answer(self, path: str, accepts: str) -> Response:
        """The file at a path; of a path that no file has, the page itself, whose script knows what to show.

        Raises:
            Problem: a file is asked for that isn't there.
        """
        wanted = path.lstrip("/")
        if wanted not in self.files or not wanted:
            if wanted.startswith(_HASHED):
                raise Problem("not_found", f"There is no file {wanted[:80]!r}.")
            wanted = INDEX
        if wanted not in self.files:
            return HTMLResponse(_UNBUILT, status_code=503)
        kind = mimetypes.guess_type(wanted)[0] or "application/octet-stream"
        lasts = _FOR_EVER if wanted.startswith(_HASHED) else "no-cache"
        headers = {"cache-control": lasts, "vary": "accept-encoding"}
        place = self.files[wanted]
        offered = [one.split(";")[0].strip() for one in accepts.split(",")]
        for encoding, ending in _PACKED:
            if encoding in offered and f"{wanted}{ending}" in self.files:
                place = self.files[f"{wanted}{ending}"]
                headers["content-encoding"] = encoding
                break
        return Response(place.read_bytes(), media_type=kind, headers=headers)


def find_page(folder: Path) -> Page:
    """The page in a folder; of a folder that isn't there, one without files."""
    if not folder.is_dir():
        return Page({})
    return Page(
        {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
    )
