import math
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alpha_factory.core.errors import UsageError
from alpha_factory.curriculum import identity
from alpha_factory.curriculum.buffer import (
    Visit,
    insert,
    is_ready,
    make_buffer,
    sample,
    update,
    weights,
)
from alpha_factory.curriculum.identity import find_firsts, find_slots
from alpha_factory.curriculum.priority import make_weigh
from reference.buffer import Buffer

pytestmark = pytest.mark.usefixtures("quick_compilation")

SLOTS, OFFERED, PLAYED = 6, 3, 2
WAYS = {
    "rank": ("rank", 0.3, 0.3),
    "rank alone": ("rank", 1.0, 0.0),
    "age alone": ("rank", 1.0, 1.0),
    "proportional": ("proportional", 0.5, 0.5),
    "score alone": ("proportional", 1.0, 0.0),
}
WEIGH = {
    name: make_weigh(kind, temperature=temperature, staleness=staleness)
    for name, (kind, temperature, staleness) in WAYS.items()
}
INSERT = jax.jit(insert, static_argnames="weigh")
UPDATE = jax.jit(update)
WEIGHTS = jax.jit(weights, static_argnames="weigh")
SAMPLE = jax.jit(sample, static_argnames=("batch", "weigh", "is_replaced"))


def level_of(mark):
    """Leaves of all kinds; the mark is in a single one of them."""
    mark = np.asarray(mark)
    tile = np.zeros((*mark.shape, 3, 2), np.uint8)
    tile[..., 1, 0] = mark
    return {
        "tile": jnp.asarray(tile),
        "odds": jnp.full(mark.shape, 0.5, jnp.float32),
        "is_hidden": jnp.ones(mark.shape, bool),
    }


EMPTY = make_buffer(level_of(99), slots=SLOTS)


def visit_of(rows):
    score, max_return, is_solved = zip(*rows, strict=True)
    return Visit(
        jnp.array(score, jnp.float32), jnp.array(max_return, jnp.float32), jnp.array(is_solved)
    )


def plain_visit(*scores):
    return visit_of([(score, -math.inf, False) for score in scores])


def fill(scores, seen_at=(), clock=1):
    """A buffer of levels 0, 1, … with these scores, each seen at 1 if not told otherwise."""
    padding = SLOTS - len(scores)
    stamps = seen_at or [1] * len(scores)
    return eqx.tree_at(
        lambda tree: (tree.level, tree.score, tree.seen_at, tree.size, tree.clock),
        EMPTY,
        (
            level_of([*range(len(scores)), *[99] * padding]),
            jnp.array([*scores, *[-math.inf] * padding], jnp.float32),
            jnp.array([*stamps, *[0] * padding], jnp.int32),
            jnp.int32(len(scores)),
            jnp.int32(clock),
        ),
    )


def read(buffer):
    """What the reference keeps."""
    size = int(buffer.size)
    columns = (
        np.asarray(buffer.level["tile"])[:, 1, 0],
        *map(np.asarray, (buffer.score, buffer.seen_at, buffer.max_return, buffer.is_solved)),
    )
    return [tuple(column[slot].item() for column in columns) for slot in range(size)]


def check_same(buffer, slow):
    names = ("level", "score", "seen_at", "max_return", "is_solved")
    assert read(buffer) == [tuple(one[name] for name in names) for one in slow.kept]
    assert int(buffer.clock) == slow.clock
    size = len(slow.kept)
    assert (np.asarray(buffer.score)[size:] == -math.inf).all()
    assert (np.asarray(buffer.level["tile"])[size:, 1, 0] == 99).all()
    return size


