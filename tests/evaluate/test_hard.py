import json
from importlib import resources

import equinox as eqx
import jax
import numpy as np
import pytest

from alpha_factory.evaluate.hard import find_traits
from alpha_factory.evaluate.holdout import poet_suite
from alpha_factory.genome import from_hex
from alpha_factory.genome.rules import EFFECTS
from alpha_factory.worlds import count_matches, from_text
from alpha_factory.worlds.levels.tiles import NAMES, OPEN_DOOR


@pytest.fixture(scope="module")
def suite():
    return poet_suite()


@pytest.fixture(scope="module")
def rows():
    path = resources.files("alpha_factory.evaluate").joinpath("poet_100_v1.json")
    return json.loads(path.read_text(encoding="utf-8"))["levels"]


def test_traits_name_what_a_level_holds():
    rules = ["always: fog falls", "from step 9: the floor is mud"]
    level = from_text(">~H\n.KG", wind=[0, 2], slip=0.1, hint=0.05, crow=True, rules=rules)
    assert find_traits(level) == {
        *("tile lava", "tile goal", "tile key", "patrol", "wind", "slip", "reward hint"),
        *("reward by the crow", "fog falls", "the floor is mud", "small"),
    }


def test_traits_of_a_plain_maze_are_its_goal_and_size():
    lines = [">" + "." * 29, *["." * 30] * 18, "." * 29 + "G"]
    assert find_traits(from_text("\n".join(lines))) == {"tile goal", "large"}


def test_poet_suite_holds_100_different_levels(suite):
    assert (suite.name, suite.step_limits) == ("poet-100-v1", (250,))
    assert len(set(suite.names)) == 100
    assert suite.levels.tile.shape == (100, 32, 32)
    assert count_matches(suite.levels, suite.levels, is_plan_only=True).tolist() == [1] * 100


def test_poet_suite_covers_all_that_a_genome_can_say(suite):
    seen: dict[str, int] = {}
    for index in range(100):
        for trait in find_traits(jax.tree.map(lambda leaf, at=index: leaf[at], suite.levels)):
            seen[trait] = seen.get(trait, 0) + 1
    tiles = {f"tile {name}" for kind, name in enumerate(NAMES) if kind > 1 and kind != OPEN_DOOR}
    wanted = tiles | {effect.text for effect in EFFECTS if effect.text} | {"patrol", "chaser"}
    wanted |= {"gravity", "wind", "drag", "friction", "restitution", "slip", "reward by the crow"}
    wanted |= {f"reward {name}" for name in ("dense", "coin", "decoy", "hint", "step_cost")}
    wanted |= {"small", "middling", "large"}
    assert set(seen) == wanted
    assert min(seen.values()) >= 4


def test_poet_levels_are_hard_and_their_genomes_whole(rows):
    steps = [row["fewest_steps"] for row in rows]
    assert np.median(steps) >= 30
    assert max(steps) <= 250
    assert all(row["solve_rate"] >= 0.75 for row in rows)
    assert all(from_hex(row["genome"]).shape == (16,) for row in rows)


def test_poet_returns_stay_within_one(suite, rows):
    reward = suite.levels.reward
    costs = np.asarray(2 * reward.step_cost * 250 + reward.penalty)
    assert (costs <= 1 + 1e-5).all()
    assert all(row["optimal_return"] is None or row["optimal_return"] <= 1 for row in rows)
    assert eqx.tree_equal(suite.levels, poet_suite().levels)
