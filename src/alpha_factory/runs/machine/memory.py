"""What programs need of the device's memory, by part, and what to lower where it is too little."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax

from alpha_factory.core.errors import OutOfMemory
from alpha_factory.core.types import Level, World
from alpha_factory.learn import Practice, Student, start_learner, start_student
from alpha_factory.runs.build import make_model, make_practice
from alpha_factory.runs.lessons import begin_pupil, make_lesson
from alpha_factory.runs.machine.devices import LANES
from alpha_factory.runs.settings.config import MUZERO, RunConfig
from alpha_factory.runs.state import begin_state

_GIB = 2**30
_KEPT_GATES = 6  # numbers of a row and unit that a gradient through an LSTM or a layer of S5 keeps
_SMALLER_NETWORK = "lower network.latent, network.head or network.widths"
_ELSEWHERE = "in a new run, or play on a device with more memory"


class Estimate(NamedTuple):
    """GiB on one device by part, and for each part what to lower."""

    parts: dict[str, float]
    remedies: dict[str, str]
    note: str = ""  # what else must be known to read the numbers


@contextmanager
def explain_shortage(program: str, estimate: Callable[[], Estimate]) -> Iterator[None]:
    """Turn a shortage of the device's memory inside the block into an `OutOfMemory`.

    What the block starts on the device must be waited for in it: a shortage may show no earlier.

    Args:
        program: what did not fit, for the message.
        estimate: of what is on the device in the block. Called after a shortage only.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if not _is_shortage(error):
            raise
        parts, remedies, note = estimate()
        greatest = max(parts, key=lambda name: parts[name])
        told = f"The greatest part is {greatest}: {remedies[greatest]}.{note}"
        raise OutOfMemory(program, parts, told) from error


def estimate_run(
    config: RunConfig,
    *,
    devices: int = 1,
    students: int = 2,
    whose: str = "a specialist has its own",
    work: int | None = None,
) -> Estimate:
    """Of a run, whose student stays where it is while a specialist learns; as `estimate_practice`."""
    state = eqx.filter_eval_shape(begin_state, config)
    estimate = estimate_practice(
        config,
        make_practice(config),
        state.pool,
        devices=devices,
        students=students,
        whose=whose,
        work=work,
    )
    own = {
        "worlds": "lower learning.worlds or curriculum.slots",
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
    if work is None:
        update = _size_passes(config, ring.obs.shape[2:], ring.is_packed) / devices
    else:
        update = max(0, work - acting - again)
    parts = {
        "replay": students * (_size(ring) - spread + spread / devices),
        "model and optimiser": students * _size(student.learner),
        "worlds": students * (_size(student.actors) / devices + _size(source)),
        "search": acting + again,
        "update": update,
    }
    trees = "learning.reanalyse, search.simulations or learning.batch"
    batch = "learning.batch or learning.reanalyse" if again else "learning.batch"
    remedies = {
        "replay": "lower learning.replay_slots or learning.worlds",
        "model and optimiser": _SMALLER_NETWORK,
        "worlds": "lower learning.worlds",
        "search": f"lower {trees if again > acting else 'search.simulations or learning.worlds'}",
        "update": f"lower {batch}, or set learning.remake",
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
            compiled, when only the rows and what the memory keeps of each for the gradient are counted.
    """
    lesson = make_lesson(config)
    pupil = eqx.filter_eval_shape(partial(begin_pupil, config, lesson))
    rows, ppo = config.levels.lanes * config.levels.steps, config.ppo
    layers = ppo.layers if ppo.memory == "s5" else 1
    kept = 4 * rows * (ppo.embed + ppo.width * (1 + _KEPT_GATES * layers))
    parts = {
        "levels": float(_size(pupil.selection)),
        "policy and optimiser": float(_size(pupil.learner)),
        "update": float(kept if work is None else work),
    }
    remedies = {
        "levels": "lower levels.slots, levels.kept or, for learners of its own, ppo.width",
        "policy and optimiser": "lower ppo.width",
        "update": "lower levels.lanes or levels.steps, or raise ppo.minibatches",
    }
    return Estimate(_in_gib(parts), remedies)


def estimate_play(
    config: RunConfig, models: Any, world: World, levels: Level, *, lanes: int, states: int = 1
) -> Estimate:
    """Of playing levels by search, beside whatever else is on the device now.

    Args:
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
        "search": _size_trees(config, lanes, world.actions) if config.learner == MUZERO else 0,
        "held besides": max(0, _size_held() - _size(models) - _size(levels)),
    }
    remedies = {
        "model": f"{_SMALLER_NETWORK} {_ELSEWHERE}",
        "worlds": "play on a device with more memory",
        "search": f"lower search.simulations {_ELSEWHERE}",
        "held besides": "play apart from the run, by `alpha-factory evaluate`",
    }
    return Estimate(_in_gib(parts), remedies)


def measure_work(compiled: Any) -> int:
    """Bytes on each device that a compiled program needs besides its arguments and what it returns."""
    return int(compiled.memory_analysis().temp_size_in_bytes)


def measure_need(compiled: Any) -> int:
    """Bytes on each device that it needs in all; what it returns in its arguments' place counts once."""
    said = compiled.memory_analysis()
    kept = said.argument_size_in_bytes + said.output_size_in_bytes - said.alias_size_in_bytes
    return int(kept) + measure_work(compiled)


def _is_shortage(error: Exception) -> bool:
    return "RESOURCE_EXHAUSTED" in str(error) or "Out of memory" in str(error)


def _begin(config: RunConfig, practice: Practice, source: Level) -> Student:
    world, key = practice.world, jax.random.key(0)
    _, level = practice.draw_level(source, key=key)
    obs = world.observe(level, world.reset(level, key=key))
    learner = start_learner(make_model(config, obs.shape, world.actions), practice.recipe)
    return start_student(practice, learner, source, key=key)


def _size_trees(config: RunConfig, roots: int, actions: int) -> int:
    """Nodes hold a latent, five numbers, and four for each action (`search.tree.Tree`)."""
    nodes = roots * (config.search.simulations + 2)
    latent = config.network.latent * (2 if config.network.dtype == "bfloat16" else 4)
    return nodes * (latent + 4 * (5 + 4 * actions))


def _size_passes(config: RunConfig, obs: tuple[int, ...], is_packed: bool) -> int:
    """Latents and hidden layers of all unrolled steps, kept for the gradient: roughly, by their sizes."""
    network, learning = config.network, config.learning
    step = 8 * network.latent + 3 * network.head  # gates of the GRU, heads
    first = sum(network.widths) * 3
    if network.encoder == "transformer":
        features = math.prod(obs) * (8 if is_packed else 1)
        first += network.layers * 16 * network.embed * (features // network.token)
    return 4 * learning.batch * (first + (learning.unroll + 1) * step)


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