QUARTERS = st.integers(-4, 12).map(lambda number: number / 4)
SCORES = st.one_of(QUARTERS, QUARTERS, st.sampled_from((math.nan, math.inf, -math.inf)))
RETURNS = st.sampled_from((-math.inf, -1.0, 0.0, 0.5, 1.0))
FINDINGS = st.tuples(SCORES, RETURNS, st.booleans())
OFFERS = st.tuples(st.integers(0, 8), FINDINGS).map(lambda pair: (pair[0], *pair[1]))
PLAYS = st.tuples(st.integers(-2, SLOTS + 1), FINDINGS).map(lambda pair: (pair[0], *pair[1]))
OPERATIONS = st.one_of(
    st.tuples(st.just("insert"), st.lists(OFFERS, min_size=OFFERED, max_size=OFFERED)),
    st.tuples(st.just("insert"), st.lists(OFFERS, min_size=OFFERED, max_size=OFFERED)),
    st.tuples(st.just("update"), st.lists(PLAYS, min_size=PLAYED, max_size=PLAYED)),
    st.tuples(st.just("sample"), st.integers(0, 2**31 - 1)),
)


@pytest.mark.parametrize("way", ["rank", "rank alone", "proportional"])
@given(operations=st.lists(OPERATIONS, min_size=1, max_size=12))
def test_buffer_is_the_slow_one_after_every_operation(way, operations):
    buffer, slow, weigh = EMPTY, Buffer(SLOTS, *WAYS[way]), WEIGH[way]
    for name, given_ in operations:
        if name == "insert":
            marks, *found = zip(*given_, strict=True)
            visit = visit_of(list(zip(*found, strict=True)))
            buffer, slot = INSERT(buffer, level_of(list(marks)), visit, weigh=weigh)
            assert slot.tolist() == slow.insert(given_)
        elif name == "update":
            slots, *found = zip(*given_, strict=True)
            visit = visit_of(list(zip(*found, strict=True)))
            buffer = UPDATE(buffer, jnp.array(slots, jnp.int32), visit)
            slow.update(given_)
        elif slow.kept:
            weight = slow.weights()
            buffer, slot, level = SAMPLE(
                buffer, batch=PLAYED, weigh=weigh, key=jax.random.key(given_)
            )
            slots = slot.tolist()
            assert all(weight[one] > 0 for one in slots)
            marks = np.asarray(level["tile"])[:, 1, 0].tolist()
            assert marks == [slow.kept[one]["level"] for one in slots]
            slow.visit(slots)
        size = check_same(buffer, slow)
        got = np.asarray(WEIGHTS(buffer, weigh=weigh))
        np.testing.assert_allclose(got[:size], slow.weights(), rtol=1e-5, atol=1e-7)
        assert (got[size:] == 0).all()


def test_buffer_of_many_slots_is_the_slow_one():
    draw, slots, offered, way = np.random.default_rng(0), 40, 16, "rank"
    buffer, slow = make_buffer(level_of(99), slots=slots), Buffer(slots, *WAYS[way])
    for turn in range(12):
        marks = draw.integers(0, 90, offered).tolist()
        scores = draw.gamma(0.5, size=offered).astype(np.float32)
        scores[draw.random(offered) < 0.2] = 0.0
        offers = [(*one, 0.5, False) for one in zip(marks, scores.tolist(), strict=True)]
        visit = visit_of([one[1:] for one in offers])
        buffer, slot = INSERT(buffer, level_of(marks), visit, weigh=WEIGH[way])
        assert slot.tolist() == slow.insert(offers), turn
        buffer, slot, _ = SAMPLE(buffer, batch=8, weigh=WEIGH[way], key=jax.random.key(turn))
        slow.visit(slot.tolist())
        check_same(buffer, slow)


def test_rank_weights_are_the_numbers_worked_by_hand():
    sharp = make_weigh("rank", temperature=0.5, staleness=0.0)  # (1 / rank)^2
    by_score = np.array([36, 4, 9, 0, 0, 0]) / 49
    np.testing.assert_allclose(weights(fill((3.0, 1.0, 2.0)), sharp), by_score, rtol=1e-6)
    aged = fill((3.0, 1.0, 2.0), seen_at=[1, 1, 2], clock=3)
    mixed = make_weigh("rank", temperature=0.5, staleness=0.25)
    by_hand = 0.75 * by_score + 0.25 * np.array([2, 2, 1, 0, 0, 0]) / 5
    np.testing.assert_allclose(weights(aged, mixed), by_hand, rtol=1e-6)


