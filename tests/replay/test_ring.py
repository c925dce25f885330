import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alpha_factory.core.types import Trajectory
from alpha_factory.replay import (
    cut,
    insert,
    make_ring,
    read_observations,
    retire,
    sample,
    set_priority,
)

LANES, SLOTS, ROWS, WINDOW, FEATURES, ACTIONS, WORLDS = 3, 12, 3, 4, 16, 2, 5
BATCH = 64
BITS = jax.ShapeDtypeStruct((FEATURES,), jnp.bool_)


def make_empty(slots=SLOTS):
    return make_ring(lanes=LANES, slots=slots, obs=BITS, actions=ACTIONS, worlds=WORLDS)


@jax.jit
def put(ring, trajectory):
    return insert(ring, trajectory, window=WINDOW)


@jax.jit
def draw(ring, key):
    return sample(ring, batch=BATCH, window=WINDOW, beta=0.4, key=key)


RATE = jax.jit(lambda ring, place, error: set_priority(ring, place, error, alpha=0.6))


def make_rows(number, generator):
    """A block of random rows; `action`, `reward` and `value` say which row of which lane it is."""
    lane, row = np.meshgrid(np.arange(LANES), number * ROWS + np.arange(ROWS))
    is_last = generator.random((ROWS, LANES)) < 0.25
    return Trajectory(
        # Now and then a world that has left, which the source numbers beyond its end.
        slot=jnp.asarray(generator.integers(0, WORLDS + 1, (ROWS, LANES)), jnp.int32),
        obs=jnp.asarray(generator.random((ROWS, LANES, FEATURES)) < 0.5),
        action=jnp.asarray(row % ACTIONS, jnp.int32),
        reward=jnp.asarray(100 * lane + row, jnp.float32),
        is_terminated=jnp.asarray(generator.random((ROWS, LANES)) < 0.5),
        is_last=jnp.asarray(is_last),
        policy=jnp.asarray(generator.random((ROWS, LANES, ACTIONS)), jnp.float32),
        value=jnp.asarray(-100.0 * lane - row, jnp.float32),
    )


class SlowRing:
    """Every row ever written, in lists; those of the last `SLOTS` are held."""

    def __init__(self):
        self.rows = []  # a trajectory row by time; the lanes side by side
        self.priority = {}  # of (lane, time), for rows that may be the first of a window
        self.highest = 1.0

    def insert(self, trajectory):
        self.rows += [
            jax.tree.map(lambda leaf, at=at: np.asarray(leaf[at]), trajectory) for at in range(ROWS)
        ]
        before, self.priority = self.priority, {}
        for lane in range(LANES):
            for time in range(max(0, len(self.rows) - SLOTS), len(self.rows) - WINDOW + 1):
                if not self.rows[time].is_last[lane]:
                    self.priority[lane, time] = before.get((lane, time), self.highest)

    def rate(self, places, errors, alpha):
        for place, error in zip(places, errors, strict=True):
            self.priority[place] = (error + 1e-3) ** alpha
        self.highest = max(self.highest, *(self.priority[place] for place in places))


