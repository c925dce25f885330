import dataclasses
import importlib
import json
from typing import NamedTuple

import jax
import jax.numpy as jnp
import pytest

from alpha_factory.core.errors import OutOfMemory, UsageError
from alpha_factory.runs.bench import Peer, Sizes, Turn, bench_stage, loop, measure
from alpha_factory.runs.bench.measure import Case, Timing
from alpha_factory.runs.bench.revision import find_revision
from alpha_factory.runs.settings.config import LevelsConfig, PpoConfig, RunConfig
from runs.shortage import fall_short

pytestmark = pytest.mark.usefixtures("quick_compilation")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FIELDS = {
    "name",
    "rate",
    "unit",
    "rate_per_cpu_s",
    "median_s",
    "min_s",
    "max_s",
    "repeats",
    "shape",
}
NAMES = {
    "worlds": ["maze", "maze-pack", "full", "pixels"],
    "search": ["puct", "puct-null", "gumbel", "gumbel-null", "network"],
    "learn": ["update", "sequences", "sample", "insert"],
    "loop": ["loop", "worlds", "search", "learn"],
    "cartpole": ["cartpole", "cartpole-act"],
    "rounds": ["robust-plr", "accel"],
}
_CARTPOLE = {"simulations": 2, "worlds": 1, "steps": 6, "batch": 7}
_ROUNDS = {"lanes": 2, "steps": 4, "epochs": 1, "width": 4}
_SEARCH = {"batch": 2, "simulations": 4, "searches": 2}
PEERS_ASKED = {
    "worlds": [("maze", {"worlds": 4, "steps": 4, "rounds": 3})],
    "search": [(name, _SEARCH) for name in NAMES["search"] if name != "network"],
    "rounds": [
        ("robust-plr", _ROUNDS | {"rounds": 10, "practised": 8}),
        ("accel", _ROUNDS | {"rounds": 9, "practised": 4}),
    ],
    "cartpole": [
        ("cartpole", _CARTPOLE | {"updates": 5}),
        ("cartpole-act", _CARTPOLE | {"updates": 0}),
    ],
}


def _stay(fixed: None, carry: None) -> None:
    return carry


@pytest.fixture
def tiny():
    demo = RunConfig()
    config = dataclasses.replace(
        demo,
        network=dataclasses.replace(demo.network, widths=(8,), latent=8, head=8),
        search=dataclasses.replace(demo.search, simulations=2),
        learning=dataclasses.replace(
            demo.learning, worlds=4, steps=12, updates=1, batch=4, replay_slots=48
        ),
        curriculum=dataclasses.replace(demo.curriculum, slots=8, iterations=2),
        ppo=PpoConfig(memory="lstm", width=4, embed=4, head=4, epochs=1),
        levels=LevelsConfig(lanes=2, steps=4, step_limit=3, slots=4),
    )
    return Sizes(
        worlds=4,
        steps=4,
        rollouts=2,
        peer_rollouts=3,
        pixel_worlds=2,
        pixel_steps=2,
        batches=(2,),
        simulations=4,
        positions=4,
        updates=2,
        config=config,
        cartpole=config,
        iterations=2,
        peer_steps=6,
        peer_updates=5,
        peer_batch=7,
    )


class Asked(NamedTuple):
    """A peer that takes a second more at every measurement, and remembers what it was asked."""

    peer: Peer
    questions: list[tuple[str, dict[str, int]]]


def make_peer() -> Asked:
    questions: list[tuple[str, dict[str, int]]] = []

    def measure(result, shape):
        questions.append((result, shape))
        return Turn(wall_s=float(len(questions)), cpu_s=2.0 * len(questions), work=48.0)

    return Asked(Peer("other", "1.2.3", "0.4.35", measure), questions)