def test_proportional_weights_are_the_numbers_worked_by_hand():
    buffer = fill((3.0, -1.0, 2.0, 1.0))
    flat = make_weigh("proportional", temperature=2.0, staleness=0.0)  # the square root
    roots = np.sqrt([3, 0, 2, 1, 0, 0])
    np.testing.assert_allclose(weights(buffer, flat), roots / roots.sum(), rtol=1e-6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("score", [0.0, -3.0, 0.25, 1e30, 1e-38, 1e-45])
def test_equal_scores_weigh_the_same(way, score):
    buffer = fill((score,) * 4)
    assert np.asarray(weights(buffer, WEIGH[way])) == pytest.approx([0.25] * 4 + [0, 0])


@pytest.mark.parametrize("way", WAYS)
@given(
    scores=st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=SLOTS, max_size=SLOTS),
    temperature=st.sampled_from((0.01, 0.1, 1.0, 10.0)),
)
def test_higher_score_never_weighs_less_and_weights_are_shares(way, scores, temperature):
    kind, _, staleness = WAYS[way]
    weigh = make_weigh(kind, temperature=temperature, staleness=staleness)
    weight = np.asarray(weights(fill(scores), weigh))
    assert np.isfinite(weight).all()
    assert weight.min() >= 0
    assert weight.sum() == pytest.approx(1, abs=1e-5)
    assert (np.diff(weight[np.argsort(scores)]) >= 0).all()


def test_staleness_grows_with_age_and_is_even_when_all_are_as_old():
    for seen_at, clock, ages in (([1, 1, 1], 1, (1, 1, 1)), ([2, 1, 3], 4, (2, 3, 1))):
        got = weights(fill((3.0, 1.0, 2.0), seen_at=seen_at, clock=clock), WEIGH["age alone"])
        np.testing.assert_allclose(got[:3], np.array(ages) / sum(ages), rtol=1e-6)


@pytest.mark.parametrize("way", ["rank", "proportional"])
def test_levels_are_replayed_as_often_as_they_weigh(way):
    buffer = fill((3.0, 0.5, 2.0, 0.5, 0.0), seen_at=[1, 1, 2, 1, 3], clock=3)
    wanted = np.asarray(weights(buffer, WEIGH[way]), float)
    draws = 20_000
    _, slot, _ = SAMPLE(buffer, batch=draws, weigh=WEIGH[way], key=jax.random.key(1))
    counts = np.bincount(np.asarray(slot), minlength=SLOTS)
    assert (counts[wanted == 0] == 0).all()
    here = wanted > 0
    assert stats.chisquare(counts[here], draws * wanted[here] / wanted.sum()).pvalue > 1e-3


def test_draws_without_replacement_are_those_of_one_draw_after_the_other():
    buffer, weigh = fill((3.0, 0.5, 2.0, 1.0)), WEIGH["score alone"]
    keys = jax.random.split(jax.random.key(2), 20_000)
    draw = jax.jit(
        jax.vmap(lambda key: sample(buffer, batch=2, weigh=weigh, is_replaced=False, key=key)[1])
    )
    counts = np.zeros((4, 4))
    np.add.at(counts, tuple(np.asarray(draw(keys)).T), 1)
    weight = np.asarray(weights(buffer, weigh), float)[:4]
    wanted = weight[:, None] * weight[None] / (1 - weight[:, None]) * len(keys)
    apart = ~np.eye(4, dtype=bool)
    assert (counts[~apart] == 0).all()
    wanted = wanted[apart] * len(keys) / wanted[apart].sum()
    assert stats.chisquare(counts[apart], wanted).pvalue > 1e-3


def test_state_keeps_its_types_so_that_nothing_compiles_twice():
    weigh, slot = WEIGH["rank"], jnp.zeros(OFFERED, jnp.int32)
    visit = plain_visit(1.0, 2.0, 3.0)
    for change in (
        lambda buffer: insert(buffer, level_of([1, 2, 3]), visit, weigh=weigh)[0],
        lambda buffer: sample(buffer, batch=PLAYED, weigh=weigh, key=jax.random.key(0))[0],
        lambda buffer: update(buffer, slot, visit),
    ):
        types = [jax.typeof(leaf) for leaf in jax.tree.leaves(EMPTY)]
        after = jax.tree.leaves(jax.eval_shape(change, EMPTY))
        assert [one.weak_type for one in after] == [one.weak_type for one in types]
        assert [one.dtype for one in after] == [one.dtype for one in types]