def read_priorities(ring, slow):
    """(lane, time) to priority for every row that may be first, told from the rows held."""
    priority = np.asarray(ring.priority)
    held = range(max(0, len(slow.rows) - SLOTS), len(slow.rows))
    assert np.count_nonzero(priority) == sum(
        priority[lane, time % SLOTS] > 0 for lane in range(LANES) for time in held
    )
    return {
        (lane, time): priority[lane, time % SLOTS]
        for lane in range(LANES)
        for time in held
        if priority[lane, time % SLOTS] > 0
    }


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_ring_is_the_list_of_its_newest_rows(seed, inserts):
    """After every insert the same rows may be drawn, at the same priority, and hold the same things."""
    generator = np.random.default_rng(seed)
    ring = make_empty()
    slow = SlowRing()
    for number in range(inserts):
        trajectory = make_rows(number, generator)
        ring = put(ring, trajectory)
        slow.insert(trajectory)
        assert read_priorities(ring, slow) == pytest.approx(slow.priority)
        worlds = [int(slow.rows[time].slot[lane]) for lane, time in slow.priority]
        assert ring.startable.tolist() == np.bincount(worlds, minlength=WORLDS + 1).tolist()
        if not slow.priority:
            continue
        drawn = draw(ring, jax.random.key(seed))
        check_windows(drawn, slow)
        # New priorities for two rows that were drawn, each once.
        places = sorted(set(zip(*(place.tolist() for place in drawn.place), strict=True)))[:2]
        errors = generator.random(len(places)).astype(np.float32) * 3
        ring = RATE(
            ring,
            tuple(jnp.array(column, jnp.int32) for column in zip(*places, strict=True)),
            jnp.asarray(errors),
        )
        slow.rate([(lane, newest(slow, slot)) for lane, slot in places], errors.tolist(), 0.6)
        assert read_priorities(ring, slow) == pytest.approx(slow.priority)
        assert float(ring.highest) == pytest.approx(slow.highest)


def newest(slow, slot):
    """The row that a slot holds."""
    return max(time for time in range(len(slow.rows)) if time % SLOTS == slot)


def check_windows(drawn, slow):
    window = jax.tree.map(np.asarray, drawn.window)
    for index, (lane, slot) in enumerate(zip(*map(np.asarray, drawn.place), strict=True)):
        time = newest(slow, slot)
        assert (lane, time) in slow.priority
        rows = slow.rows[time : time + WINDOW]
        assert len(rows) == WINDOW
        assert drawn.world[index] == rows[0].slot[lane]
        np.testing.assert_array_equal(window.obs[index], rows[0].obs[lane])
        for name in ("action", "reward", "is_terminated", "is_last", "policy", "value"):
            wanted = [getattr(row, name)[lane] for row in rows]
            np.testing.assert_array_equal(getattr(window, name)[:, index], wanted)


@pytest.fixture(scope="module")
def rated():
    """A full ring with a different priority for every row that may be first."""
    generator = np.random.default_rng(0)
    ring = make_empty()
    for number in range(5):
        ring = put(ring, make_rows(number, generator))
    lanes, slots = np.nonzero(np.asarray(ring.priority))
    errors = jnp.asarray(generator.random(len(lanes)).astype(np.float32)) * 2
    return RATE(ring, (jnp.asarray(lanes, jnp.int32), jnp.asarray(slots, jnp.int32)), errors)


def test_windows_are_drawn_in_proportion_to_priority(rated):
    draws = jax.jit(jax.vmap(draw, in_axes=(None, 0)))(
        rated, jax.random.split(jax.random.key(1), 200)
    )
    lanes, slots = (np.asarray(place).ravel() for place in draws.place)
    counts = np.zeros((LANES, SLOTS))
    np.add.at(counts, (lanes, slots), 1)
    priority = np.asarray(rated.priority, float)
    assert (counts[priority == 0] == 0).all()
    wanted = priority[priority > 0] / priority.sum() * counts.sum()
    assert len(wanted) > 10
    assert wanted.max() > 3 * wanted.min()
    assert stats.chisquare(counts[priority > 0], wanted).pvalue > 1e-3


def test_row_of_priority_zero_is_never_drawn_even_alone_among_many(rated):
    """One startable row in one lane, at either end of the sums: every draw is that one."""
    for place in ((0, 0), (0, SLOTS - 1), (LANES - 1, 0), (LANES - 1, SLOTS - 1)):
        priority = jnp.zeros((LANES, SLOTS)).at[place].set(1e-3)
        lonely = eqx.tree_at(
            lambda ring: (ring.priority, ring.startable),
            make_empty(),
            (priority, jnp.zeros(WORLDS + 1, jnp.int32).at[0].set(1)),
        )
        drawn = draw(lonely, jax.random.key(2))
        assert set(zip(*(one.tolist() for one in drawn.place), strict=True)) == {place}
        assert drawn.weight.tolist() == [1.0] * BATCH


