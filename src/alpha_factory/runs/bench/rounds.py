"""Frames a second of rounds on chosen levels, learning included: robust PLR and ACCEL from a full buffer."""

import dataclasses
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.curriculum import Lesson, play_rounds
from alpha_factory.runs.bench.measure import (
    Asked,
    Case,
    Measured,
    Peer,
    ask,
    compile_step,
    tell_peer,
    time_in_turns,
    to_result,
)
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.runs.lessons import Pupil, begin_pupil, make_lesson
from alpha_factory.runs.settings.config import PPO, RunConfig
from alpha_factory.worlds import draw_maze

_SEED = 0
_REPLAY = 0.8  # of JaxUED's scripts, and of ACCEL as published
_ROUNDS = {"robust-plr": 10, "accel": 9}
_PRACTISED = {"robust-plr": 8, "accel": 4}  # as many as the chance gives on average
_MOST_KEYS = 10_000


def bench_rounds(sizes: Sizes, repeats: int, peer: Peer | None = None) -> Measured:
    """Results `robust-plr` and `accel`, and a peer's: a stretch of rounds as a run compiles it, from a full buffer.

    With the chance 0.8 a round replays. Which rounds do follows from the key, which is one whose stretch has as
    many of them as the chance gives on average: of robust PLR 8 of 10, of ACCEL 4 of 9, with 4 of children after
    them. `practised` is the share of the rounds with gradient steps.

    Raises:
        UsageError: there is a peer, whose memory is an LSTM, and ours is another.
    """
    memory = sizes.config.ppo.memory
    if peer and memory != "lstm":
        raise UsageError(
            f"{peer.name} remembers with an LSTM, and ppo.memory is {memory}: set it to lstm, or leave --peer away."
        )
    cases, compile_s, practised = [], 0.0, {}
    for name, rounds in _ROUNDS.items():
        config = _choose(sizes.config, name, rounds)
        lesson = make_lesson(config)
        key = find_key(rounds, _PRACTISED[name], is_editing=name == "accel")

        def stretch(fixed: None, carry: Any, lesson: Lesson = lesson, rounds: int = rounds) -> Any:
            del fixed
            pupil, key, _, _ = carry
            learner, selection, brought = play_rounds(
                lesson, pupil.learner, pupil.selection, rounds=rounds, key=key
            )
            told = jnp.sum(brought.frames), jnp.sum(brought.is_practised, dtype=jnp.int32)
            return Pupil(learner, selection), key, *told

        pupil = eqx.filter_jit(begin_full)(config, lesson)
        carry = (pupil, key, jnp.int32(0), jnp.int32(0))
        compiled, seconds = compile_step(stretch, None, carry)
        compile_s += seconds
        practised[name] = _PRACTISED[name] / rounds
        shape = {
            "lanes": config.levels.lanes,
            "steps": config.levels.steps,
            "rounds": rounds,
            "practised": _PRACTISED[name],
            "epochs": config.ppo.epochs,
            "width": config.ppo.width,
        }
        work = partial(_count_frames, _PRACTISED[name])
        cases.append(Case(name, "frames/s", shape, compiled, None, carry, work))
    asked = [Asked(case.name, case.unit, case.shape) for case in cases]
    timings = time_in_turns(cases, repeats, ask(peer, asked))
    return Measured(
        compile_s,
        [to_result(case, timing) for case, timing in zip(cases, timings, strict=False)],
        {"memory": memory, "practised": practised} | tell_peer(peer, asked, timings),
    )


def find_key(rounds: int, practised: int, *, is_editing: bool) -> PRNGKeyArray:
    """A key for which a stretch from a full buffer has so many rounds of practice."""
    chances = jax.jit(lambda key: jax.vmap(_draw_chance)(jax.random.split(key, rounds)))
    for seed in range(_MOST_KEYS):
        key = jax.random.key(seed)
        if count_replays(np.asarray(chances(key)), is_editing=is_editing) == practised:
            return key
    raise AssertionError(f"none of {_MOST_KEYS} keys gives {practised} replays in {rounds} rounds")


def count_replays(chances: np.ndarray, *, is_editing: bool) -> int:
    """How many rounds replay that draw these numbers; one of editing follows each, if there is any."""
    replays, is_next_edited = 0, False
    for chance in chances.tolist():
        is_replay = chance < _REPLAY and not is_next_edited
        replays += is_replay
        is_next_edited = is_editing and is_replay
    return replays


def begin_full(config: RunConfig, lesson: Lesson) -> Pupil:
    """A run that has learned nothing, its buffer full of random mazes with random scores."""
    pupil = begin_pupil(config, lesson)
    slots = pupil.selection.buffer.score.size
    key_levels, key_scores = jax.random.split(jax.random.key(_SEED))
    levels = jax.vmap(lambda key: draw_maze(key=key))(jax.random.split(key_levels, slots))
    return eqx.tree_at(
        lambda one: (
            one.selection.buffer.level,
            one.selection.buffer.score,
            one.selection.buffer.size,
        ),
        pupil,
        (levels, jax.random.uniform(key_scores, (slots,)), jnp.int32(slots)),
    )


def _draw_chance(key: PRNGKeyArray) -> jax.Array:
    """What a round of this key compares with the chance of replay (`play_round`, then `make_replay`)."""
    key_choose = jax.random.split(key, 4)[0]
    return jax.random.uniform(jax.random.split(key_choose, 4)[0])


def _count_frames(practised: int, carry: Any) -> float:
    assert int(carry[3]) == practised, "the key does not say any more which rounds replay"
    return float(carry[2])


def _choose(config: RunConfig, name: str, rounds: int) -> RunConfig:
    return dataclasses.replace(
        config,
        learner=PPO,
        curriculum=dataclasses.replace(config.curriculum, name=name),
        levels=dataclasses.replace(config.levels, replay=_REPLAY, rounds=rounds),
    )
