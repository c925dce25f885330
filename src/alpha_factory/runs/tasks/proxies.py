"""Which score finds the frontier: what scores say of levels beside the truth, at stages of a student's training.

At each stage a student plays the same fresh mazes twice over. One round, as a curriculum would play it, gives every
score but learnability, which is of the episodes in as many rows as SFL scouts a level for. Whole episodes of their own
give the truth: p, the share that is solved, and the true regret, what the shortest walk earns less what the student
earns on average, both discounted. So no score shares its luck with the truth that it is compared with, and quick
episodes do not count more than slow ones.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Level
from alpha_factory.curriculum import (
    SCOUT_STEPS,
    choose_fresh,
    gather_evidence,
    play_levels,
    play_on,
    true_regret,
    walk_return,
)
from alpha_factory.evaluate import rank_correlation, stratified_interval, top_share
from alpha_factory.learn import Losses, PpoLearner, PpoLosses
from alpha_factory.nets import ActorCritic
from alpha_factory.rollout import play
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.course import Hooks
from alpha_factory.runs.divergence import check_progress
from alpha_factory.runs.evaluation import load_trained
from alpha_factory.runs.judging.target import RunTarget, find_target
from alpha_factory.runs.lessons import make_lesson
from alpha_factory.runs.resolve import resolve
from alpha_factory.runs.schooling.course import LessonPrograms, Schooling
from alpha_factory.runs.settings.config import LEARNABILITY, POET, PPO, RunConfig
from alpha_factory.runs.settings.limits import MAZE
from alpha_factory.worlds import draw_maze, shortest_walk

RELATIONS = ("regret", "p", "p(1-p)", "top")
"""What is told of each score: its rank correlation with these, and how many of its top levels are in the frontier."""

TOP = 0.1
"""Share of the levels that are a score's top ones."""

_AT_A_TIME = 250  # levels played side by side


class Look(NamedTuple):
    """What was found out about the levels at one stage of one student."""

    seed: int
    frames: int  # that it had had
    score: Float[np.ndarray, "scores levels"]  # -inf: none, which a buffer refuses
    regret: Float[np.ndarray, " levels"]
    solved: Float[np.ndarray, " levels"]  # p

    @property
    def frontier(self) -> float:
        """Share of the levels that are solved sometimes and not always."""
        return float(np.mean((self.solved > 0) & (self.solved < 1)))


class Relations(NamedTuple):
    """Of each score to each of `RELATIONS`, the mean over students; NaN where a ranking is undefined."""

    mean: Float[np.ndarray, "scores relations"]
    low: Float[np.ndarray, "scores relations"]  # 95 % over levels, drawn anew for each student
    high: Float[np.ndarray, "scores relations"]