@pytest.mark.parametrize("point", [0.0, 1.0])
def test_row_of_priority_zero_is_not_drawn_at_the_ends_of_the_sums(rated, monkeypatch, point):
    """The lowest and the highest point that a draw can fall on; rounding reaches both."""
    monkeypatch.setattr(jax.random, "uniform", lambda key, shape: jnp.full(shape, point))
    edged = rated.priority.at[0].set(0.0).at[:, 0].set(0.0).at[-1].set(0.0).at[:, -1].set(0.0)
    ring = eqx.tree_at(lambda ring: ring.priority, rated, edged)
    drawn = sample(ring, batch=4, window=WINDOW, beta=0.4, key=jax.random.key(0))
    assert (edged[drawn.place] > 0).all()


def test_importance_weights_correct_for_how_windows_were_drawn(rated):
    drawn = draw(rated, jax.random.key(3))
    priority = np.asarray(rated.priority, float)
    chance = priority[tuple(map(np.asarray, drawn.place))] / priority.sum()
    weight = (1 / (np.count_nonzero(priority) * chance)) ** 0.4
    np.testing.assert_allclose(drawn.weight, weight / weight.max(), rtol=1e-5)
    assert float(drawn.weight.max()) == pytest.approx(1.0)


def test_error_that_is_not_finite_changes_nothing(rated):
    place = tuple(jnp.array([index] * 2, jnp.int32) for index in np.argwhere(rated.priority)[0])
    again = RATE(rated, place, jnp.array([jnp.nan, jnp.inf]))
    np.testing.assert_array_equal(again.priority, rated.priority)
    assert float(again.highest) == float(rated.highest)


def test_error_of_zero_keeps_a_window_startable(rated):
    place = tuple(jnp.array([index], jnp.int32) for index in np.argwhere(rated.priority)[0])
    again = RATE(rated, place, jnp.zeros(1))
    assert 0 < float(again.priority[place][0]) < 0.02


@pytest.mark.parametrize("error", [0.0, 1e3])
def test_priority_is_never_nothing_nor_without_end_however_steep(rated, error):
    """To the power of 20 the least error is 0 and the greatest infinite in float32."""
    lanes, slots = np.nonzero(np.asarray(rated.priority))
    place = (jnp.asarray(lanes, jnp.int32), jnp.asarray(slots, jnp.int32))
    steep = jax.jit(lambda errors: set_priority(rated, place, errors, alpha=20.0))
    ring = steep(jnp.full(len(lanes), error))
    drawn = draw(ring, jax.random.key(0))
    assert (np.asarray(rated.priority)[tuple(map(np.asarray, drawn.place))] > 0).all()
    np.testing.assert_allclose(drawn.weight, 1.0, rtol=1e-5)


def test_new_rows_get_the_highest_priority_given_so_far(rated):
    place = tuple(jnp.array([index], jnp.int32) for index in np.argwhere(rated.priority)[0])
    spiked = RATE(rated, place, jnp.array([99.0]))
    grown = put(spiked, make_rows(5, np.random.default_rng(1)))
    new = np.asarray(grown.priority)[np.asarray(grown.priority) > np.asarray(rated.priority).max()]
    np.testing.assert_allclose(new, 99.001**0.6, rtol=1e-5)
    assert len(new) > 1


def test_window_drawn_twice_keeps_one_of_its_priorities(rated):
    lane, slot = np.argwhere(rated.priority)[0].tolist()
    place = jnp.array([lane, lane], jnp.int32), jnp.array([slot, slot], jnp.int32)
    got = float(RATE(rated, place, jnp.array([1.0, 2.0])).priority[lane, slot])
    assert any(got == pytest.approx((error + 1e-3) ** 0.6) for error in (1.0, 2.0))


def test_features_that_do_not_fill_bytes_are_refused():
    odd = jax.ShapeDtypeStruct((12,), jnp.bool_)
    with pytest.raises(ValueError, match=r"bits has shape \(12,\).* a multiple of 8"):
        make_ring(lanes=1, slots=8, obs=odd, actions=2, worlds=1)


