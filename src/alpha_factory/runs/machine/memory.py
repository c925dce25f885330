"""What runs and plays need of the device's memory, by part, and what to lower where it is too little."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import equinox as eqx
import jax

from alpha_factory.core.types import Level, World
from alpha_factory.learn import Practice, Scholar, Student, start_learner, start_student
from alpha_factory.runs.build import make_model, make_practice
from alpha_factory.runs.lessons import Pupil, begin_pupil, make_lesson
from alpha_factory.runs.machine.devices import LANES
from alpha_factory.runs.machine.shortage import Estimate
from alpha_factory.runs.settings.config import MUZERO, PPO, RunConfig
from alpha_factory.runs.state import RunState, outline_state

_GIB = 2**30
_KEPT_GATES = 6  # numbers of a row and unit that a gradient through an LSTM or a layer of S5 keeps
_SMALLER_NETWORK = "lower network.latent, network.head or network.widths"
_LESS_PPO = {
    "policy and optimiser": "lower ppo.width",
    "update": "lower levels.lanes or levels.steps, or raise ppo.minibatches",
}
_ELSEWHERE = "in a new run, or play on a device with more memory"


def estimate_run(
    config: RunConfig,
    *,
    devices: int = 1,
    students: int = 2,
    whose: str = "a specialist has its own",
    work: int | None = None,
) -> Estimate:
    """Of a run, whose student stays where it is while a specialist learns; as `estimate_practice`."""
    state = outline_state(config)
    if config.learner == PPO:
        estimate = _estimate_traveller(config, state, students=students, whose=whose, work=work)
    else:
        estimate = estimate_practice(
            config,
            make_practice(config),
            state.pool,
            devices=devices,
            students=students,
            whose=whose,
            work=work,
        )
    lanes = "levels.lanes" if config.learner == PPO else "learning.worlds"
    own = {
        "worlds": f"lower {lanes} or curriculum.slots",
        "agents of the past": "lower curriculum.agents",
    }
    past = _in_gib({"agents of the past": _size(state.roster)})
    return estimate._replace(parts=estimate.parts | past, remedies=estimate.remedies | own)


def estimate_practice(
    config: RunConfig,
    practice: Practice,
    source: Level,
    *,
    devices: int = 1,
    students: int = 1,
    whose: str = "",
    work: int | None = None,
) -> Estimate:
    """Of learning: what is kept, exactly but for some counters, and what is worked with on top.

    Args:
        practice: of this config, not spread over devices.
        source: levels to train on, or their shapes.
        devices: that lanes and batches are spread over; the numbers are of one of them.
        students: how many are there at a time, each with replay, model and worlds of its own.
        whose: they are, where there is more than one.
        work: bytes that the compiler says the training needs besides its arguments; None if it was
            not compiled, when only what the trees and the kept forward passes take is counted.
    """
    student: Student = eqx.filter_eval_shape(partial(_begin, config, practice), source)
    ring, recipe, actions = student.ring, practice.recipe, practice.world.actions
    spread = sum(_size(getattr(ring, name)) for name in LANES)
    acting = _size_trees(config, practice.lanes, actions) / devices
    again = _size_trees(config, recipe.reanalysed * recipe.window, actions) / devices
    size, remedy = _weigh_update(config, ring.obs.shape[2:], ring.is_packed)
    parts = {
        "replay": students * (_size(ring) - spread + spread / devices),
        "model and optimiser": students * _size(student.learner),
        "worlds": students * (_size(student.actors) / devices + _size(source)),
        "search": acting + again,
        "update": size / devices if work is None else max(0, work - acting - again),
    }
    trees = "learning.reanalyse, search.simulations or learning.batch"
    remedies = {
        "replay": "lower learning.replay_slots or learning.worlds",
        "model and optimiser": _SMALLER_NETWORK,
        "worlds": "lower learning.worlds",
        "search": f"lower {trees if again > acting else 'search.simulations or learning.worlds'}",
        "update": remedy,
    }
    note = ""
    if students > 1:
        note += f" Replay, model and worlds are counted {students} times: {whose}."
    if devices > 1:
        note += f" The numbers are of each of {devices} devices."
    return Estimate(_in_gib(parts), remedies, note)


def estimate_pupil(config: RunConfig, *, work: int | None = None) -> Estimate:
    """Of rounds on chosen levels: what is kept, and what is worked with on top.

    Args:
        work: bytes that the compiler says the training needs besides its arguments; None if it was not
            compiled, when only the rows and what the memory keeps of each for the gradient are counted, or
            what the trees of a search and the kept forward passes take.
    """
    lesson = make_lesson(config)
    pupil = eqx.filter_eval_shape(partial(begin_pupil, config, lesson))
    if config.learner == MUZERO:
        return _estimate_scholar(config, pupil, lesson.world.actions, work)
    parts = {
        "levels": float(_size(pupil.selection)),
        "policy and optimiser": float(_size(pupil.learner)),
        "update": float(_size_sequences(config) if work is None else work),
    }
    levels = "lower levels.slots, levels.kept or, for learners of its own, ppo.width"
    return Estimate(_in_gib(parts), {"levels": levels, **_LESS_PPO})


def estimate_play(
    config: RunConfig | None,
    models: Any,
    world: World,
    levels: Level,
    *,
    lanes: int,
    states: int = 1,
) -> Estimate:
    """Of playing levels, beside whatever else is on the device now.

    Args:
        config: of the run whose agent plays; None for a policy from elsewhere, of which no more is known than its
            parameters.
        models: all that play.
        levels: stacked.
        lanes: levels played side by side.
        states: kept of each of them.
    """
    level = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), levels)
    state = eqx.filter_eval_shape(lambda level: world.reset(level, key=jax.random.key(0)), level)
    parts = {
        "model": _size(models),
        "worlds": _size(levels) + lanes * (_size(level) + states * _size(state)),
        "held besides": max(0, _size_held() - _size(models) - _size(levels)),
    }
    if config is not None and config.learner == MUZERO:
        parts["search"] = _size_trees(config, lanes, world.actions)
        smaller = f"{_SMALLER_NETWORK} {_ELSEWHERE}"
    elif config is not None:
        smaller = f"{_LESS_PPO['policy and optimiser']} {_ELSEWHERE}"
    else:
        smaller = "keep less in the policy's params, or play on a device with more memory"
    remedies = {
        "model": smaller,
        "worlds": "play on a device with more memory",
        "search": f"lower search.simulations {_ELSEWHERE}",
        "held besides": "play apart from the run, by `alpha-factory evaluate`",
    }
    return Estimate(_in_gib(parts), remedies)


def _begin(config: RunConfig, practice: Practice, source: Level) -> Student:
    world, key = practice.world, jax.random.key(0)
    _, level = practice.draw_level(source, key=key)
    obs = world.observe(level, world.reset(level, key=key))
    learner = start_learner(make_model(config, obs.shape, world.actions), practice.recipe)
    return start_student(practice, learner, source, key=key)


def _estimate_scholar(config: RunConfig, pupil: Pupil, actions: int, work: int | None) -> Estimate:
    """Of rounds of MuZero, as `estimate_pupil`."""
    scholar, learning = pupil.learner, config.learning
    assert isinstance(scholar, Scholar)
    ring = scholar.ring
    window = learning.unroll + learning.horizon + 1
    again = round(learning.reanalyse * learning.batch) * window
    search = _size_trees(config, max(config.levels.lanes, again), actions)
    size, remedy = _weigh_update(config, ring.obs.shape[2:], ring.is_packed)
    parts = {
        "levels": _size(pupil.selection),
        "replay": _size(ring),
        "model and optimiser": _size(scholar.learner),
        "search": search,
        "update": size if work is None else max(0, work - search),
    }
    remedies = {
        "levels": "lower levels.slots or levels.kept",
        "replay": "lower learning.replay_slots or levels.steps",
        "model and optimiser": _SMALLER_NETWORK,
        "search": "lower search.simulations, levels.lanes or learning.reanalyse",
        "update": remedy,
    }
    return Estimate(_in_gib(parts), remedies)


def _estimate_traveller(
    config: RunConfig, state: RunState, *, students: int, whose: str, work: int | None
) -> Estimate:
    """Of PPO in a pool, as `estimate_practice`."""
    student = state.student
    parts = {
        "worlds": students * (_size(student.actors) + _size(state.pool)),
        "policy and optimiser": students * _size(student.learner),
        "update": _size_sequences(config) if work is None else work,
    }
    note = f" Policy and worlds are counted {students} times: {whose}." if students > 1 else ""
    return Estimate(_in_gib(parts), dict(_LESS_PPO), note)


def _size_sequences(config: RunConfig) -> int:
    """What the memory keeps of each row for the gradient."""
    rows, ppo = config.levels.lanes * config.levels.steps, config.ppo
    layers = ppo.layers if ppo.memory == "s5" else 1
    return 4 * rows * (ppo.embed + ppo.width * (1 + _KEPT_GATES * layers))


def _size_trees(config: RunConfig, roots: int, actions: int) -> int:
    """Nodes hold a latent, five numbers, and four for each action (`search.tree.Tree`)."""
    nodes = roots * (config.search.simulations + 2)
    latent = config.network.latent * (2 if config.network.dtype == "bfloat16" else 4)
    return nodes * (latent + 4 * (5 + 4 * actions))


def _weigh_update(config: RunConfig, obs: tuple[int, ...], is_packed: bool) -> tuple[int, str]:
    """What an update takes besides its searches, and what helps where that is too much.

    Roughly, by the sizes of the layers: those of all unrolled steps, kept for the gradient, or before that those of all
    rows whose values are refreshed.
    """
    network, learning = config.network, config.learning
    widths, layer = sum(network.widths), 0
    features = math.prod(obs) * (8 if is_packed else 1)
    if network.encoder == "transformer":
        layer = 16 * network.embed * (features // network.token)
    step = 8 * network.latent + 3 * network.head  # gates of the GRU, heads
    first = 3 * widths + network.layers * layer
    kept = 4 * learning.batch * (first + (learning.unroll + 1) * step)
    row = features + widths + layer + network.latent + network.head
    fresh = 4 * learning.batch * (learning.unroll + learning.horizon + 1) * row
    batch = "learning.batch or learning.reanalyse" if learning.reanalyse else "learning.batch"
    if learning.refresh and fresh > kept:
        return fresh, f"lower {batch}, or leave out learning.refresh"
    return kept, f"lower {batch}" + ("" if learning.remake else ", or set learning.remake")


def _size_held() -> int:
    """Bytes of all arrays that lie on this process's first device."""
    device = jax.local_devices()[0]
    return sum(
        math.prod(array.sharding.shard_shape(array.shape)) * array.dtype.itemsize
        for array in jax.live_arrays()
        if device in array.sharding.device_set
    )


def _size(tree: Any) -> int:
    return sum(
        leaf.size * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(eqx.filter(tree, lambda leaf: hasattr(leaf, "dtype")))
    )


def _in_gib(parts: Mapping[str, int | float]) -> dict[str, float]:
    return {name: size / _GIB for name, size in parts.items()}