def test_every_level_is_drawn_before_one_is_drawn_again():
    buffer = fill((3.0, 0.5, 0.0, 2.0))
    for way, there in (("rank", {0, 1, 2, 3}), ("score alone", {0, 1, 3})):
        _, slot, _ = SAMPLE(
            buffer, batch=9, weigh=WEIGH[way], is_replaced=False, key=jax.random.key(3)
        )
        rounds = [slot.tolist()[at : at + len(there)] for at in range(0, 9, len(there))]
        assert [set(one) for one in rounds[:2]] == [there, there]


def test_sampled_levels_are_stamped_and_nothing_else_changes():
    buffer = fill((3.0, 0.5, 2.0))
    after, slot, _ = SAMPLE(buffer, batch=PLAYED, weigh=WEIGH["rank"], key=jax.random.key(0))
    assert int(after.clock) == 2
    stamps = [2 if one in slot.tolist() else 1 for one in range(3)]
    assert after.seen_at.tolist() == [*stamps, 0, 0, 0]
    for name in ("level", "score", "max_return", "is_solved", "size"):
        assert eqx.tree_equal(getattr(after, name), getattr(buffer, name)), name


@pytest.mark.parametrize("way", WAYS)
def test_empty_buffer_weighs_nothing_and_gives_the_level_it_was_made_with(way):
    assert WEIGHTS(EMPTY, weigh=WEIGH[way]).tolist() == [0.0] * SLOTS
    after, slot, level = SAMPLE(EMPTY, batch=PLAYED, weigh=WEIGH[way], key=jax.random.key(0))
    assert slot.tolist() == [0] * PLAYED
    assert (np.asarray(level["tile"])[:, 1, 0] == 99).all()
    assert int(after.size) == 0
    assert not bool(is_ready(after, fill=0.0))


def test_level_that_enters_a_sampled_empty_buffer_has_its_own_stamp():
    weigh = WEIGH["rank"]
    after, _, _ = SAMPLE(EMPTY, batch=PLAYED, weigh=weigh, key=jax.random.key(0))
    filled, _ = INSERT(after, level_of([1, 2, 3]), plain_visit(1, 2, 3), weigh=weigh)
    assert filled.seen_at.tolist()[:3] == [2, 2, 2]


@pytest.mark.parametrize(
    ("taken", "slots", "share", "ready"),
    [(2, 4, 0.5, True), (1, 4, 0.5, False), (3, 30, 0.1, True), (2, 30, 0.1, False), (1, 9, 0.0, True)],
)  # fmt: skip
def test_buffer_is_ready_from_its_share_of_slots_on(taken, slots, share, ready):
    buffer = make_buffer(jnp.zeros(()), slots=slots)
    buffer = eqx.tree_at(lambda tree: tree.size, buffer, jnp.int32(taken))
    assert bool(is_ready(buffer, fill=share)) == ready


def test_insert_takes_free_slots_then_the_weakest_one_for_a_better_level_only():
    buffer = fill((3.0, 1.0, 2.0, 4.0, 5.0))
    visit = plain_visit(0.5, 0.5, 1.5)
    buffer, slot = INSERT(buffer, level_of([10, 11, 12]), visit, weigh=WEIGH["rank alone"])
    assert slot.tolist() == [-1, -1, 5]  # 10 took the free slot, 11 is no better, 12 is
    assert [row[0] for row in read(buffer)] == [0, 1, 2, 3, 4, 12]


def test_weakest_is_by_replay_weight_not_by_score():
    # Level 2 was seen last: it weighs least, and what scores above it takes its slot.
    buffer = fill((3.0, 1.0, 2.0, 1.0, 1.0, 1.0), seen_at=[1, 1, 2, 1, 1, 1], clock=2)
    visit = plain_visit(1.5, 2.0, 2.5)
    after, slot = INSERT(buffer, level_of([10, 11, 12]), visit, weigh=WEIGH["age alone"])
    assert slot.tolist() == [-1, -1, 2]
    assert [row[0] for row in read(after)] == [0, 1, 12, 3, 4, 5]