class Panel:
    """Fresh mazes on which students are looked at; the program is compiled once."""

    def __init__(
        self, config: RunConfig, scores: Sequence[str], *, levels: Level, episodes: int
    ) -> None:
        """A panel that has seen nobody.

        Args:
            config: says how long a round is, how long levels are scouted for, and the discount.
            scores: names in the extension slot Scorer.
            levels: with a leading axis.
            episodes: whole ones of each level, for the truth.

        Raises:
            UsageError: there is no such score, or the config asks for what there is not or for other levels than
                plain mazes.
        """
        if config.levels.world != MAZE:
            raise UsageError(
                f"The true regret is known of plain mazes, not of levels.world={config.levels.world}."
            )
        self.levels = levels
        self._lesson = make_lesson(config)
        self._scorers = {name: resolve("Scorer", name) for name in scores}
        self._rounds = math.ceil((config.levels.scout_steps or SCOUT_STEPS) / config.levels.steps)
        self._episodes = episodes
        self._look = eqx.filter_jit(self._play)

    def look(self, net: ActorCritic, *, seed: int, frames: int) -> Look:
        """What the scores say of the levels for a student, and the truth."""
        number = self.levels.step_limit.size
        lanes = min(number, _AT_A_TIME)
        parts = []
        for turn in range(-(-number // lanes)):
            at = (
                turn * lanes + np.arange(lanes)
            ) % number  # the last batch is filled up from the first
            batch = jax.tree.map(lambda leaf, at=at: leaf[at], self.levels)
            key = jax.random.fold_in(derive_key(seed, "judge", turn), frames)
            parts.append(jax.device_get(self._look(net, batch, key)))
        score, regret, solved = (
            np.concatenate(part, axis=-1)[..., :number] for part in zip(*parts, strict=True)
        )
        known = np.where(np.isfinite(score), score, -np.inf)
        return Look(seed, frames, known, regret, solved)

    def _play(
        self, net: ActorCritic, levels: Level, key: PRNGKeyArray
    ) -> tuple[Float[Array, "scores lanes"], Float[Array, " lanes"], Float[Array, " lanes"]]:
        lesson = self._lesson
        craft = lesson.craft
        discount = craft.discount
        key_start, key_round, key_truth = jax.random.split(key, 3)
        packed = jax.vmap(lesson.pack)(levels)
        choice = choose_fresh(levels, is_practised=False)
        stretch = play_levels(lesson, net, levels, keys=(key_start, key_round))
        key_more = jax.random.fold_in(key_round, 1)
        scouted = play_on(lesson, net, stretch, times=self._rounds - 1, key=key_more)
        of_round, of_scouting = (
            gather_evidence(lesson, choice, played) for played in (stretch, scouted)
        )
        score = jnp.stack(
            [
                scorer(of_scouting if name == LEARNABILITY else of_round)
                for name, scorer in self._scorers.items()
            ]
        )

        def attempt(key: PRNGKeyArray) -> tuple[Array, Array]:
            played = play(lesson.world, craft.player, net, packed, key=key)
            actions = jnp.where(played.is_solved, played.steps, 0)
            return walk_return(actions, discount=discount), played.is_solved.astype(jnp.float32)

        earned, solved = jax.lax.map(attempt, jax.random.split(key_truth, self._episodes))
        best = walk_return(jax.vmap(shortest_walk)(levels), discount=discount)
        return score, true_regret(best, jnp.mean(earned, axis=0)), jnp.mean(solved, axis=0)


def draw_levels(config: RunConfig, levels: int, *, seed: int) -> Level:
    """Fresh mazes as a run of this config draws them, the same for every student; some have no way to the goal.

    Raises:
        UsageError: the config does not say how many walls they have.
    """
    chosen = config.levels
    if chosen.walls is None:
        raise UsageError("Say how many walls the mazes have: set levels.walls.")
    draw = partial(
        draw_maze, walls=chosen.walls, number=chosen.number, step_limit=chosen.step_limit
    )
    return jax.jit(jax.vmap(lambda key: draw(key=key)))(
        jax.random.split(derive_key(seed, "evaluate", 0), levels)
    )


def train_student(
    config: RunConfig, stages: Sequence[int], told: Callable[[int], None] = lambda frames: None
) -> Iterator[tuple[int, ActorCritic]]:
    """Train, and stop at each stage.

    Args:
        stages: frames, in rising order.
        told: given the frames after every stretch.

    Yields:
        The frames that there were, as many as asked for or up to a stretch more, and the policy.

    Raises:
        Diverged: too many updates in a row had to be skipped.
    """
    course = Schooling(LessonPrograms(config), Hooks())
    for stage in stages:
        while course.counters.frames < stage:
            course.train(_check)
            course.turn()
            told(course.counters.frames)
        # A copy, since the next stretch takes the course's own.
        learner = course.state.learner
        assert isinstance(learner, PpoLearner)
        yield (
            course.counters.frames,
            jax.tree.map(lambda leaf: jnp.copy(leaf) if eqx.is_array(leaf) else leaf, learner.net),
        )


def find_student(text: str, warned: Callable[[str], None]) -> tuple[RunConfig, int, ActorCritic]:
    """The policy of a run's directory, or of one of its checkpoints, and the frames that it had had.

    Raises:
        UsageError: there is no such run, or its agent has no critic to score with.
        CorruptCheckpoint: the checkpoint is not whole.
    """
    target = find_target(text)
    if not isinstance(target, RunTarget):
        raise UsageError(f"{text} is a policy without a critic. Give a run of --learner ppo.")
    trained = load_trained(target, warned)
    learner, curriculum = trained.config.learner, trained.config.curriculum.name
    if learner != PPO or curriculum == POET:
        raise UsageError(
            f"{text} learns by {learner} on levels of {curriculum}; scores are of rounds, not of {POET}, with "
            f"--learner {PPO}."
        )
    assert isinstance(trained.model, ActorCritic)
    return trained.config, trained.counters.frames, trained.model


def relate(looks: Sequence[Look], *, resamples: int = 2000) -> Relations:
    """How each score relates to the truth, for one or several students at the same stage.

    Each student is a stratum: its levels are drawn anew, with replacement, score and truth together. So the interval
    is that of other levels for these students; how far students differ is in their own numbers.
    """
    levels = looks[0].regret.size

    def find(at: np.ndarray) -> np.ndarray:
        chosen = at.astype(int).T
        return np.mean(
            [_relate(look, one) for look, one in zip(looks, chosen, strict=True)], axis=0
        )

    every = np.repeat(np.arange(levels)[:, None], len(looks), axis=1)
    mean, ends = (
        find(every),
        stratified_interval(find, every, strata=range(len(looks)), resamples=resamples),
    )
    low, high = ends if ends is not None else (np.full_like(mean, np.nan),) * 2
    return Relations(mean, low, high)


def _relate(look: Look, at: np.ndarray) -> np.ndarray:
    """Axes `scores relations`, for the levels of these numbers."""
    regret, solved = look.regret[at], look.solved[at]
    is_frontier = (solved > 0) & (solved < 1)
    return np.array(
        [
            [
                rank_correlation(score, regret),
                rank_correlation(score, solved),
                rank_correlation(score, solved * (1 - solved)),
                top_share(score, is_frontier, top=TOP),
            ]
            for score in look.score[:, at]
        ]
    )


def _check(
    losses: Losses | PpoLosses, updates: int, tell_world: Callable[[int], str], whose: str
) -> None:
    check_progress(losses, updates=updates, tell_world=tell_world, checkpoint=None, whose=whose)
