import asyncio
import os
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.service.page import serve
from alpha_factory.service.page.app import make_app
from alpha_factory.service.page.files.folder import RunsFolder, inside
from alpha_factory.service.page.guard import LARGEST_BODY, LARGEST_HEAD, make_policy
from alpha_factory.service.page.problem import Problem
from alpha_factory.service.page.reply import reply_rows
from alpha_factory.service.page.token import keep_token
from made_runs import beat, make_run
from page_client import Client

API = "/api/v1"
TOKEN = "t" * 43
OUTSIDE = "the secret outside"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs beside a folder that nobody may see, and links to it."""
    top = tmp_path_factory.mktemp("top")
    (top / "outside").mkdir()
    (top / "outside" / "config.json").write_text(f'{{"secret": "{OUTSIDE}"}}')
    (top / "outside" / "film.gif").write_text(OUTSIDE)
    runs = top / "runs"
    run = make_run(runs / "a")
    (runs / "linked").symlink_to(top / "outside")
    (run / "media").mkdir()
    (run / "media" / "own.gif").write_bytes(b"GIF89a")
    (run / "media" / "link.gif").symlink_to(top / "outside" / "film.gif")
    (run / "report.html").symlink_to(top / "outside" / "film.gif")
    leaky = make_run(runs / "leaky")
    for name in ("evaluation.json", "status.json", "metrics.jsonl", "ledger.sqlite"):
        (leaky / name).unlink(missing_ok=True)
        (leaky / name).symlink_to(top / "outside" / "config.json")
    return runs


@pytest.fixture(autouse=True)
def _process_is_there(folder):
    """However long ago the run was made."""
    beat(folder / "a")


@pytest.fixture(scope="module")
def client(folder):
    return Client(make_app(folder, make_policy("127.0.0.1", None)))


@pytest.fixture(scope="module")
def guarded(folder):
    return Client(make_app(folder, make_policy("0.0.0.0", TOKEN)), "http://10.0.0.5:7860")


NAMES = (
    *("..", "../outside", "..%2foutside", "%2e%2e/outside", "%252e%252e%252foutside", "linked"),
    *("a%00", "%00", "a/../../outside", "..%5coutside", "%c0%ae%c0%ae/outside", "/etc", "a%0a"),
    *("....//outside", "file:%2f%2f%2fetc", "%ff%fe", "%2e", "~", "a%2f..%2f..%2foutside"),
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rest", ["", "/config", "/media/own.gif", "/report"])
def test_name_of_no_run_leads_nowhere(client, name, rest):
    answer = client.get(f"{API}/runs/{name}{rest}")
    assert answer.status_code in (400, 404, 422)
    assert OUTSIDE not in answer.text


@pytest.mark.parametrize(
    "name",
    [
        "link.gif",
        "..%2fconfig.json",
        "../config.json",
        "%2e%2e%2fconfig.json",
        "own.gif%00",
        "%2e%2e",
    ],
)
def test_film_that_is_none_leads_nowhere(client, name):
    answer = client.get(f"{API}/runs/a/media/{name}")
    assert answer.status_code == 404
    assert OUTSIDE not in answer.text
    assert client.get(f"{API}/runs/a/media/own.gif").content == b"GIF89a"


@pytest.mark.parametrize(
    "path", ["", "/evaluation", "/metrics", "/events", "/acts", "/safety", "/worlds/2"]
)
def test_links_out_of_a_run_are_not_followed(client, path):
    answer = client.get(f"{API}/runs/leaky{path}")
    assert answer.status_code == 200
    assert OUTSIDE not in answer.text
    assert client.get(f"{API}/runs/a/report").status_code == 404


def test_act_is_not_written_through_a_link(folder, client, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("as it was")
    link = folder / "a" / "control.jsonl"
    link.symlink_to(victim)
    answer = client.post(f"{API}/runs/a/control", json={"act": "save"})
    link.unlink()
    assert answer.status_code == 503
    assert victim.read_text() == "as it was"


@given(name=st.text(max_size=30))
def test_only_names_of_runs_are_found(folder, name):
    runs = RunsFolder(folder)
    if name in ("a", "leaky"):
        assert runs.find(name) == folder / name
    else:
        with pytest.raises(Problem):
            runs.find(name)
    assert inside(folder / "a", name) in (None, folder / "a" / name)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:7860", 200),
        ("localhost", 200),
        ("[::1]:7860", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:7860", 403),
        ("127.0.0.1@evil.example", 403),
        ("", 403),
        ("10.0.0.5", 403),
    ],
)
def test_server_answers_to_its_own_names_only(client, host, status):
    assert client.get(f"{API}/runs", headers={"host": host}).status_code == status
    assert client.get("/healthz", headers={"host": host}).status_code == status


def test_server_for_all_answers_to_addresses_and_names_given(folder):
    policy = make_policy("0.0.0.0", TOKEN, ["lab.example"])
    assert policy.allows_host("192.168.1.2:7860")
    assert policy.allows_host("LAB.example")
    assert not policy.allows_host("other.example")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"origin": "http://127.0.0.1:7860"}, 201),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:80"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:7860.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 201),
    ],
)
def test_write_from_another_sites_page_is_refused(client, headers, status):
    path = f"{API}/runs/a/feedback"
    act = {"about": "world", "world": 2, "opinion": "like"}
    assert client.post(path, json=act, headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/", "/metrics", f"{API}/runs", f"{API}/openapi.json", "/x"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"cookie": f"alpha_factory={TOKEN}"},
        {"authorization": "Bearer \xff"},
    ],
)
def test_nothing_is_read_without_the_token(guarded, path, headers):
    raw = {key: value.encode("latin-1") for key, value in headers.items()}
    answer = guarded.get(path, headers=raw)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"


def test_token_opens_all_and_its_link_gives_a_cookie(guarded):
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert guarded.get(f"{API}/runs", headers=bearer).status_code == 200
    assert guarded.post(f"{API}/runs/a/control", json={"act": "save"}).status_code == 401
    answer = guarded.get("/runs/a", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/a")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie, "a link in a mail leads to what it names"
    assert TOKEN not in cookie
    sent = {"cookie": cookie.split(";")[0]}
    assert guarded.get(f"{API}/runs", headers=sent).status_code == 200
    assert guarded.get("/", params={"token": "wrong"}).status_code == 401
    away = guarded.get("//evil.example/x", params={"token": TOKEN})
    assert away.headers.get("location", "/").count("//") == 0
    assert guarded.get("/healthz").status_code == 200
    page = guarded.get("/", headers={"accept": "text/html"})
    assert page.status_code == 401
    assert "token" in page.text
    assert "another token" not in page.text


def test_wrong_token_is_called_wrong_where_the_right_one_is_asked_for(guarded):
    page = guarded.get("/", params={"token": "wrong"}, headers={"accept": "text/html"})
    assert page.status_code == 401
    assert 'role="alert"' in page.text
    assert "another token" in page.text
    assert "wrong" not in page.text, "nobody reads over a shoulder what was typed"


def test_deep_link_leads_to_what_it_names_once_the_token_is_given(guarded):
    deep = "/compare?runs=a%2Cb&names=%22%3Cb%3E"
    asked = guarded.get(deep, headers={"accept": "text/html", "sec-fetch-site": "cross-site"})
    assert asked.status_code == 401
    assert 'action="/compare"' in asked.text
    assert '<input type="hidden" name="runs" value="a,b">' in asked.text
    assert "<b>" not in asked.text
    given = guarded.get(f"{deep}&token={TOKEN}")
    assert (given.status_code, given.headers["location"]) == (303, deep)
    sent = {"cookie": given.headers["set-cookie"].split(";")[0]}
    away = guarded.get("/runs/a", headers=sent | {"sec-fetch-site": "cross-site"})
    assert away.status_code != 401, "links from elsewhere work for who is known"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://10.0.0.5:7860"}, 201),
        ({"sec-fetch-site": "same-origin"}, 201),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://10.0.0.5:7860", "sec-fetch-site": "cross-site"}, 403),
        ({}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_cookie_alone_writes_nothing_from_elsewhere(guarded, headers, status):
    cookie = guarded.get("/", params={"token": TOKEN}).headers["set-cookie"].split(";")[0]
    act = {"about": "world", "world": 2, "opinion": "like"}
    path = f"{API}/runs/a/feedback"
    assert guarded.post(path, json=act, headers=headers | {"cookie": cookie}).status_code == status


def test_token_is_kept_for_its_owner_alone_and_away_from_the_runs(tmp_path):
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    first = keep_token(tmp_path / "runs", state)
    assert first.is_new
    assert len(first.token) >= 43
    assert stat.S_IMODE(first.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.file.parent.stat().st_mode) == 0o700
    assert first.file.is_relative_to(tmp_path / "state")
    assert keep_token(tmp_path / "runs", state) == first._replace(is_new=False)
    assert keep_token(tmp_path / "other", state).token != first.token
    first.file.chmod(0o644)
    with pytest.raises(Problem, match="chmod 600"):
        keep_token(tmp_path / "runs", state)
    first.file.unlink()
    first.file.symlink_to(os.devnull)
    with pytest.raises(Problem):
        keep_token(tmp_path / "runs", state)


@pytest.mark.parametrize("path", ["/", f"{API}/runs", f"{API}/runs/none", "/healthz"])
def test_every_answer_keeps_a_browser_from_doing_harm(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


def test_body_is_limited_whether_its_length_is_told_or_not(client):
    path = f"{API}/check"
    large = b'{"level": "' + b"x" * LARGEST_BODY + b'"}'
    assert client.post(path, content=large).status_code == 413

    async def parts():
        for _ in range(80):
            yield b" " * 1024

    answer = client.post(path, content=parts())
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", ["/", "/runs/a", f"{API}/runs", "/healthz", f"{API}/runs/none"])
def test_head_is_answered_as_get_without_the_body(client, path, monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)  # answers tell ages, whose lengths differ
    whole, head = client.get(path), client.request("HEAD", path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert whole.content
    assert head.headers == whole.headers


def test_head_opens_nothing_that_get_does_not(client, guarded):
    assert guarded.request("HEAD", f"{API}/runs").status_code == 401
    path = f"{API}/runs/a/control"
    assert client.request("HEAD", path).status_code == client.get(path).status_code == 404


@pytest.mark.parametrize("where", ["header", "query", "path"])
def test_head_that_is_too_large_is_refused_also_when_it_comes_at_once(client, where):
    for length, is_large in ((LARGEST_HEAD - 500, False), (LARGEST_HEAD, True)):
        text = "x" * length
        given = {"headers": {"x-much": text}} if where == "header" else {}
        path = {"header": "/healthz", "query": f"/healthz?x={text}", "path": f"/{text}"}[where]
        answer = client.get(path, **given)
        assert (answer.status_code == 413) == is_large
        assert ("at most 16 KiB" in answer.text) == is_large


@pytest.mark.parametrize(
    ("host", "own", "url"),
    [
        ("127.0.0.1", "10.0.0.5", "http://127.0.0.1:7860/"),
        ("lab.example", "10.0.0.5", "http://lab.example:7860/"),
        ("::1", "10.0.0.5", "http://[::1]:7860/"),
        ("0.0.0.0", "10.0.0.5", "http://10.0.0.5:7860/"),
        ("::", "fd00::5", "http://[fd00::5]:7860/"),
        ("", "10.0.0.5", "http://10.0.0.5:7860/"),
        ("0.0.0.0", None, "http://127.0.0.1:7860/"),
    ],
)
def test_address_that_is_printed_can_be_opened(monkeypatch, host, own, url):
    monkeypatch.setattr(serve, "find_own_address", lambda host: own)
    assert serve.make_url(host, 7860) == url
    policy = make_policy(host, TOKEN)
    assert policy.allows_host(url.removeprefix("http://").strip("/"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"act": "fly"}',
        b'{"act": "save", "more": 1}',
        b'{"act": ["save"]}',
        b'{"act": "save", "by": "' + b"x" * 81 + b'"}',
        b"[" * 30_000,
        b'{"act": "save", "by": "\xff"}',
        b'{"act": NaN}',
    ],
)
def test_malformed_act_is_refused_and_not_written(client, folder, body):
    answer = client.post(
        f"{API}/runs/a/control", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["message"]
    assert not (folder / "a" / "control.jsonl").exists()


def test_form_of_another_page_is_no_act(client):
    answer = client.post(f"{API}/runs/a/control", data={"act": "save"})
    assert answer.status_code == 422


def test_csv_holds_no_formula():
    reply = reply_rows(["name"], [["=1+1"], ["plain"], [-2.5]], "x")

    async def read() -> str:
        return b"".join([piece async for piece in reply.body_iterator]).decode()

    assert asyncio.run(read()).split() == ["name", "'=1+1", "plain", "-2.5"]
