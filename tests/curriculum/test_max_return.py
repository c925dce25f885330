"""MaxMC's greatest return, round after round: what was once achieved on a level counts for as long as it is kept."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.curriculum import Ground, Lesson, Wishes, find_out, recall
from alpha_factory.curriculum.buffer import Visit, insert, make_buffer
from alpha_factory.curriculum.priority import make_weigh
from alpha_factory.learn import PpoRecipe, make_ppo_craft
from alpha_factory.methods import accel, plr, samplr, scores
from alpha_factory.rollout import Rows, Stretch
from alpha_factory.rollout.recurrent import Attempts
from reference.buffer import Buffer

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

LANES, STEPS, SLOTS = 4, 3, 6
RETURNS = (-math.inf, 0.0, 0.5, 1.0)
WISHES = Wishes(slots=SLOTS, replay=0.5, fill=0.5, temperature=1.0, staleness=0.5, edits=1, walls=1)


def draw(*, key, walls, generator):
    """Few enough levels that one is soon drawn again; hidden is one of two."""
    del generator
    kind, hidden = jax.random.split(key)
    mark = jax.random.randint(kind, (), 0, 9 + 0 * walls)
    return {"mark": mark, "hidden": jax.random.bernoulli(hidden)}


def redraw(level, *, key):
    return level | {"hidden": jax.random.bernoulli(key)}


def edit(level, *, edits, key):
    del key
    return level | {"mark": (level["mark"] + edits) % 9}


GROUND = Ground(LANES, draw, edit, redraw)


def play(source, choice):
    """A rollout of the round as it might have been: values, and the best return of each lane, for `find_out`."""
    del choice
    value = jnp.asarray(source.integers(0, 8, (STEPS, LANES)) / 8, jnp.float32)
    no, none = jnp.zeros((STEPS, LANES), bool), jnp.zeros((STEPS, LANES))
    best = jnp.asarray(source.choice(RETURNS, LANES, p=(0.4, 0.4, 0.1, 0.1)), jnp.float32)
    ended = jnp.isfinite(best).astype(jnp.int32)
    rows = Rows(none[..., None], none.astype(int), none[..., None], value, none, no, no, no, no)
    attempts = Attempts(ended, jnp.zeros_like(ended), jnp.zeros(LANES), best, jnp.int32(0))
    return Stretch(None, rows, attempts, None, jnp.zeros(LANES))


@pytest.fixture(scope="module")
def make_machine():
    def make(make_selector):
        selector = make_selector(GROUND, WISHES)
        craft = make_ppo_craft(PpoRecipe(lanes=LANES, steps=STEPS, epochs=1), lambda *, key: None)
        lesson = Lesson(None, None, None, selector, scores.METHOD["Scorer"]["maxmc"], craft)
        look = jax.jit(lambda choice, stretch: find_out(lesson, choice, stretch))
        return selector.begin, jax.jit(selector.choose), jax.jit(selector.take), look

    return make


def name(levels):
    return [*zip(levels["mark"].tolist(), levels["hidden"].tolist(), strict=True)]


@pytest.mark.parametrize(
    "make_selector",
    [plr.make_plr, accel.make_accel, samplr.make_naive_grounding],
    ids=["plr", "accel", "naive-grounding"],
)
def test_greatest_return_is_that_of_all_episodes_since_a_level_was_kept(
    make_machine, make_selector
):
    """Against a list of all returns that were reported of each level: replayed, drawn again, evicted, in many lanes."""
    begin, choose, take, find = make_machine(make_selector)
    slow, source = Buffer(SLOTS, "rank", 1.0, 0.5), np.random.default_rng(0)
    state = begin(key=jax.random.key(0))
    seen = {"replayed": 0, "again": 0, "twice": 0, "evicted": 0, "outdone": 0}
    for turn in range(150):
        state, choice = choose(state, key=jax.random.key(turn))
        slots, levels = choice.slot.tolist(), name(choice.level)
        held = {one["level"]: one for one in slow.kept}
        stretch = play(source, choice)
        findings = find(choice, stretch)

        best, value = stretch.attempts.best.tolist(), np.asarray(stretch.rows.value, float)
        score = []
        for lane, (slot, level) in enumerate(zip(slots, levels, strict=True)):
            known = (
                slow.kept[slot]["returns"]
                if slot >= 0
                else held.get(level, {"returns": []})["returns"]
            )
            now = [mine for mine, other in zip(best, levels, strict=True) if other == level]
            score.append(np.mean(max([-math.inf, *known, *now]) - value[:, lane]))
            seen["again"] += slot < 0 and level in held
            seen["twice"] += len(now) > 1
            seen["outdone"] += max([-math.inf, *known]) > max(now)
        assert findings.visit.score.tolist() == pytest.approx(score, abs=1e-6)

        state = take(state, choice, findings)
        rows = [*zip(findings.visit.score.tolist(), best, [False] * LANES, strict=True)]
        if slots[0] >= 0:
            seen["replayed"] += 1
            slow.visit(slots)
            slow.update([(slot, *row) for slot, row in zip(slots, rows, strict=True)])
        else:
            slow.insert([(level, *row) for level, row in zip(levels, rows, strict=True)])
        after = [one["level"] for one in slow.kept]
        seen["evicted"] += len(set(held) - set(after))
        assert name(state.buffer.level)[: len(after)] == after
        assert state.buffer.max_return.tolist()[: len(after)] == [
            one["max_return"] for one in slow.kept
        ]
    assert min(seen.values()) > 5, seen


def test_recalled_is_the_return_of_a_level_that_is_there_and_of_no_other():
    weigh = make_weigh("rank", temperature=1.0, staleness=0.0)
    marks, empty = {"mark": jnp.array([3, 5])}, make_buffer({"mark": jnp.int32(7)}, slots=4)
    visit = Visit(jnp.ones(2), jnp.array([0.5, -math.inf]), jnp.zeros(2, bool))
    buffer, _ = insert(empty, marks, visit, weigh=weigh)
    asked = {"mark": jnp.array([5, 3, 7, 3])}
    assert jax.jit(recall)(buffer, asked).tolist() == [-math.inf, 0.5, -math.inf, 0.5]
    assert recall(empty, asked).tolist() == [-math.inf] * 4
