"""Selectors of levels, round after round, against slow machines that keep lists. Levels are numbers here."""

import math
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from alpha_factory.core.errors import UsageError
from alpha_factory.curriculum import Findings, Ground, Wishes, settle_wishes
from alpha_factory.curriculum.buffer import Visit
from alpha_factory.methods import accel, dr, mna, plr, sfl
from reference.buffer import Buffer

pytestmark = pytest.mark.usefixtures("quick_compilation")

LANES, CHILD = 3, 1000


def draw(*, key, walls, generator):
    """Levels 0 to 39, or 100 on from the other generator."""
    first = 100 if generator == "empty" else 0
    return {"mark": first + jax.random.randint(key, (), 0, 40 + 0 * walls)}


def edit(level, *, edits, key):
    del key
    return {"mark": level["mark"] + CHILD * edits}


GROUND = Ground(LANES, draw, edit)
SMALL = Wishes(
    slots=8, replay=0.6, fill=0.5, temperature=0.5, staleness=0.3, edits=1, parents=2, walls=1
)


def compile_selector(selector):
    """Its functions, compiled for little work."""
    return selector._replace(choose=jax.jit(selector.choose), take=jax.jit(selector.take))


def find(source, lanes=LANES):
    """Findings as a rollout might bring them; some scores are no numbers."""
    score = source.integers(0, 6, lanes) / 4
    score = np.where(source.random(lanes) < 0.1, np.nan, score)
    visit = Visit(
        jnp.asarray(score, jnp.float32),
        jnp.asarray(source.choice([-math.inf, 0.0, 1.0], lanes), jnp.float32),
        jnp.asarray(source.random(lanes) < 0.5),
    )
    rest = [jnp.asarray(source.integers(0, 9, lanes) / 8, jnp.float32) for _ in range(2)]
    return Findings(visit, *rest)


def rows_of(findings):
    visit = findings.visit
    return zip(
        *(leaf.tolist() for leaf in (visit.score, visit.max_return, visit.is_solved)), strict=True
    )


def check_buffer(buffer, slow):
    """The buffer holds what the list does."""
    size = int(buffer.size)
    columns = (
        buffer.level["mark"],
        buffer.score,
        buffer.seen_at,
        buffer.max_return,
        buffer.is_solved,
    )
    names = ("level", "score", "seen_at", "max_return", "is_solved")
    held = [tuple(one[name] for name in names) for one in slow.kept]
    assert [*zip(*(column[:size].tolist() for column in columns), strict=True)] == held
    assert int(buffer.clock) == slow.clock


@pytest.mark.parametrize(("by", "sign"), [("easy", -1), ("hard", 1)])
def test_accel_is_the_slow_machine_round_after_round(by, sign):
    """Fresh until the buffer is half full, then replays now and then, each with a round on children after it."""
    selector = compile_selector(accel.make_accel(GROUND, SMALL._replace(parents_by=by)))
    slow = Buffer(8, "rank", 0.5, 0.3)
    state, source = selector.begin(key=jax.random.key(0)), np.random.default_rng(0)
    parents, kinds = None, []
    for turn in range(120):
        is_ready = len(slow.kept) >= 4
        state, choice = selector.choose(state, key=jax.random.key(turn))
        marks, slots = choice.level["mark"].tolist(), choice.slot.tolist()
        if parents is not None:
            kind = "edit"
            assert marks == [parent + CHILD for parent in parents]
        elif slots[0] >= 0:
            kind = "replay"
            assert is_ready
            assert marks == [slow.kept[slot]["level"] for slot in slots]
            assert choice.max_return.tolist() == [slow.kept[slot]["max_return"] for slot in slots]
            slow.visit(slots)
        else:
            kind = "fresh"
            assert all(100 <= mark < 140 for mark in marks), "empty rooms, as published"
        if kind != "replay":
            assert slots == [-1] * LANES
            known = {one["level"]: one["max_return"] for one in slow.kept}
            assert choice.max_return.tolist() == [known.get(mark, -math.inf) for mark in marks]
        assert bool(choice.is_practised) == (kind == "replay")
        kinds.append((kind, is_ready))

        findings = find(source)
        state = selector.take(state, choice, findings)
        rows = [*rows_of(findings)]
        if kind == "replay":
            slow.update([(slot, *row) for slot, row in zip(slots, rows, strict=True)])
            margin = (findings.mean_return - findings.value_loss).tolist()
            chosen = sorted(range(LANES), key=lambda lane: sign * margin[lane])[:2]
            parents = [marks[chosen[lane % 2]] for lane in range(LANES)]
        else:
            slow.insert([(mark, *row) for mark, row in zip(marks, rows, strict=True)])
            parents = None
        check_buffer(state.buffer, slow)
    free = [kind for kind, is_ready in kinds if is_ready and kind != "edit"]
    assert {kind for kind, _ in kinds} == {"fresh", "replay", "edit"}
    assert stats.binomtest(free.count("replay"), len(free), 0.6).pvalue > 1e-3
    told = selector.tell(state)
    scores = [one["score"] for one in slow.kept]
    assert float(told["buffer"]) == len(scores)
    assert float(told["buffer_score"]) == pytest.approx(np.mean(scores))
    assert [float(told[f"buffer_score_{end}"]) for end in ("low", "high")] == [
        min(scores),
        max(scores),
    ]


