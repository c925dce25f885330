"""Settings at their smallest: one of whatever there are usually many."""

import jax
import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.learn import start_learner, start_student, train
from alpha_factory.runs.build import make_model, make_practice, make_untrained
from alpha_factory.runs.settings.text import change
from alpha_factory.runs.tasks.catalogue import draw_level
from alpha_factory.worlds.cartpole import cartpole_level, make_cartpole
from runs.tiny import TINY

pytestmark = pytest.mark.implicit_promotion


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(
            ("learning.batch=1", "learning.reanalyse=1.0", "search.simulations=1"),
            id="a batch of one, reanalysed by one simulation",
        ),
        pytest.param(
            ("learning.worlds=1", "learning.unroll=1", "learning.horizon=1"),
            id="one world, one step ahead",
        ),
        pytest.param(("search.kind=puct", "search.simulations=1"), id="one simulation of PUCT"),
    ],
)
def test_learner_with_one_of_something_learns(changes):
    """Two stretches of acting and learning; the world is the one that compiles fastest."""
    config = change(TINY, ["learning.updates=1", *changes])
    world = make_cartpole()
    practice = make_practice(config, world=world, draw_level=draw_level, slots=1)
    source = jax.tree.map(lambda leaf: leaf[None], cartpole_level())
    obs = jax.eval_shape(
        lambda level: world.observe(level, world.reset(level, key=jax.random.key(0))),
        cartpole_level(),
    )
    model = make_model(config, obs.shape, world.actions)
    key_start, key_train = jax.random.split(jax.random.key(0))

    @jax.jit
    def learn():
        student = start_student(
            practice, start_learner(model, practice.recipe), source, key=key_start
        )
        student, progress = train(practice, student, source, iterations=2, key=key_train)
        return student.learner.skipped, progress.losses, progress.episodes.frames

    skipped, losses, frames = learn()
    assert int(skipped) == 0
    assert int(frames) > 0
    told = np.stack([np.ravel(term) for term in (losses.value, losses.policy, losses.reward)])
    assert np.isfinite(told).all()
    assert (told[1] > 0).all()


def test_bins_without_a_range_are_refused():
    config = change(TINY, ["network.bins=11", "search.value_range=null"])
    with pytest.raises(UsageError, match=r"network\.bins=11 need a range: set search\.value_range"):
        make_untrained(config)
