"""Worlds of selectors get the odds that were asked for, in whatever they draw."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.runs.arenas import make_arena
from alpha_factory.runs.settings.config import LevelsConfig
from alpha_factory.worlds import draw_good, from_text
from alpha_factory.worlds.levels.tiles import FORWARD

pytestmark = pytest.mark.usefixtures("quick_compilation")

LEVEL = from_text("?>G", side=5, step_limit=12)
APPLE, BANANA = (np.float32(0.3), 0.0), (0.0, 1.0)
"""What apple and banana pay where the one is good, and where the other is."""
KEYS = jax.random.split(jax.random.key(0), 8)


@pytest.mark.parametrize(("odds", "good"), [(0.0, BANANA), (1.0, APPLE)])
def test_fruits_are_drawn_drawn_anew_and_guessed_by_the_odds(odds, good):
    """The level at hand is as the odds never have it, which its posterior knows once a fruit is eaten."""
    arena = make_arena(LevelsConfig(world="fruits", odds=odds), "ppo")
    level, key = draw_good(LEVEL, odds=1.0 - odds, key=jax.random.key(1)), jax.random.key(2)
    hidden = (float(level.reward.decoy), float(level.reward.goal))
    assert hidden != pytest.approx(good)
    assert arena.redraw is not None
    assert arena.posterior is not None
    before = arena.world.reset(level, key=key)
    after, _ = jax.jit(arena.world.step)(level, before, jnp.int32(FORWARD), key=key)
    assert bool(after.is_terminated)
    drawn = [
        lambda key: arena.draw(key=key, walls=3, generator="walls"),
        lambda key: arena.redraw(level, key=key),
        lambda key: arena.posterior(level, before, key=key),
        lambda key: arena.posterior(level, after, key=key),
    ]
    for draw, wanted in zip(drawn, [good, good, good, hidden], strict=True):
        levels = jax.jit(jax.vmap(draw))(KEYS)
        np.testing.assert_allclose(levels.reward.decoy, wanted[0])
        np.testing.assert_allclose(levels.reward.goal, wanted[1])


def test_mazes_hide_nothing():
    arena = make_arena(LevelsConfig(world="maze"), "ppo")
    assert arena.redraw is None
    assert arena.posterior is None