def test_accel_edits_the_easy_end_unless_asked_otherwise():
    assert accel.PUBLISHED.parents_by == "easy"


def test_accel_refuses_a_number_of_parents_where_all_are_edited():
    with pytest.raises(
        UsageError, match=r"levels\.parents=2 is not used with levels\.parents_by=all"
    ):
        accel.make_accel(GROUND, Wishes(parents_by="all", parents=2))
    accel.make_accel(GROUND, Wishes(parents_by="all"))


@pytest.mark.parametrize(
    ("make", "on_fresh", "on_replays", "score"),
    [
        (plr.make_plr, True, True, "pvl"),
        (plr.make_robust_plr, False, True, "pvl"),
        (mna.make_mna, False, True, "mna"),
    ],
)
def test_robust_methods_learn_from_replays_alone(make, on_fresh, on_replays, score):
    selector = make(GROUND, SMALL._replace(replay=1.0))
    assert selector.score == score
    choose = jax.jit(selector.choose)
    state = selector.begin(key=jax.random.key(0))
    _, fresh = choose(state, key=jax.random.key(0))
    assert bool(fresh.is_practised) == on_fresh
    assert fresh.slot.tolist() == [-1] * LANES
    full = eqx.tree_at(lambda tree: tree.buffer.size, state, jnp.int32(8))
    _, replayed = choose(full, key=jax.random.key(0))
    assert bool(replayed.is_practised) == on_replays
    assert min(replayed.slot.tolist()) >= 0


def test_buffer_that_takes_no_score_stays_empty_and_is_never_replayed():
    selector = compile_selector(plr.make_robust_plr(GROUND, SMALL._replace(replay=1.0, fill=0.0)))
    state = selector.begin(key=jax.random.key(0))
    nan = jnp.full(LANES, jnp.nan)
    for turn in range(3):
        state, choice = selector.choose(state, key=jax.random.key(turn))
        assert not bool(choice.is_practised)
        findings = Findings(Visit(nan, nan, jnp.zeros(LANES, bool)), nan, nan)
        state = selector.take(state, choice, findings)
    told = selector.tell(state)
    assert float(told["buffer"]) == 0
    assert math.isnan(float(told["buffer_score"]))


def test_sfl_scouts_keeps_the_most_learnable_and_takes_half_of_each_batch_from_them():
    wishes = Wishes(walls=1, kept=4, scouted=7, practised=2, share=0.67)
    selector = compile_selector(sfl.make_sfl(GROUND, wishes))
    state, source = selector.begin(key=jax.random.key(0)), np.random.default_rng(1)
    for _ in range(3):  # times that levels are chosen anew
        seen = []
        for _ in range(3):  # rounds of three levels, until there are seven
            state, choice = selector.choose(state, key=jax.random.key(source.integers(99)))
            assert not bool(choice.is_practised)
            assert choice.slot.tolist() == [-1] * LANES
            findings = find(source)
            scores = findings.visit.score.tolist()
            seen += zip(choice.level["mark"].tolist(), scores, strict=True)
            state = selector.take(state, choice, findings)
        seen = [(mark, -math.inf if math.isnan(score) else score) for mark, score in seen]
        best = [mark for mark, _ in sorted(seen, key=lambda one: -one[1])[:4]]
        assert state.kept["mark"].tolist() == best
        for _ in range(2):
            state, choice = selector.choose(state, key=jax.random.key(source.integers(99)))
            assert bool(choice.is_practised)
            marks, slots = choice.level["mark"].tolist(), choice.slot.tolist()
            assert [slot >= 0 for slot in slots] == [True, True, False]
            assert marks[:2] == [best[slot] for slot in slots[:2]]
            state = selector.take(state, choice, find(source))
        assert state.learnability.tolist() == [-math.inf] * 4