@pytest.mark.implicit_promotion
@pytest.mark.parametrize("stage", NAMES)
def test_bench_stage_prints_the_promised_fields(stage, tiny):
    asked = make_peer()
    peer = asked.peer if stage in PEERS_ASKED else None
    measured = bench_stage(stage, 2, tiny, peer)
    assert measured.keys() >= {"stage", "commit", "device", "jax", "compile_s", "results"}
    assert measured["stage"] == stage
    assert measured["compile_s"] > 0.0
    assert [result["name"] for result in measured["results"]] == NAMES[stage]
    for result in measured["results"]:
        assert result.keys() == FIELDS
        assert result["repeats"] == 2
        assert 0.0 < result["min_s"] <= result["median_s"] <= result["max_s"]
        assert all(isinstance(size, int) for size in result["shape"].values())
    assert json.loads(json.dumps(measured)) == measured
    if stage == "loop":
        assert list(measured["share"]) == ["worlds", "search", "learn", "other"]
        # What the stretch holds, not the process: that has a few hundred MiB of programs alone.
        assert 0.0 < measured["memory_gb"] * 2**30 < 2**25
        assert ("device_peak_gb" in measured) == bool(jax.devices()[0].memory_stats())
        assert [result["unit"] for result in measured["results"]] == [
            "frames/s",
            "rows/s",
            "simulations/s",
            "sequences/s",
        ]
        # 2 iterations of 12 steps in 4 worlds, 2 simulations each, and a batch of 4.
        for result, work in zip(measured["results"][1:], (96, 192, 8), strict=True):
            assert result["rate"] * result["min_s"] <= work * 1.001
            assert result["rate"] * result["max_s"] >= work * 0.999
        # 2 iterations learn from 1 batch of 4 sequences each and collect at most 2 * 12 * 4 frames.
        assert 8 / 96 <= measured["replay_ratio"] <= 8 / 48
    if stage == "cartpole":
        sizes = {"simulations": 2, "worlds": 4, "steps": 12, "iterations": 2, "batch": 4}
        shapes = [result["shape"] for result in measured["results"]]
        assert shapes == [sizes | {"updates": 1}, sizes | {"updates": 0}]
        assert 8 / 96 <= measured["replay_ratio"] <= 8 / 48
        # 2 iterations collect at most 2 * 12 * 4 frames, in no less and no more than these times.
        for result in measured["results"]:
            assert result["rate"] * result["min_s"] <= 96.5
            assert result["rate"] * result["max_s"] >= 48
    if stage == "rounds":
        assert measured["practised"] == {"robust-plr": 0.8, "accel": 4 / 9}
        assert measured["memory"] == "lstm"
    if stage == "search":
        assert [(part["name"], part["batch"]) for part in measured["parts"]] == [
            ("puct", 2),
            ("gumbel", 2),
        ]
        for part in measured["parts"]:
            assert part["network_of_matmul"] > 0.0
            assert part["tree"] > 0.0
            assert part["rest"] == max(0.0, 1.0 - part["network"] - part["tree"])
    if peer:
        told = [(result["name"], result["shape"]) for result in measured["peer"]["results"]]
        assert told == PEERS_ASKED[stage]
        assert asked.questions == told * 3  # once unmeasured


def test_bench_stage_says_which_have_peers():
    with pytest.raises(
        UsageError, match=r"learn has no peers; worlds, search, cartpole and rounds have\."
    ):
        bench_stage("learn", 1, peer=make_peer().peer)


def test_bench_compares_memories_of_one_kind_alone(tiny):
    ppo = dataclasses.replace(tiny.config.ppo, memory="s5")
    sizes = dataclasses.replace(tiny, config=dataclasses.replace(tiny.config, ppo=ppo))
    with pytest.raises(
        UsageError, match=r"an LSTM, and ppo\.memory is s5: set it to lstm, or leave"
    ):
        bench_stage("rounds", 1, sizes, make_peer().peer)


@pytest.mark.implicit_promotion
def test_bench_of_a_task_that_does_not_fit_names_the_setting_to_lower(tiny):
    learning = dataclasses.replace(tiny.config.learning, replay_slots=12 * 2**40)  # petabytes
    sizes = dataclasses.replace(tiny, cartpole=dataclasses.replace(tiny.config, learning=learning))
    with pytest.raises(OutOfMemory, match=r"'begin'.*replay: lower learning\.replay_slots"):
        bench_stage("cartpole", 1, sizes)


@pytest.mark.implicit_promotion
@pytest.mark.parametrize("stage", ["learn", "loop", "cartpole"])
def test_bench_that_does_not_fit_counts_its_copies(stage, tiny, monkeypatch):
    module = importlib.import_module(f"alpha_factory.runs.bench.{stage}")
    monkeypatch.setattr(module, "compile_step" if stage == "cartpole" else "prepare", fall_short)
    told = f"too small for 'bench {stage}'.*counted 3 times: each measurement has its own"
    with pytest.raises(OutOfMemory, match=told):
        bench_stage(stage, 1, tiny)


@pytest.mark.parametrize("stage", ["learn", "loop"])
def test_bench_of_another_learner_names_what_measures_it(tiny, stage):
    sizes = dataclasses.replace(tiny, config=dataclasses.replace(tiny.config, learner="ppo"))
    with pytest.raises(UsageError, match=r"learner=ppo .* not measured here.*bench rounds"):
        bench_stage(stage, 1, sizes)


def test_bench_stage_lists_stages_when_unknown():
    with pytest.raises(
        UsageError, match=r"Did you mean 'worlds'.*cartpole, learn, loop, rounds, search, worlds"
    ):
        bench_stage("world", 1)


