"""Walking and building in turns: what is recorded, replayed by a slow machine that keeps a map for each lane."""

import equinox as eqx
import jax
import numpy as np
import pytest

from alpha_factory.curriculum import BUILDER_ACTIONS, BUILDER_SEES, unfold
from alpha_factory.nets import ActorCritic
from alpha_factory.rollout import make_sampler
from alpha_factory.worlds import begin_unfolding, draw_maze

pytestmark = pytest.mark.usefixtures("quick_compilation")

SIDE, LANES, STEPS, LIMIT = 5, 6, 40, 12
CELLS = SIDE * SIDE
AHEAD = ((0, 1), (1, 0), (0, -1), (-1, 0))  # right, down, left, up
FLOOR, WALL, GOAL, UNKNOWN = 0, 1, 2, -1


class Lane:
    """A maze of which nothing is known but the start, and who walks in it."""

    def __init__(self, start, heading):
        self.start, self.first_heading = start, heading
        self.tile = np.full((SIDE, SIDE), UNKNOWN)
        self.tile[start] = FLOOR
        self.begin()

    def begin(self):
        self.place, self.heading, self.time, self.is_over = self.start, self.first_heading, 0, False

    def cells(self):
        """In view, the farthest row first; None beyond the edge."""
        forward, right = AHEAD[self.heading], AHEAD[(self.heading + 1) % 4]
        found = []
        for ahead in (4, 3, 2, 1, 0):
            for aside in (-2, -1, 0, 1, 2):
                row = self.place[0] + ahead * forward[0] + aside * right[0]
                column = self.place[1] + ahead * forward[1] + aside * right[1]
                is_inside = 0 <= row < SIDE and 0 <= column < SIDE
                found.append((row, column) if is_inside else None)
        return found

    def kinds(self):
        return [WALL if cell is None else int(self.tile[cell]) for cell in self.cells()]

    def mask(self):
        """Of a builder's actions: which cell, and what it becomes."""
        is_placed = (self.tile == GOAL).any()
        return [
            kind == UNKNOWN and (what != GOAL or not is_placed)
            for kind in self.kinds()
            for what in (FLOOR, WALL, GOAL)
        ]

    def make(self, action):
        place, what = divmod(action, 3)
        cell = self.cells()[place]
        assert cell is not None
        assert self.tile[cell] == UNKNOWN, "made once"
        assert what != GOAL or not (self.tile == GOAL).any(), "one goal"
        self.tile[cell] = what

    def bits(self):
        kinds = self.kinds()
        own = 22
        goal = [kind == GOAL and number != own for number, kind in enumerate(kinds)]
        heading = [self.heading == one for one in range(4)]
        return [kind == WALL for kind in kinds] + goal + heading

    def step(self, action):
        """Reward, terminated, truncated."""
        if action == 2:
            ahead = self.kinds()[17]
            assert ahead != UNKNOWN
            if ahead != WALL:
                self.place = self.cells()[17]
        else:
            self.heading = (self.heading + (1 if action == 1 else -1)) % 4
        self.time += 1
        is_solved = action == 2 and self.tile[self.place] == GOAL and ahead == GOAL
        is_late = self.time >= LIMIT and not is_solved
        self.is_over = is_solved or is_late
        return float(is_solved), is_solved, is_late


@pytest.fixture(scope="module")
def unfolded(quick_compilation):
    small = {"memory": "gru", "width": 6, "embed": 6, "head": 6}
    walker = ActorCritic((54,), 3, key=jax.random.key(0), **small)
    builder = ActorCritic(
        (BUILDER_SEES,), BUILDER_ACTIONS, is_masked=True, key=jax.random.key(1), **small
    )

    @eqx.filter_jit
    def run(key):
        rooms = jax.vmap(lambda key: draw_maze(side=SIDE, walls=0, step_limit=LIMIT, key=key))(
            jax.random.split(key, LANES)
        )
        level = jax.vmap(begin_unfolding)(rooms)
        return level, unfold(make_sampler(), walker, builder, level, steps=STEPS, key=key), builder

    return run(jax.random.key(2))


