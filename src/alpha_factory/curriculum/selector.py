"""Which levels are played next: what every method of environment design gives, whatever the learner is.

A run goes in rounds: choose levels, play them over and over from a fresh start, score what happened, give the
selector its findings and, if the round is one of practice, learn from it (`curriculum.rounds`). All that a method
remembers is in its state, so a run that is stopped and resumed chooses the same levels.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Float32, Int, PRNGKeyArray

from alpha_factory.core.types import Level
from alpha_factory.curriculum.buffer import Visit
from alpha_factory.curriculum.identity import NOWHERE
from alpha_factory.learn import PpoLearner

State = Any
"""What a method remembers: an `eqx.Module` of arrays."""


class Choice(eqx.Module):
    """The levels of a round, one for each lane."""

    level: Level  # leading axis `lanes`
    slot: Int[Array, " lanes"]  # where the method keeps it; NOWHERE for one that it does not
    max_return: Float[Array, " lanes"]  # of any episode known to have ended there; -inf if none has
    is_practised: Bool[Array, ""]  # whether the learner makes gradient steps


class Findings(eqx.Module):
    """What a round found out about each of its levels."""

    visit: Visit
    mean_return: Float32[Array, " lanes"]  # of the episodes that ended
    value_loss: Float32[Array, " lanes"]  # mean |A| of the steps


class Selector(NamedTuple):
    """A method of environment design: pure functions on a state of its own."""

    begin: Callable[..., State]
    """`begin(*, key) -> state`: nothing has been played yet."""
    choose: Callable[..., tuple[State, Choice]]
    """`choose(state, *, key) -> (state, choice)`."""
    take: Callable[..., State]
    """`take(state, choice, findings) -> state`: what the round brought."""
    tell: Callable[[State], dict[str, Float[Array, ""]]]
    """Numbers of the state worth logging, by name; NaN where one is undefined."""
    score: str
    """The name of the score that the method goes by as published, in the extension slot Scorer."""
    is_grounded: bool = False
    """Levels are learned from and scored by the true odds of what they hide, whichever were chosen (SAMPLR)."""
    scout_steps: int | None = None
    """Rows, at least, of each lane in a round without practice; None: as many as in any round. Of those beyond a round
    only the episodes count, in a score as in the log (SFL)."""


class Tutor(NamedTuple):
    """A method that has learners of its own beside the student, and so plays whole rounds."""

    begin: Callable[..., State]
    """`begin(*, key) -> state`: nothing has been played yet."""
    teach: Callable[..., tuple]
    """`teach(lesson, learner, state, *, key) -> (learner, state, round)`: all of a round (`curriculum.rounds`)."""
    tell: Callable[[State], dict[str, Float[Array, ""]]]
    """As a selector's."""
    score: str
    """As a selector's; of the levels that the student played."""
    is_unfolding: bool = False
    """Levels are made as they come into the student's view, so that it can be none that sees them whole (DEGen)."""


class Design(NamedTuple):
    """A method as it is offered in the extension slot Selector."""

    make: Callable[..., Selector | Tutor]
    """`make(ground, wishes) -> selector`, or tutor; of the wishes those that are not published are None."""
    published: "Wishes"
    """Its authors' settings. One that is None the method does not read, and a run refuses to have it set."""


class Ground(NamedTuple):
    """What a run gives a method to make its levels from, and learners of its own."""

    lanes: int  # levels in a round
    draw: Callable[..., Level]
    """`draw(*, key, walls, generator) -> level`: a fresh one. With `walls` as the number of walls is drawn from;
    `generator` is "walls" or "empty"."""
    edit: Callable[..., Level]
    """`edit(level, *, edits, key) -> level`: a child."""
    redraw: Callable[..., Level] | None = None
    """`redraw(level, *, key) -> level`: with what it hides drawn by the true odds; None where nothing is hidden."""
    enrol: Callable[..., Any] | None = None
    """`enrol(*, key) -> learner`: one that has learned nothing, of the student's kind, sizes and updates."""
    hire: Callable[..., PpoLearner] | None = None
    """`hire(recipe, *, obs, actions, key) -> learner`: one that builds levels; further what `ActorCritic` takes. A
    builder is never judged, and learns by PPO whatever the student learns by."""


class Wishes(NamedTuple):
    """Settings that a method has its own defaults for, as published; None: the method's."""

    slots: int | None = None  # levels that the buffer holds
    replay: float | None = None  # chance that a round replays, once the buffer is full enough
    fill: float | None = None  # share of the slots taken from which on that is so
    temperature: float | None = None
    staleness: float | None = None
    prioritisation: str | None = None
    generator: str | None = None
    walls: int | None = None
    edits: int | None = None  # of a child
    parents_by: str | None = None  # which levels of a replayed batch are edited
    parents: int | None = None  # how many, where it is not all of them
    kept: int | None = None  # SFL: levels that are trained on
    scouted: int | None = None  # SFL: levels tried before they are chosen
    scout_steps: int | None = None  # SFL: rows in which each of them is tried
    practised: int | None = None  # SFL: rounds until they are chosen anew
    share: float | None = None  # SFL: of the lanes that play one of them
    antagonist: str | None = None  # PAIRED: which of its returns regret goes by, "max" or "mean"
    builder_rate: float | None = None  # PAIRED, DEGen: updates of what builds the levels
    builder_entropy: float | None = None
    builder_discount: float | None = None
    builder_trace: float | None = None
    builder_clip: float | None = None
    builder_epochs: int | None = None
    builder_minibatches: int | None = None


def settle_wishes(wishes: Wishes, published: Wishes) -> Wishes:
    """What was asked for, and where nothing was, what is published."""
    asked = {name: value for name, value in wishes._asdict().items() if value is not None}
    return published._replace(**asked)


def draw_fresh(ground: Ground, wishes: Wishes, *, key: PRNGKeyArray) -> Level:
    """A fresh level for each lane."""
    return jax.vmap(
        lambda one: ground.draw(key=one, walls=wishes.walls, generator=wishes.generator)
    )(jax.random.split(key, ground.lanes))


def choose_fresh(levels: Level, *, is_practised: Bool[Array, ""] | bool) -> Choice:
    """A round on levels of which nothing is known."""
    lanes = jax.tree.leaves(levels)[0].shape[0]
    return Choice(
        level=levels,
        slot=jnp.full(lanes, NOWHERE, jnp.int32),
        max_return=jnp.full(lanes, -jnp.inf, jnp.float32),
        is_practised=jnp.asarray(is_practised),
    )