def test_rates_are_medians_over_the_repeats():
    case = Case("walk", "frames/s", {"worlds": 3}, _stay, None, None, lambda _: 12.0)
    timing = Timing(wall_s=[2.0, 3.0, 6.0], cpu_s=[4.0, 4.0, 12.0], work=[12.0, 12.0, 12.0])
    assert measure.to_result(case, timing) == {
        "name": "walk",
        "rate": 4.0,
        "unit": "frames/s",
        "rate_per_cpu_s": 3.0,
        "median_s": 3.0,
        "min_s": 2.0,
        "max_s": 6.0,
        "repeats": 3,
        "shape": {"worlds": 3},
    }


def test_rate_is_missing_when_the_clock_did_not_move():
    case = Case("walk", "frames/s", {}, _stay, None, None, lambda _: 12.0)
    result = measure.to_result(case, Timing(wall_s=[2.0], cpu_s=[0.0], work=[12.0]))
    assert result["rate"] == 6.0
    assert result["rate_per_cpu_s"] is None


def test_time_in_turns_measures_every_case_after_one_call_more():
    called = []

    def make(name: str) -> Case:
        def step(fixed: int, carry: int) -> int:
            called.append(name)
            return carry + fixed

        return Case(name, "", {}, step, 1, 0, float)

    def other() -> Turn:
        called.append("other")
        return Turn(1.0, 2.0, float(len(called)))

    timings = measure.time_in_turns([make("a"), make("b")], 2, [other])
    assert called == ["a", "b", "other", "a", "b", "other", "a", "b", "other"]
    # The work of a call is read from the carry that it returned; the first call is left out.
    assert [timing.work for timing in timings] == [[2.0, 3.0], [2.0, 3.0], [6.0, 9.0]]
    assert timings[-1].cpu_s == [2.0, 2.0]


def test_compile_step_keeps_the_fixed_part_and_takes_the_carry():
    fixed, carry = jnp.float32(3.0), jnp.float32(2.0)
    step, seconds = measure.compile_step(lambda fixed, carry: fixed * carry, fixed, carry)
    assert seconds > 0.0
    assert float(step(fixed, step(fixed, carry))) == 18.0
    assert carry.is_deleted()


def test_shares_compare_turn_with_turn_and_leave_the_rest_to_other():
    whole = Timing([10.0, 20.0], [], [])
    parts = {"worlds": Timing([1.0, 2.0], [], []), "learn": Timing([5.0, 10.0], [], [])}
    found = loop.share_time(whole, parts)
    assert found["share"] == pytest.approx({"worlds": 0.1, "learn": 0.5, "other": 0.4})
    assert found["share_excess"] == 0.0


def test_shares_say_by_how_much_the_parts_exceed_the_whole():
    parts = {"worlds": Timing([6.0], [], []), "learn": Timing([7.0], [], [])}
    found = loop.share_time(Timing([10.0], [], []), parts)
    assert found["share"] == pytest.approx({"worlds": 0.6, "learn": 0.7, "other": 0.0})
    assert found["share_excess"] == pytest.approx(0.3)


@pytest.fixture
def checkout(tmp_path):
    package = tmp_path / "src" / "alpha_factory"
    package.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return tmp_path


def test_revision_is_read_from_a_branch(checkout):
    branch = checkout / ".git" / "refs" / "heads" / "main"
    branch.parent.mkdir(parents=True)
    branch.write_text(f"{COMMIT}\n")
    assert find_revision(checkout / "src" / "alpha_factory") == COMMIT


def test_revision_is_read_from_packed_branches(checkout):
    (checkout / ".git" / "packed-refs").write_text(
        f"# pack-refs with: peeled\n{COMMIT[::-1]} refs/heads/main2\n{COMMIT} refs/heads/main\n"
    )
    assert find_revision(checkout / "src" / "alpha_factory") == COMMIT


def test_revision_is_read_from_a_detached_head(checkout):
    (checkout / ".git" / "HEAD").write_text(f"{COMMIT}\n")
    assert find_revision(checkout / "src" / "alpha_factory") == COMMIT


def test_revision_is_read_from_a_linked_worktree(checkout):
    linked = checkout / "linked"
    (linked / "src" / "alpha_factory").mkdir(parents=True)
    folder = checkout / ".git" / "worktrees" / "linked"
    folder.mkdir(parents=True)
    (linked / ".git").write_text(f"gitdir: {folder}\n")
    (folder / "HEAD").write_text("ref: refs/heads/other\n")
    (folder / "commondir").write_text("../..\n")
    (checkout / ".git" / "packed-refs").write_text(f"{COMMIT} refs/heads/other\n")
    assert find_revision(linked / "src" / "alpha_factory") == COMMIT


def test_revision_is_the_version_when_there_is_no_checkout(tmp_path):
    package = tmp_path / "site-packages" / "alpha_factory"
    package.mkdir(parents=True)
    assert find_revision(package) == find_revision(tmp_path / "src" / "alpha_factory")
