"""Scores beside the truth: what a look at a student finds, and what many looks come to."""

import dataclasses

import jax
import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.build import make_untrained
from alpha_factory.runs.settings.text import change
from alpha_factory.runs.tasks import proxies
from alpha_factory.runs.tasks.proxies import (
    Look,
    Panel,
    draw_levels,
    find_student,
    relate,
    train_student,
)
from alpha_factory.worlds import shortest_walk
from runs import tiny_levels

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

NAMES = ("pvl", "learnability", "regret")
LEVELS, EPISODES, AT_A_TIME = 6, 4, 4
TINY = tiny_levels.with_levels(walls=60, score=None)
TINY = dataclasses.replace(TINY, curriculum=dataclasses.replace(TINY.curriculum, name="dr"))


def make_look(seed, levels=40):
    """One score is the regret, one its opposite, one says nothing; p is high where the regret is low."""
    draw = np.random.default_rng(seed)
    regret = draw.integers(0, 5, levels) / 4
    score = np.stack([regret, -regret, np.zeros(levels)])
    return Look(seed, 100, score, regret, 1 - regret)


def test_scores_are_related_to_the_truth_of_the_same_levels():
    """Drawn apart, a score and the regret that it equals would not agree in every resample."""
    looks = [make_look(0), make_look(1)]
    found = relate(looks, resamples=50)
    for part in found:
        assert part[0, :2] == pytest.approx([1, -1])
        assert part[1, :2] == pytest.approx([-1, 1])
        assert np.isnan(part[2, :3]).all()  # what is the same for all levels orders nothing
    frontier = np.mean([look.frontier for look in looks])
    assert found.mean[2, 3] == pytest.approx(frontier)
    assert found.low[2, 3] < frontier < found.high[2, 3]


def test_students_of_a_stage_are_averaged():
    looks = [make_look(0), make_look(1)]
    apart = [relate([look], resamples=2).mean for look in looks]
    np.testing.assert_allclose(relate(looks, resamples=2).mean, np.mean(apart, axis=0))


@pytest.fixture(scope="module")
def levels():
    return draw_levels(TINY, LEVELS, seed=0)


@pytest.fixture(scope="module")
def look(levels, quick_compilation):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proxies, "_AT_A_TIME", AT_A_TIME)
        panel = Panel(TINY, NAMES, levels=levels, episodes=EPISODES)
        return panel.look(make_untrained(TINY), seed=0, frames=0)


def test_truth_is_of_whole_episodes(look, levels):
    walks = np.asarray(jax.jit(jax.vmap(shortest_walk))(levels))
    best = np.where(walks > 0, 0.995 ** (walks - 1.0), 0)
    assert look.score.shape == (len(NAMES), LEVELS)
    np.testing.assert_array_equal(look.solved * EPISODES % 1, 0)
    # An episode of at most 12 steps that is solved earns at least 0.995^11.
    assert (look.regret >= best - look.solved - 1e-6).all()
    assert (look.regret <= best - 0.995**11 * look.solved + 1e-6).all()
    assert (look.regret[walks < 0] == 0).all()


def test_scores_are_of_another_rollout_than_the_truth(look):
    by_name = dict(zip(NAMES, look.score, strict=True))
    assert (by_name["pvl"] >= 0).all()
    assert (by_name["learnability"] <= 0.25).all()
    assert (by_name["regret"] <= 1).all()


def test_student_is_handed_out_at_every_stage():
    told = []
    stages = list(train_student(TINY, [100, 400], told.append))
    (first, early), (second, late) = stages
    assert 100 <= first < 400 <= second == told[-1]
    weights = [np.asarray(net.policy.out.weight) for net in (early, late)]
    assert not np.array_equal(*weights)
    assert all(np.isfinite(weight).all() for weight in weights)


def test_what_is_no_student_is_refused(tmp_path):
    with pytest.raises(UsageError, match="a policy without a critic"):
        find_student("library:act", print)
    with pytest.raises(UsageError, match=r"known of plain mazes, not of levels\.world=fruits"):
        Panel(change(TINY, ["levels.world=fruits"]), NAMES, levels=None, episodes=1)
    with pytest.raises(UsageError, match="Say how many walls"):
        draw_levels(tiny_levels.TINY, 3, seed=0)