def test_known_level_is_updated_and_keeps_its_best():
    weigh = WEIGH["rank"]
    first = visit_of([(2.0, 0.7, True), (1.0, -math.inf, False), (3.0, 0.1, False)])
    buffer, _ = INSERT(EMPTY, level_of([1, 2, 3]), first, weigh=weigh)
    again = visit_of([(0.5, 0.2, False), (4.0, 0.4, True), (math.nan, 9.0, True)])
    buffer, slot = INSERT(buffer, level_of([1, 2, 3]), again, weigh=weigh)
    assert slot.tolist() == [0, 1, 2]
    assert read(buffer) == [
        (1, 0.5, 2, pytest.approx(0.7), True),
        (2, 4.0, 2, pytest.approx(0.4), True),
        (3, 3.0, 1, pytest.approx(0.1), False),
    ]


def test_return_that_is_no_number_counts_as_none():
    rows = [(2.0, math.nan, False), (1.0, 0.5, False), (1.0, 0.5, False)]
    buffer, _ = INSERT(EMPTY, level_of([1, 2, 2]), visit_of(rows), weigh=WEIGH["rank"])
    assert buffer.max_return.tolist()[:2] == [-math.inf, 0.5]
    slots = jnp.array([1, 0], jnp.int32)
    after = UPDATE(buffer, slots, visit_of([(1.0, math.nan, False), (1.0, 0.25, True)]))
    assert after.max_return.tolist()[:2] == [0.25, 0.5]
    assert after.is_solved.tolist()[:2] == [True, False]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"prioritisation": "ranked"}, UsageError, "Did you mean 'rank'.*proportional, rank"),
        ({"temperature": 0.0}, ValueError, r"temperature=0\.0 must be above 0"),
        ({"temperature": math.nan}, ValueError, "temperature=nan"),
        ({"staleness": 1.5}, ValueError, r"staleness=1\.5 is a share"),
        ({"staleness": math.nan}, ValueError, "staleness=nan"),
    ],
)
def test_make_weigh_tells_what_does_not_fit(settings, error, message):
    with pytest.raises(error, match=message):
        make_weigh(**{"temperature": 0.3, "staleness": 0.3, **settings})


@partial(jax.jit, static_argnames="salt")
def find_all(levels, stored, is_there, salt):
    del salt  # compiles anew where the digest is another
    return find_slots(levels, stored, is_there), find_firsts(levels)


@pytest.mark.parametrize("is_weak", [False, True])
@given(
    marks=st.lists(st.integers(0, 4), min_size=4, max_size=4),
    stored=st.lists(st.integers(0, 4), min_size=6, max_size=6),
    there=st.integers(0, 6),
)
def test_levels_are_found_by_content_however_weak_the_digest(is_weak, marks, stored, there):
    digest = identity._digest
    if is_weak:
        identity._digest = lambda levels: jnp.zeros(levels["tile"].shape[0], jnp.uint32)
    try:
        slots, firsts = find_all(
            level_of(marks), level_of(stored), jnp.arange(6) < there, salt=is_weak
        )
    finally:
        identity._digest = digest
    held = stored[:there]
    assert slots.tolist() == [held.index(one) if one in held else -1 for one in marks]
    assert firsts.tolist() == [marks.index(one) for one in marks]


def test_levels_differ_by_any_bit_of_any_number():
    one = {
        "word": jnp.array([2**31 + 1, 2**31, 2**31 + 1], jnp.uint32),  # the same as float32
        "short": jnp.array([[1, 2]] * 3, jnp.int16),
        "number": jnp.array([math.nan, math.nan, math.nan], jnp.float32),
    }
    assert find_firsts(one).tolist() == [0, 1, 0]
    assert find_slots(one, one, jnp.ones(3, bool)).tolist() == [0, 1, 0]
    zeros = {"number": jnp.array([0.0, -0.0, 0.0], jnp.float32)}
    assert find_firsts(zeros).tolist() == [0, 1, 0]