@pytest.mark.parametrize("slots", [10, 6])
def test_rows_that_do_not_divide_the_slots_or_do_not_fit_are_refused(slots):
    ring = make_empty(slots)
    with pytest.raises(
        ValueError, match=f"slots={slots} must be a multiple of the 3 rows.*window of 4"
    ):
        insert(ring, make_rows(0, np.random.default_rng(0)), window=WINDOW)


@pytest.mark.parametrize(("actions", "size"), [(2, 1), (256, 1), (257, 2)])
def test_actions_are_those_inserted_however_many_there_are(actions, size):
    ring = make_ring(lanes=LANES, slots=SLOTS, obs=BITS, actions=actions, worlds=WORLDS)
    rows = make_rows(0, np.random.default_rng(0))
    last = jnp.full((ROWS, LANES), actions - 1, jnp.int32)
    rows = eqx.tree_at(
        lambda tree: (tree.action, tree.policy), rows, (last, jnp.zeros((ROWS, LANES, actions)))
    )
    ring = insert(insert(ring, rows, window=WINDOW), rows, window=WINDOW)
    drawn = sample(ring, batch=2, window=WINDOW, beta=0.4, key=jax.random.key(0))
    assert (np.asarray(drawn.window.action) == actions - 1).all()
    assert ring.action.dtype.itemsize == size


def test_observations_of_all_rows_are_those_inserted():
    """Of numbers as of bits, around the end of the ring."""
    generator = np.random.default_rng(3)
    ring = make_ring(
        lanes=LANES,
        slots=SLOTS,
        obs=jax.ShapeDtypeStruct((2, 3), jnp.float32),
        actions=ACTIONS,
        worlds=WORLDS,
    )
    seen = []
    for number in range(5):
        rows = make_rows(number, generator)
        obs = generator.normal(size=(ROWS, LANES, 2, 3)).astype(np.float32)
        ring = put(ring, eqx.tree_at(lambda tree: tree.obs, rows, jnp.asarray(obs)))
        seen += list(obs)
    place = jnp.array([2, 0], jnp.int32), jnp.array([SLOTS - 2, 1], jnp.int32)
    got = read_observations(ring, place, window=WINDOW)
    held = seen[-SLOTS:]  # the ring has turned once and a quarter: slot 3 holds the oldest row
    wanted = [
        [held[(slot + row - ROWS) % SLOTS][lane] for lane, slot in ((2, SLOTS - 2), (0, 1))]
        for row in range(WINDOW)
    ]
    np.testing.assert_array_equal(got, wanted)


def test_cut_ring_is_one_whose_newest_rows_came_in_as_the_last_of_their_episodes():
    """After each of several blocks, once around the ring and on: nothing that is drawn later goes over a seam."""
    generator = np.random.default_rng(4)
    ring, wanted = make_empty(), make_empty()
    for number in range(6):
        rows = make_rows(number, generator)
        ring = jax.jit(cut)(put(ring, rows))
        ended = eqx.tree_at(
            lambda one: (one.reward, one.is_terminated, one.is_last),
            rows,
            (
                rows.reward.at[-1].set(0.0),
                rows.is_terminated.at[-1].set(False),
                rows.is_last.at[-1].set(True),
            ),
        )
        wanted = put(wanted, ended)
        for one, other in zip(jax.tree.leaves(ring), jax.tree.leaves(wanted), strict=True):
            np.testing.assert_array_equal(one, other)


def test_rows_of_retired_worlds_are_kept_under_one_number(rated):
    is_gone = jnp.array([True, False, True, False, False])
    after = jax.jit(retire)(rated, is_gone)
    before = np.asarray(rated.world)
    np.testing.assert_array_equal(after.world, np.where(np.isin(before, [0, 2]), WORLDS, before))
    assert int(after.startable.sum()) == int(rated.startable.sum())
    assert after.startable.tolist()[:3] == [0, int(rated.startable[1]), 0]
    np.testing.assert_array_equal(after.priority, rated.priority)
