"""SFL's scouting where episodes are long: a policy whose share of solved ones is known by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.types import Plan, Player
from alpha_factory.curriculum import Ground, Lesson, Size, Wishes, play_rounds
from alpha_factory.learn import Losses, MuzeroReport, PpoRecipe, make_ppo_craft, start_ppo
from alpha_factory.methods import scores, sfl
from alpha_factory.nets import ActorCritic
from alpha_factory.worlds import from_text, make_maze, measure_maze, pack_unchecked
from alpha_factory.worlds.levels.tiles import FORWARD, TURN_LEFT, TURN_RIGHT

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

LANES, STEPS, LIMIT = 8, 256, 250
MAZE = "\n".join([">..........", *["##########."] * 8, "##########G"])
WAY = [FORWARD] * 10 + [TURN_RIGHT] + [FORWARD] * 9
"""20 steps."""
NOTHING, NUMBER = jnp.zeros(1), jnp.zeros(1, jnp.int32)
REPORT = MuzeroReport(Losses(*[NOTHING] * 6, NUMBER > 0, NUMBER, NUMBER), jnp.zeros(()))
WISHES = Wishes(kept=LANES, scouted=LANES, practised=1)


def make_coin(chance):
    """A player that goes straight to the goal in so many of its episodes, and turns round and round in the others."""
    way = jnp.array(WAY)

    def act(net, obs, is_first, carry, *, key):
        del net, obs
        drawn = jax.random.uniform(key, is_first.shape) < chance
        is_going = jnp.where(is_first, drawn, carry[0])
        time = jnp.where(is_first, 0, carry[1])
        action = jnp.where(is_going, way[jnp.minimum(time, len(WAY) - 1)], TURN_LEFT)
        policy = jax.nn.one_hot(action, 3)
        return Plan(action, policy, jnp.zeros(is_first.shape)), (is_going, time + 1)

    def start(net, worlds):
        del net
        return jnp.zeros(worlds, bool), jnp.zeros(worlds, jnp.int32)

    return Player(start, act)


@pytest.fixture(scope="module")
def scout(quick_compilation):
    """The state after a round of scouting by such a player, and what it brought."""
    level = from_text(MAZE, side=11, step_limit=LIMIT)
    net = ActorCritic((54,), 3, memory="gru", width=4, embed=4, head=4, key=jax.random.key(0))
    recipe = PpoRecipe(lanes=LANES, steps=STEPS, epochs=1)
    craft = make_ppo_craft(recipe, lambda *, key: net)
    selector = sfl.make_sfl(Ground(LANES, lambda *, key, walls, generator: level, None), WISHES)

    @eqx.filter_jit
    def play(learner, state, chance, key):
        lesson = Lesson(
            world=make_maze(observation="bits"),
            pack=pack_unchecked,
            measure=lambda level: Size(*measure_maze(level)),
            selector=selector,
            scorer=scores.METHOD["Scorer"]["learnability"],
            craft=craft._replace(
                player=make_coin(chance),
                practise=lambda learner, stretch, *, key: (learner, REPORT),
            ),
        )
        return play_rounds(lesson, learner, state, rounds=1, key=key)[1:]

    def scout(chance, state=None):
        state = state or selector.begin(key=jax.random.key(1))
        return play(start_ppo(net, recipe), state, jnp.float32(chance), jax.random.key(2))

    return scout


def test_level_of_many_steps_that_half_of_the_episodes_solve_is_the_most_learnable(scout):
    state, brought = scout(0.5)
    assert np.mean(state.learnability) == pytest.approx(0.25, abs=0.04)
    assert 0.4 < int(brought.solved[0]) / int(brought.ended[0]) < 0.6


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_level_that_is_never_or_always_solved_is_not_learnable(scout, chance):
    state, brought = scout(chance)
    assert state.learnability.tolist() == [0.0] * LANES
    # 2,000 rows are 8 rounds, of episodes of 251 rows or of 21, the last of which is cut.
    whole = 8 * STEPS // (251 if chance == 0 else 21)
    assert int(brought.ended[0]) == whole * LANES


def test_every_step_of_scouting_is_a_frame(scout):
    _, brought = scout(1.0)
    ended, rows = int(brought.ended[0]), 8 * STEPS * LANES
    assert int(brought.frames[0]) == rows - ended


def test_practice_is_not_longer_than_a_round(scout):
    state, _ = scout(1.0)
    _, brought = scout(1.0, state)
    assert bool(brought.is_practised[0])
    assert int(brought.frames[0]) == (STEPS - STEPS // 21) * LANES
