import json
from importlib import resources

import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core import AlphaFactoryError
from alpha_factory.evaluate import digest_levels, limit_steps, public_suite, read_suite, suite
from alpha_factory.evaluate.holdout import DIGEST, generated_suite
from reference.engine import PLAN, take
from reference.grid import read_level, solve


@pytest.fixture(scope="module")
def generated():
    return generated_suite()


@pytest.fixture(scope="module")
def recorded():
    """The file of generated-v1 as it is."""
    folder = resources.files("alpha_factory.evaluate")
    return json.loads(folder.joinpath("generated_v1.json").read_text(encoding="utf-8"))


def test_public_suite_holds_the_eight_mazes_at_both_step_limits():
    mazes = public_suite()
    assert mazes.name == "public-mazes-v1"
    assert mazes.step_limits == (250, 450)
    assert len(mazes.names) == len(set(mazes.names)) == 8
    assert mazes.levels.tile.shape == (8, 13, 13)
    assert set(mazes.levels.step_limit.tolist()) == {250}
    assert not mazes.levels.dense.any()
    assert not mazes.levels.slip.any()


def test_generated_suite_holds_256_different_levels(generated):
    assert generated.name == "generated-v1"
    assert generated.step_limits == (128,)
    assert len(set(generated.names)) == 256
    leaves = [
        np.asarray(leaf).reshape(256, -1).astype(float) for leaf in vars(generated.levels).values()
    ]
    assert len(np.unique(np.concatenate(leaves, axis=1), axis=0)) == 256
    assert set(generated.levels.step_limit.tolist()) == {128}


def test_every_generated_level_is_solvable_and_its_recorded_plan_is_the_shortest(
    generated, recorded
):
    """Proved by a search that shares no code with the engine."""
    for index, row in enumerate(recorded["levels"]):
        plan = solve(read_level(take(generated.levels, index)))
        assert plan is not None, row["name"]
        assert len(plan) == row["plan"], row["name"]
        assert 8 <= len(plan) <= 64 < generated.step_limits[0]
    found = PLAN(generated.levels).tolist()
    assert found == [row["plan"] for row in recorded["levels"]]


def test_suite_that_says_something_else_is_refused_naming_both_digests(recorded):
    wrong = "0" * 64
    with pytest.raises(AlphaFactoryError) as caught:
        read_suite("generated_v1.json", wrong)
    found = digest_levels(recorded["levels"], recorded["step_limits"])
    assert found == DIGEST
    for part in ("generated-v1", wrong, found):
        assert part in str(caught.value)


def test_public_suite_is_refused_when_a_maze_was_changed(monkeypatch):
    from alpha_factory.evaluate import public

    mazes = public.public_mazes()
    mazes.pop("Labyrinth")
    monkeypatch.setattr(public, "public_mazes", lambda: mazes)
    with pytest.raises(AlphaFactoryError) as caught:
        public.public_suite()
    assert public.DIGEST in str(caught.value)


def test_digest_tells_levels_and_step_limits_apart_and_not_their_layout():
    rows = [{"name": "a", "map": [">G"]}, {"name": "b", "map": ["G<"]}]
    digest = digest_levels(rows, [9])
    assert digest == digest_levels([dict(reversed(row.items())) for row in rows], (9,))
    others = [
        digest_levels(rows[::-1], [9]),
        digest_levels(rows[:1], [9]),
        digest_levels(rows, [10]),
        digest_levels([rows[0], rows[1] | {"map": ["G^"]}], [9]),
    ]
    assert len({digest, *others}) == 5


def test_limit_steps_changes_nothing_but_the_limit():
    mazes = public_suite().levels
    longer = limit_steps(mazes, 450)
    assert set(longer.step_limit.tolist()) == {450}
    for name, leaf in vars(mazes).items():
        if name != "step_limit":
            assert jnp.array_equal(leaf, getattr(longer, name))
    assert suite.limit_steps is limit_steps
