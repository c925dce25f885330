import contextlib
import csv
import gzip
import io
import json
import urllib.parse

import pytest

from alpha_factory.curriculum import honeypot
from alpha_factory.records import MOST_CANDIDATES, CandidateAct, ControlAct, FeedbackAct
from alpha_factory.service.ledger import Ledger
from alpha_factory.service.page.app import make_app
from alpha_factory.service.page.files import summary
from alpha_factory.service.page.guard import make_policy
from alpha_factory.service.page.workshop import WorkshopClient
from made_runs import GENOME, WORKSHOP_COMMAND, add_rows, beat, make_run
from page_client import Client

API = "/api/v1"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder / "a", seed=0)
    make_run(folder / "b", seed=1)
    make_run(folder / "c", seed=1, batch=512)
    return folder


@pytest.fixture(scope="module")
def client(runs):
    with contextlib.closing(WorkshopClient(WORKSHOP_COMMAND)) as workshop:
        yield Client(make_app(runs, make_policy("127.0.0.1", None), workshop=workshop))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A folder for runs that a test changes, and a client of it."""
    folder = tmp_path_factory.mktemp("scratch")
    with contextlib.closing(WorkshopClient(WORKSHOP_COMMAND)) as workshop:
        yield folder, Client(make_app(folder, make_policy("127.0.0.1", None), workshop=workshop))


def get(client, path, **query):
    answer = client.get(API + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def read_csv(client, path, **query):
    answer = client.get(API + path, params=query | {"format": "csv"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    return [*csv.reader(io.StringIO(answer.text))]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_runs_are_listed_with_their_state(client):
    told = {run["name"]: run for run in get(client, "/runs")["runs"]}
    assert sorted(told) == ["a", "b", "c"]
    run = told["b"]
    assert (run["seed"], run["frames"], run["pool"], run["has_pool"]) == (1, 190, 4, True)
    assert run["solve_low"] == run["solve_mean"] == run["solve_high"] == run["solve_rate"] == 0.5
    assert run["files"]["episodes"]
    assert not run["files"]["report"]


@pytest.mark.parametrize(
    ("state", "age", "told", "is_live"),
    [
        ("compiling", 0.0, "compiling", True),
        ("paused", 5.0, "paused", True),
        ("training", 20.0, "silent", False),
        ("training", 100.0, "crashed", False),
        ("finished", 1_000.0, "finished", False),
        ("crashed", 0.0, "crashed", False),
    ],
)
def test_state_follows_from_heartbeat_and_its_age(scratch, state, age, told, is_live):
    folder, client = scratch
    name = f"{state}-{age:g}"
    beat(make_run(folder / name), state, age)
    run = get(client, f"/runs/{name}")
    assert (run["state"], run["is_live"]) == (told, is_live)


@pytest.mark.parametrize(("kind", "told"), [("ended", "finished"), ("interrupted", "stopped")])
def test_state_without_a_heartbeat_follows_from_the_ledger(scratch, kind, told):
    folder, client = scratch
    with Ledger(make_run(folder / kind) / "ledger.sqlite") as ledger:
        ledger.append(kind, {})
    assert get(client, f"/runs/{kind}")["state"] == told


def test_run_that_has_only_begun_is_told_as_such(scratch):
    folder, client = scratch
    (folder / "new").mkdir()
    (folder / "new" / "config.json").write_text("{}")
    assert get(client, "/runs/new")["state"] == "unknown"
    assert get(client, "/runs/new/metrics")["columns"]["frames"] == []
    assert get(client, "/runs/new/worlds")["worlds"] == []
    assert get(client, "/runs/new/lineage")["columns"]["id"] == []
    assert get(client, "/runs/new/safety")["incidents"] == []


def test_metrics_are_columns_of_equal_length(client):
    told = get(client, "/runs/a/metrics", names="loss_value,heldout")
    columns = told["columns"]
    assert columns["frames"] == [10 * number for number in range(20)]
    assert columns["loss_value"] == [1.0 / (number + 1) for number in range(20)]
    assert columns["heldout"] == [None] * 20
    assert {"pool", "solve_rate"} <= {*told["names"]}
    assert not told["is_sampled"]


def test_metrics_are_thinned_to_the_points_asked_for_with_both_ends(client):
    told = get(client, "/runs/a/metrics", names="pool", points=4)
    assert told["columns"]["frames"] == [0, 60, 120, 190]
    assert told["is_sampled"]


def test_metrics_of_a_range_are_those_within_it(client):
    told = get(client, "/runs/a/metrics", **{"from": 50, "to": 80})
    assert told["columns"]["frames"] == [50, 60, 70, 80]


def test_metrics_after_a_cursor_are_the_new_ones_and_a_rewound_file_is_told(scratch):
    folder, client = scratch
    run = make_run(folder / "rewound", rows=3)
    cursor = get(client, "/runs/rewound/metrics")["cursor"]
    add_rows(run, [3, 4])
    told = get(client, "/runs/rewound/metrics", after=cursor)
    assert (told["columns"]["frames"], told["reset"]) == ([30, 40], False)
    assert get(client, "/runs/rewound/metrics", after=told["cursor"])["columns"]["frames"] == []
    kept = (run / "metrics.jsonl").read_bytes().splitlines(keepends=True)[:2]
    (run / "metrics.jsonl").write_bytes(b"".join(kept))
    add_rows(run, [7, 8, 9])  # as long as before, and other rows
    told = get(client, "/runs/rewound/metrics", after=told["cursor"])
    assert (told["columns"]["frames"], told["reset"]) == ([0, 10, 70, 80, 90], True)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"sort": "id", "order": "asc", "verdict": "accepted"}, [0, 2, 4, 6, 8]),
        ({"sort": "age", "living": True}, [4, 2, 8, 6]),
        ({"sort": "difficulty", "living": True, "order": "asc"}, [4, 2, 6, 8]),
        ({"sort": "learnability", "living": True}, [4, 2, 8, 6]),
        ({"sort": "qd", "living": True}, [6, 4, 2, 8]),
        ({"sort": "id", "search": "lava", "verdict": "accepted"}, [8, 4, 2]),
        ({"sort": "id", "search": "7"}, [7]),
        ({"sort": "id", "order": "asc", "page": 1, "size": 3}, [3, 4, 5]),
    ],
)
def test_worlds_are_sorted_searched_and_paged(client, query, ids):
    told = get(client, "/runs/a/worlds", **query)
    assert [world["id"] for world in told["worlds"]] == ids


def test_world_has_all_that_is_known_of_it(client):
    told = get(client, "/runs/a/worlds/2")
    card = told["card"]
    assert (card["genome"], card["parents"], card["episodes"]) == (GENOME + "2", [0], 1)
    assert card["learnability"] == pytest.approx(0.2 * 0.8)
    assert told["scores"]["solve_rate"] == [0.2, 0.2]
    assert told["looks"]["untrained"] == [0.0]
    assert told["trials"] == [{"cycle": 1, "agents": 3, "best": 0.5}]
    assert [parent["id"] for parent in told["parents"]] == [0]
    (out,), (back,) = told["transfers"], told["takeovers"]
    assert (out["direction"], out["helped"]) == ("to generalist", 4)
    assert (back["direction"], back["helped"], back["source"]) == ("to specialist", 2, None)
    assert [episode["id"] for episode in told["episodes"]] == [1]
    first = get(client, "/runs/a/worlds/0")
    assert first["retirement"] == {"cycle": 1, "reason": "mastered"}
    assert [child["id"] for child in first["children"]] == [*range(1, 10)]
    assert client.get(f"{API}/runs/a/worlds/99").status_code == 404


def test_episodes_are_given_as_recorded(client):
    told = get(client, "/runs/a/episodes", world=2)["episodes"]
    assert told[0]["trace"]["position"] == [[0, 0], [0, 1]]
    assert get(client, "/runs/a/episodes/latest", worlds="1,2")["episodes"] == told
    assert get(client, "/runs/a/episodes/1") == told[0]
    assert client.get(f"{API}/runs/a/episodes/2").status_code == 404


def test_lineage_is_columns_by_world(client):
    told = get(client, "/runs/a/lineage")
    columns = told["columns"]
    assert columns["parent"] == [-1, *[0] * 9]
    assert columns["left"] == [1, *[-1] * 9]
    assert [told["verdicts"][code] for code in columns["verdict"][:2]] == ["accepted", "too easy"]
    assert told["retired"] == {"world": [0], "cycle": [1]}
    again = get(client, "/runs/a/lineage", after=told["cursor"])
    assert (again["columns"]["id"], again["retired"]["world"], again["reset"]) == ([], [], False)
    assert get(client, "/runs/a/lineage", after="9-0-0-0")["reset"]
    first = get(client, "/runs/a/lineage", limit=4)
    rest = get(client, "/runs/a/lineage", after=first["cursor"])
    assert first["columns"]["id"] + rest["columns"]["id"] == [*range(10)]
    assert (first["is_more"], rest["is_more"]) == (True, False)


def test_lineage_has_every_accepted_world_however_many_were_rejected_before(client):
    first = get(client, "/runs/a/lineage", accepted=True, limit=3)
    assert (first["columns"]["id"], first["is_more"]) == ([0, 2, 4], True)
    rest = get(client, "/runs/a/lineage", accepted=True, limit=3, after=first["cursor"])
    assert (rest["columns"]["id"], rest["is_more"]) == ([6, 8], False)
    assert rest["cursor"] == get(client, "/runs/a")["cursors"]["worlds"], "also past the last one"
    assert len(read_csv(client, "/runs/a/lineage", limit=3)) == 1 + 10


def test_retention_is_a_matrix_of_time_and_worlds(client):
    told = get(client, "/runs/a/retention")
    assert told["solved"] == [[0.5, None], [0.75, 0.25]]
    assert (told["world"], told["cycle"], told["left"]) == ([0, 2], [0, 1], [1, None])
    assert told["untrained"] == [0.1, 0.0]


def test_safety_tells_incidents_and_what_the_ledger_says(client):
    told = get(client, "/runs/a/safety")
    assert [check["world"] for check in told["honeypots"]] == [4, 6]
    assert [check["world"] for check in told["incidents"]] == [4]
    assert [event["kind"] for event in told["events"]] == ["incident"]


@pytest.mark.parametrize(
    ("config", "margin"),
    [
        ({"curriculum": {"honeypot_margin": 0.2}}, 0.2),
        ({"curriculum": {"honeypot_margin": "much"}}, None),
        ({"curriculum": None}, None),
        ([], None),
    ],
)
def test_safety_tells_when_a_honeypot_counts_as_hacked(scratch, config, margin):
    folder, client = scratch
    run = folder / "ruled"
    run.mkdir(exist_ok=True)
    (run / "config.json").write_text(json.dumps(config))
    assert get(client, "/runs/ruled/safety")["rule"] == {"least": honeypot.HIGH, "margin": margin}


@pytest.mark.parametrize(
    ("kind", "is_told"),
    [("worlds", True), ("put aside", True), ("levels", True), ("cycle", False), ("saved", False)],
)
def test_safety_tells_every_trouble_that_the_ledger_tells(tmp_path, kind, is_told):
    client = Client(make_app(tmp_path, make_policy("127.0.0.1", None)))
    run = make_run(tmp_path / "troubled")
    with Ledger(run / "ledger.sqlite") as ledger:
        ledger.append(kind, {"trouble": "None of the 8 candidates entered the pool."})
    events = get(client, "/runs/troubled/safety")["events"]
    assert (kind in [event["kind"] for event in events]) == is_told


SCORES = {
    "solve_rate": 0.5,
    "low": None,
    "high": None,
    "cvar_10": 0,
    "cvar_10_held": None,
    "return_mean": 1.5,
    "iqm": 0.4,
}
SUITE = {"suite": "s", "suite_hash": "ab", "step_limit": None, "levels": 2, "episodes": 4}


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        ({"suite_hash": ...}, "suite_hash"),
        ({"suite": 7}, "suite"),
        ({"levels": "two"}, "levels"),
        ({"policies": []}, "policies"),
        ({"policies": {"trained": None}}, "policies.trained"),
        ({"policies": {"trained": SCORES | {"low": "0.1"}}}, "policies.trained.low"),
        ({"policies": {"trained": {"solve_rate": 0.5}}}, "policies.trained.low"),
    ],
)
def test_result_that_does_not_fit_is_left_out_and_said(tmp_path, damage, where):
    client = Client(make_app(tmp_path, make_policy("127.0.0.1", None)))
    good = SUITE | {"policies": {"trained": SCORES | {"by_level": {"solve_rate": [0, 1]}}}}
    bad = {name: value for name, value in (good | damage).items() if value is not ...}
    run = make_run(tmp_path / "judged")
    (run / "evaluation.json").write_text(json.dumps([good, bad, good]))
    told = get(client, "/runs/judged/evaluation")
    assert told["suites"] == [SUITE | {"policies": {"trained": SCORES}}] * 2
    (left_out,) = told["left_out"]
    assert left_out["where"].startswith(f"evaluation.json.1.{where}")
    lines = client.get(f"{API}/runs/judged/evaluation", params={"format": "csv"}).text.splitlines()
    assert len(lines) == 3


def test_run_that_was_not_evaluated_has_nothing_left_out(scratch):
    folder, client = scratch
    (make_run(folder / "unjudged") / "evaluation.json").unlink()
    assert get(client, "/runs/unjudged/evaluation") == {"suites": [], "left_out": []}


def test_events_go_on_from_a_cursor(client):
    told = get(client, "/runs/a/events")
    assert [event["kind"] for event in told["events"]] == ["started", "incident"]
    assert get(client, "/runs/a/events", after="1")["events"] == told["events"][1:]
    assert get(client, "/runs/a/events", after="9")["reset"]


def test_runs_are_compared_by_group_with_intervals_and_differing_settings(client):
    told = get(client, "/compare", runs=["a", "b", "c"], names="loss_value", points=5)
    assert [group["runs"] for group in told["groups"]] == [["a", "b"], ["c"]]
    band = told["groups"][0]["series"]["loss_value"]
    assert band["mean"][0] == band["low"][0] == band["high"][0] == 1.0  # both runs are the same
    assert told["groups"][1]["series"]["loss_value"]["low"][0] is None
    assert {setting["name"] for setting in told["settings"]} == {"seed", "batch"}
    assert told["settings"][0]["values"] == {"a": 256, "b": 256, "c": 512}


def test_run_with_a_comma_in_its_name_is_compared(scratch):
    folder, client = scratch
    for name in ("one", "two, later"):
        make_run(folder / name)
    told = get(client, "/compare", runs=["one", "two, later"])
    assert [group["runs"] for group in told["groups"]] == [["one", "two, later"]]


@pytest.mark.parametrize(
    ("path", "head"),
    [
        ("/runs/a/metrics", "frames"),
        ("/runs/a/worlds", "id"),
        ("/runs/a/worlds/2", "cycle"),
        ("/runs/a/lineage", "id"),
        ("/runs/a/retention", "cycle"),
        ("/runs/a/evaluation", "suite"),
        ("/compare?runs=a&runs=b", "group"),
    ],
)
def test_data_of_charts_comes_as_csv(client, path, head):
    path, _, query = path.partition("?")
    table = read_csv(client, path, **urllib.parse.parse_qs(query))
    assert table[0][0].split(" [")[0] == head
    assert len({len(row) for row in table}) == 1
    assert len(table) > 1


def test_csv_of_worlds_has_all_pages_in_the_order_that_is_shown(client):
    asked = {"sort": "id", "order": "asc", "verdict": "accepted"}
    shown = get(client, "/runs/a/worlds", **asked)["worlds"]
    assert len(shown) > 2
    head, *table = read_csv(client, "/runs/a/worlds", **asked, page=1, size=2)
    names = [name.split(" [")[0] for name in head]
    for name in ("id", "children", "episodes"):
        assert [int(row[names.index(name)]) for row in table] == [one[name] for one in shown]


def test_csv_of_an_evaluation_says_units(client):
    head = read_csv(client, "/runs/a/evaluation")[0]
    assert head[3:6] == ["solve_rate [share]", "low [share]", "high [share]"]


def test_csv_of_metrics_has_every_row_of_the_range_and_says_units(scratch):
    folder, client = scratch
    run = make_run(folder / "long")
    add_rows(run, range(20, 3_020))
    rows = lines(run / "metrics.jsonl")
    head, *table = read_csv(client, "/runs/long/metrics", names="solve_rate,no_such")
    assert head[0] == "frames [env steps]"
    assert head[-2:] == ["solve_rate [share]", "no_such"]
    assert [int(row[0]) for row in table] == [row["frames"] for row in rows]
    low, high = rows[10]["frames"], rows[2_000]["frames"]
    shown = read_csv(client, "/runs/long/metrics", **{"from": low, "to": high})[1:]
    assert [int(row[0]) for row in shown] == [row["frames"] for row in rows[10:2_001]]


def test_act_is_a_record_in_the_run_and_its_outcome_is_told(scratch):
    folder, client = scratch
    run = make_run(folder / "steered")
    path = f"{API}/runs/steered/control"
    assert client.post(path, json={"act": "pause"}).status_code == 409, "no process is there"
    beat(run)
    answer = client.post(path, json={"act": "pause", "by": "Ada"})
    assert answer.status_code == 201
    act = ControlAct.model_validate(lines(run / "control.jsonl")[0])
    assert (act.act, act.by, act.model_dump()) == ("pause", "Ada", answer.json())
    assert get(client, "/runs/steered/acts")["control"][0]["state"] == "waiting"
    with Ledger(run / "ledger.sqlite") as ledger:
        ledger.append("act", {"id": act.id, "act": "pause"})
    told = get(client, "/runs/steered/acts")["control"][0]
    assert (told["state"], told["outcome"]["kind"]) == ("done", "act")


def test_candidate_is_checked_before_it_is_put_forward(scratch):
    folder, client = scratch
    run = make_run(folder / "judged")
    beat(run)
    path = f"{API}/runs/judged/candidates"
    answer = client.post(path, json={"level": "bad"})
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["where"] == "body.level, line 1, column 2"
    assert client.post(path, json={"level": ">G", "genome": GENOME + "1"}).status_code == 422
    assert not (run / "candidates.jsonl").exists()
    assert client.post(path, json={"level": ">G", "note": "door"}).status_code == 201
    assert client.post(path, json={"genome": GENOME + "1"}).status_code == 201
    acts = [CandidateAct.model_validate(line) for line in lines(run / "candidates.jsonl")]
    assert [(act.level, act.genome) for act in acts] == [(">G", None), (None, GENOME + "1")]


def test_feedback_is_kept_with_its_reason_and_shown_at_the_world(client, runs):
    path = f"{API}/runs/b/feedback"
    like = {"about": "world", "world": 2, "opinion": "like", "reason": "a fair puzzle"}
    assert client.post(path, json=like).status_code == 201
    behaviour = {"about": "behaviour", "world": 2, "episode": 1, "opinion": "dislike"}
    assert client.post(path, json=behaviour).status_code == 201
    assert client.post(path, json=behaviour | {"world": 4}).status_code == 422
    assert client.post(path, json=behaviour | {"episode": None}).status_code == 422
    assert client.post(path, json=like | {"world": 99}).status_code == 404
    kept = [FeedbackAct.model_validate(line) for line in lines(runs / "b" / "feedback.jsonl")]
    assert [act.opinion for act in kept] == ["like", "dislike"]
    told = get(client, "/runs/b/worlds/2")["feedback"]
    assert [act["reason"] for act in told] == ["a fair puzzle", ""]


def test_so_many_candidates_wait_and_more_are_refused_until_the_run_answers(scratch):
    folder, client = scratch
    run = make_run(folder / "crowded")
    beat(run)
    (run / "candidates.jsonl").write_text('{"id": "foreign"}\n' * 100)
    path, world = f"{API}/runs/crowded/candidates", {"genome": GENOME + "1"}
    asked = [client.post(path, json=world) for _ in range(MOST_CANDIDATES + 1)]
    assert {answer.status_code for answer in asked[:-1]} == {201}
    assert asked[-1].status_code == 429
    assert "64 wait for the run already" in asked[-1].json()["error"]["message"]
    assert len(lines(run / "candidates.jsonl")) == 100 + MOST_CANDIDATES
    with Ledger(run / "ledger.sqlite") as ledger:
        ledger.append("candidate", {"id": asked[3].json()["id"], "verdict": "accepted"})
    assert [client.post(path, json=world).status_code for _ in range(2)] == [201, 429]


def test_outcome_of_an_act_is_what_the_ledger_says_whoever_asks(scratch):
    folder, client = scratch
    run = make_run(folder / "answered")
    beat(run)
    acts = [
        client.post(f"{API}/runs/answered/control", json={"act": act}).json()["id"]
        for act in ("pause", "resume", "save")
    ]
    with Ledger(run / "ledger.sqlite") as ledger:
        ledger.append("act refused", {"id": acts[0], "reason": "superseded by the resume"})
        ledger.append("act", {"id": acts[1], "act": "resume"})
    (run / "status.json").unlink()  # killed
    fresh = Client(make_app(folder, make_policy("127.0.0.1", None)))
    for one in (client, fresh):
        told = get(one, "/runs/answered/acts")["control"]
        assert [act["state"] for act in told] == ["refused", "done", "waiting"]
        assert [act["outcome"] and act["outcome"]["payload"]["id"] for act in told] == [
            *acts[:2],
            None,
        ]
    (run / "ledger.sqlite").write_text("no ledger")
    assert client.get(f"{API}/runs/answered/acts").status_code == 409


def test_act_after_a_torn_line_is_a_line_of_its_own(scratch):
    folder, client = scratch
    run = make_run(folder / "torn")
    beat(run)
    (run / "control.jsonl").write_text('{"act": "pau')
    assert client.post(f"{API}/runs/torn/control", json={"act": "save"}).status_code == 201
    assert json.loads((run / "control.jsonl").read_text().splitlines()[1])["act"] == "save"
    assert [act["act"] for act in get(client, "/runs/torn/acts")["control"]] == ["save"]


def test_levels_are_drawn_checked_and_played_by_the_workshop(client):
    told = get(client, "/runs/a/levels", ids="2,99,2")
    assert [level["id"] for level in told["levels"]] == [2]
    assert told["missing"] == [99]
    assert get(client, "/runs/a/worlds/2/oracle")["solvable"]
    assert get(client, "/runs/a/worlds/2/genome")["genome"] == GENOME + "2"
    bad = client.post(f"{API}/check", json={"level": "bad"}).json()
    assert (bad["is_valid"], bad["problem"]["column"]) == (False, 2)
    played = client.post(f"{API}/play", json={"run": "a", "world": 2, "keys": "F"}).json()
    assert played["outcome"] == "solved in 1 step"
    answer = client.post(f"{API}/play", json={"level": ">G", "keys": "U"})
    assert answer.status_code == 422
    assert get(client, "/vocabulary")["agents"] == ">v<^"


def test_workshop_that_fails_is_told_and_started_anew(runs):
    fails = WorkshopClient(("no-such-program",))
    app = make_app(runs, make_policy("127.0.0.1", None), workshop=fails)
    client = Client(app)
    answer = client.get(f"{API}/vocabulary")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"
    assert client.get("/readyz").json()["worker"] == "failed"


def test_server_says_how_it_is_and_prometheus_reads_it(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["runs"] == 3
    assert get(client, "/about")["needs_token"] is False
    text = client.get("/metrics").text
    assert 'alpha_factory_run_frames{run="a"} 190' in text
    assert "# TYPE alpha_factory_run_frames gauge" in text


def test_folder_that_is_gone_is_not_ready(tmp_path):
    client = Client(make_app(tmp_path / "gone", make_policy("127.0.0.1", None)))
    assert client.get("/readyz").status_code == 503
    assert get(client, "/runs") == {"runs": []}


def test_page_is_served_from_the_package_and_its_absence_is_told(runs, tmp_path):
    policy = make_policy("127.0.0.1", None)
    bare = Client(make_app(runs, policy, static=tmp_path / "none"))
    answer = bare.get("/")
    assert answer.status_code == 503
    assert "was not built" in answer.text
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>page</title>")
    (tmp_path / "assets" / "app-1.js").write_text("let x")
    (tmp_path / "assets" / "app-1.js.gz").write_bytes(gzip.compress(b"packed"))
    page = Client(make_app(runs, policy, static=tmp_path))
    assert page.get("/runs/a/worlds/2").text == "<title>page</title>", "a deep link"
    plain = page.get("/assets/app-1.js", headers={"accept-encoding": "br"})
    assert (plain.text, plain.headers["cache-control"].split()[-1]) == ("let x", "immutable")
    packed = page.get("/assets/app-1.js", headers={"accept-encoding": "gzip, br"})
    assert (packed.text, packed.headers["content-encoding"]) == ("packed", "gzip")
    assert page.get("/assets/other.js").status_code == 404
    assert page.get(f"{API}/other").json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("metrics.jsonl", '{"frames": 9, "values": [1]}'),
        ("metrics.jsonl", '{"frames": "many", "solve_rate": {}, "values": {"pool": "x"}}'),
        ("metrics.jsonl", '{"frames": 1e999, "values": {"pool": 1e999}}'),
        ("metrics.jsonl", "[" * 200_000),
        ("config.json", "[" * 200_000),
        ("control.jsonl", "[" * 200_000),
        ("status.json", "[" * 200_000),
    ],
)
def test_odd_row_of_one_run_leaves_the_others_as_they_are(tmp_path, name, line):
    make_run(tmp_path / "good")
    odd = make_run(tmp_path / "odd", rows=0)
    (odd / name).write_text(line + "\n")
    client = Client(make_app(tmp_path, make_policy("127.0.0.1", None)))
    told = {run["name"]: run for run in get(client, "/runs")["runs"]}
    assert (told["good"]["frames"], {*told}) == (190, {"good", "odd"})
    assert 'run_frames{run="good"} 190' in client.get("/metrics").text
    assert client.get(f"{API}/runs/odd").status_code == 200
    assert client.get(f"{API}/runs/odd/metrics").status_code == 200
    assert client.get(f"{API}/runs/odd/acts").status_code == 200


def test_run_whose_summary_fails_is_listed_with_the_reason(tmp_path, monkeypatch):
    make_run(tmp_path / "good")
    make_run(tmp_path / "odd")
    find_end = summary.find_end

    def fail(run):
        if run.name == "odd":
            raise TypeError("nobody thought of that")
        return find_end(run)

    monkeypatch.setattr(summary, "find_end", fail)
    client = Client(make_app(tmp_path, make_policy("127.0.0.1", None)))
    told = {run["name"]: run for run in get(client, "/runs")["runs"]}
    assert (told["good"]["error"], told["good"]["frames"]) == (None, 190)
    assert "nobody thought of that" in told["odd"]["error"]


def test_damaged_files_are_told_or_passed_over(scratch):
    folder, client = scratch
    run = make_run(folder / "damaged", rows=2)
    with (run / "metrics.jsonl").open("a") as file:
        file.write('nonsense\n{"frames": 50, "values": {"x": NaN}}\n{"frames": 6')
    (run / "worlds.sqlite").write_bytes(b"not a database, whatever its name says" * 9)
    (run / "evaluation.json").write_text("[1, {")
    (run / "status.json").write_text('{"state": "asleep"}')
    assert get(client, "/runs/damaged/metrics")["columns"]["frames"] == [0, 10, 50]
    assert get(client, "/runs/damaged")["frames"] == 50
    evaluation = get(client, "/runs/damaged/evaluation")
    assert evaluation["suites"] == []
    assert evaluation["left_out"][0]["where"] == "evaluation.json.0"
    answer = client.get(f"{API}/runs/damaged/worlds")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
