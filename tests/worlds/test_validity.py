import equinox as eqx
import jax.numpy as jnp
import pytest

from alpha_factory.core.errors import InvalidLevel
from alpha_factory.worlds import from_text
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.validity import check_level

LEVEL = from_text(">.G\n#.#")


def _changed(**changes):
    level = LEVEL
    for name, value in changes.items():
        level = eqx.tree_at(lambda tree, name=name: getattr(tree, name), level, value)
    return level


def test_playable_level_passes():
    check_level(LEVEL)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": jnp.array([1, 0])}, "start must be on a tile .*wall at row 2, column 1"),
        ({"start": jnp.array([5, 0])}, "start must be within 2 x 3 cells; got 'row 6, column 1'"),
        ({"goal": jnp.array([0, 1])}, "goal must be where .*floor at row 1, column 2"),
        ({"tile": LEVEL.tile.at[0, 2].set(tiles.FLOOR)}, "exactly one cell; got '0 of them'"),
        ({"tile": LEVEL.tile.at[0, 1].set(tiles.GOAL)}, "exactly one cell; got '2 of them'"),
        ({"tile": jnp.full_like(LEVEL.tile, tiles.WALL)}, "tile must be free in at least one"),
        ({"tile": LEVEL.tile.at[0, 1].set(99)}, "tile must be codes below 23; got 99"),
        ({"size": jnp.array([2, 99])}, "size must be within the arrays"),
        ({"step_limit": jnp.int32(0)}, "step_limit must be 1 or more"),
    ],
)
def test_unplayable_level_is_refused(changes, said):
    with pytest.raises(InvalidLevel, match=said):
        check_level(_changed(**changes))