def test_what_is_recorded_is_what_a_slow_machine_does(unfolded):
    level, (walked, built, made), _ = jax.tree.map(np.asarray, unfolded)
    rows, drawn = walked.rows, built.rows
    ended, solved = np.zeros((2, LANES), int)
    for number in range(LANES):
        lane = Lane(divmod(int(level.start[number]), SIDE), int(level.heading[number]))
        action = 0
        for step in range(STEPS):
            while UNKNOWN in lane.kinds():
                seen = drawn.obs[action, number]
                assert not drawn.is_last[action, number]
                assert seen[83:].tolist() == lane.mask()
                kinds = np.array(lane.kinds())
                told = [kinds == WALL, kinds == GOAL, kinds != UNKNOWN]
                assert seen[:75].tolist() == np.concatenate(told).tolist()
                assert np.flatnonzero(seen[75:79]).tolist() == [lane.heading]
                assert seen[79] == (lane.tile == GOAL).any()
                assert seen[80] == pytest.approx(action / (CELLS - 1))
                assert seen[81] == pytest.approx(step / STEPS)
                value = rows.value[step - 1, number] if step else 0.0
                assert seen[82] == pytest.approx(float(value), abs=1e-6)
                lane.make(int(drawn.action[action, number]))
                action += 1
            assert made[step, number] == action
            assert rows.obs[step, number].tolist() == lane.bits()
            assert rows.is_last[step, number] == lane.is_over
            assert rows.is_reset[step, number] == (lane.time == 0)
            if lane.is_over:
                assert rows.reward[step, number] == 0
                lane.begin()
                continue
            reward, is_solved, is_late = lane.step(int(rows.action[step, number]))
            told = rows.reward, rows.is_terminated, rows.is_truncated
            assert [one[step, number] for one in told] == [reward, is_solved, is_late]
            ended[number] += is_solved or is_late
            solved[number] += is_solved
        while UNKNOWN in lane.kinds():  # what the last value is about is made, too
            lane.make(int(drawn.action[action, number]))
            action += 1
        assert drawn.is_last[:, number].tolist() == [one >= action for one in range(CELLS - 1)]
        assert np.flatnonzero(drawn.is_terminated[:, number]).tolist() == [action - 1]
        assert np.flatnonzero(drawn.is_reset[:, number]).tolist() == [0]
        known = walked.lanes.level
        assert known.is_known[number].tolist() == (lane.tile != UNKNOWN).ravel().tolist()
        wanted = np.where(lane.tile == UNKNOWN, FLOOR, lane.tile).ravel()
        assert known.tile[number].tolist() == wanted.tolist()
    assert walked.attempts.ended.tolist() == ended.tolist()
    assert walked.attempts.solved.tolist() == solved.tolist()
    np.testing.assert_array_equal(walked.attempts.total, solved)
    assert walked.attempts.best.tolist() == [float(one > 0) for one in solved]
    assert int(walked.attempts.frames) == int((~rows.is_last).sum())
    assert int(built.attempts.frames) == int((~drawn.is_last).sum())
    assert solved.any()
    assert len(set(made[-1].tolist())) > 1, "lanes build at their own pace"


def test_builder_learns_from_the_sequences_that_it_acted_in(unfolded):
    """All rows at once give the chances and values that were found turn by turn."""
    _, (_, built, _), builder = unfolded
    rows = built.rows
    opinion, _ = jax.jit(lambda net, *args: net(*args))(
        builder, rows.obs, rows.is_reset, built.carry
    )
    chances = np.asarray(jax.nn.softmax(opinion.logits))
    counts = ~np.asarray(rows.is_last)
    np.testing.assert_allclose(chances[counts], np.asarray(rows.policy)[counts], atol=1e-5)
    np.testing.assert_allclose(
        np.asarray(opinion.value)[counts], np.asarray(rows.value)[counts], atol=1e-5
    )