def test_sfl_scouts_before_it_practises_and_publishes_half_of_the_lanes():
    selector = sfl.make_sfl(GROUND, Wishes(walls=1, kept=2, scouted=3))
    state, choice = selector.choose(selector.begin(key=jax.random.key(0)), key=jax.random.key(1))
    assert not bool(choice.is_practised)
    assert float(selector.tell(state)["buffer"]) == 0
    assert sfl.PUBLISHED.share == 0.5


@pytest.mark.parametrize("scored", [0, 1, 2])
def test_sfl_never_practises_on_what_has_no_score_or_was_kept_before(scored):
    """Of the second scouting only so many levels have a score that is finite, fewer than are kept."""
    wishes = Wishes(walls=1, kept=3, scouted=LANES, practised=40, share=1.0)
    selector = compile_selector(sfl.make_sfl(GROUND, wishes))
    state, source = selector.begin(key=jax.random.key(0)), np.random.default_rng(1)
    for number in (LANES, scored):
        state, choice = selector.choose(state, key=jax.random.key(source.integers(99)))
        marks = choice.level["mark"].tolist()
        score = jnp.where(jnp.arange(LANES) < number, 0.25, jnp.nan)
        nothing = jnp.zeros(LANES)
        findings = Findings(Visit(score, nothing, nothing > 0), nothing, nothing)
        state = selector.take(state, choice, findings)
        slots = []
        for _ in range(40):
            state, choice = selector.choose(state, key=jax.random.key(source.integers(2**30)))
            assert bool(choice.is_practised)
            slots += choice.slot.tolist()
            drawn = zip(choice.slot.tolist(), choice.level["mark"].tolist(), strict=True)
            assert all(mark == marks[slot] for slot, mark in drawn if slot >= 0)
            told = selector.tell(state)
            assert float(told["buffer"]) == number
            state = selector.take(state, choice, find(source))
        assert set(slots) == (set(range(number)) or {-1})
        is_any = number > 0
        for end in ("", "_low", "_high"):
            value = float(told[f"buffer_score{end}"])
            assert value == 0.25 if is_any else math.isnan(value)


def test_sfl_refuses_to_keep_more_than_it_scouts():
    with pytest.raises(UsageError, match=r"levels\.kept=9 of levels\.scouted=8"):
        sfl.make_sfl(GROUND, Wishes(kept=9, scouted=8))


def test_domain_randomisation_learns_from_fresh_levels_every_round():
    selector = dr.make_randomisation(GROUND, Wishes())
    state, choice = selector.choose(selector.begin(key=jax.random.key(0)), key=jax.random.key(1))
    assert bool(choice.is_practised)
    assert choice.slot.tolist() == [-1] * LANES
    assert selector.take(state, choice, find(np.random.default_rng(0))) == state
    assert selector.tell(state) == {}


def test_what_was_asked_for_counts_and_else_what_is_published():
    settled = settle_wishes(Wishes(replay=0.0, slots=7), plr.PUBLISHED)
    assert (settled.replay, settled.slots, settled.fill) == (0.0, 7, 0.5)
    assert settled.edits is None


def test_state_keeps_its_types_so_that_rounds_can_be_scanned():
    for make in (accel.make_accel, plr.make_plr, partial(sfl.make_sfl)):
        selector = make(GROUND, SMALL._replace(kept=2, scouted=4))

        def turn(state, key, selector=selector):
            state, choice = selector.choose(state, key=key)
            return selector.take(state, choice, find(np.random.default_rng(0)))

        state = selector.begin(key=jax.random.key(0))
        after = jax.eval_shape(turn, state, jax.random.key(0))
        types = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(state)]
        assert [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(after)] == types
