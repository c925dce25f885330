"""How somebody with the token gets to what was asked for: a request in; a page that asks, or a way there, out."""

import html
import string
import urllib.parse
from typing import NamedTuple

from starlette.types import Scope

from alpha_factory.service.page.token import COOKIE, is_token, make_cookie

_KEPT_S = 30 * 86_400
_MOST_FIELDS = 100
_TOKEN = "token"
_PAGE = string.Template("""<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Alpha-Factory: token needed</title><meta name="viewport" content="width=device-width"></head>
<body><main><h1>A token is needed</h1>
$wrong<p>This page shows its runs to those who have its token. Open the link that <code>alpha-factory serve</code>
printed once, or give the token, which lies in the file that it names.</p>
<form method="get" action="$path">$rest
<label>Token <input name="token" type="password" autocomplete="off" required></label>
<button>Open</button></form></main></body></html>""")


_WRONG = """<p role="alert"><strong>That was another token.</strong>
Was it copied whole, and is it still the one in the file?</p>
"""


class Way(NamedTuple):
    """Where to go, and the cookie to take along."""

    place: str
    cookie: str


def follow_link(scope: Scope, token: str) -> Way | None:
    """Where a link with the token leads: to what it names, without the token. None for any other request."""
    query = _read_query(scope)
    given = next((value for name, value in query if name == _TOKEN), "")
    if not given or scope["method"] != "GET" or scope["path"].startswith("/api/"):
        return None
    if not is_token(given, token):
        return None
    # Lax and not Strict: links in mails work. Reads change nothing, and writes say where they come from.
    cookie = f"{COOKIE}={make_cookie(token)}; Path=/; HttpOnly; SameSite=Lax; Max-Age={_KEPT_S}"
    rest = urllib.parse.urlencode([one for one in query if one[0] != _TOKEN])
    return Way(_own_path(scope) + (f"?{rest}" if rest else ""), cookie)


def print_login(scope: Scope) -> bytes:
    """The page that asks for the token, and then leads to what was asked for; if one was given, it was wrong."""
    rest = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in _read_query(scope)
        if name != _TOKEN
    )
    wrong = _WRONG if any(name == _TOKEN and value for name, value in _read_query(scope)) else ""
    page = _PAGE.substitute(path=html.escape(_own_path(scope)), rest=rest, wrong=wrong)
    return page.encode("utf-8", "replace")


def _read_query(scope: Scope) -> list[tuple[str, str]]:
    text = scope["query_string"].decode("latin-1")
    try:
        return urllib.parse.parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return []


def _own_path(scope: Scope) -> str:
    """The path that was asked for. One slash before it: two would lead to another host."""
    return "/" + urllib.parse.quote(scope["path"].lstrip("/\\"))
