"""True states as rows of numbers, and a step of many of them at once by the engine itself.

A row leaves out what no future depends on: seen and visited bits, rewards received, time (of which
the caller keeps what matters) and whatever `Relevance` says can't matter in the level. Cells are
kept apart, as they rarely change: a row goes with the cells it stands in.
"""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float32, Int16, Int32, UInt8, UInt32

from alpha_factory.core.types import Outcome
from alpha_factory.worlds.grid.controls import CONTROLS
from alpha_factory.worlds.grid.engine import Chance, advance, reset
from alpha_factory.worlds.grid.motion import tile_at
from alpha_factory.worlds.grid.state import KIND_BITS, GridState
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel

SOLVED, ENDED, DOUBLE = 1, 2, 4
"""Bits of `Steps.flags`: reached the goal, ended the episode, took two units of time."""

_PARTS = (
    *(("position", (2,)), ("offset", (2,)), ("velocity", (2,)), ("heading", ())),
    *(("has_key", ()), ("is_open", ()), ("has_pressed", ()), ("opponent", (tiles.OPPONENTS, 2))),
    *(("opponent_heading", (tiles.OPPONENTS,)), ("timer", (4,))),
)
_TRUTHS = ("has_key", "is_open", "has_pressed")
_SEEDS = (0x2545F491, 0x1B873593)
_FACTORS = (0x85EBCA6B, 0xC2B2AE35)


class Relevance(eqx.Module):
    """What of a state can matter in a level; the rest is 0 in its rows."""

    velocity: Bool[Array, "*levels"]  # off ice too, where full friction replaces it by the legs'
    heading: Bool[Array, "*levels"]
    is_open: Bool[Array, "*levels"]
    has_pressed: Bool[Array, "*levels"]
    period: Int32[Array, "*levels"]  # states are told apart by time modulo this


class Lanes(NamedTuple):
    """States that a step starts from."""

    level: Int32[Array, "*lanes"]  # which of the levels
    row: Int16[Array, "*lanes numbers"]
    cells: UInt8[Array, "*lanes height width"]
    time: Int32[Array, "*lanes"]


class Steps(NamedTuple):
    """Where steps lead. The last axis of `reward` and `flags`: a trap entered does not fire, or does."""

    row: Int16[Array, "*steps numbers"]
    name: UInt32[Array, "*steps 2"]  # hash of all that tells the next state from others
    cells: UInt32[Array, "*steps 2"]  # hash of its cells
    reward: Float32[Array, "*steps 2"]
    flags: UInt8[Array, "*steps 2"]


class Starts(NamedTuple):
    """The states in which episodes start."""

    row: Int16[Array, "levels numbers"]
    name: UInt32[Array, "levels 2"]
    cells: UInt32[Array, "levels 2"]


@jax.jit
def start(levels: GridLevel, relevance: Relevance) -> Starts:
    """The state in which the episodes of each level start."""

    def one(level: GridLevel, relevant: Relevance) -> Starts:
        row = _write_row(reset(level, key=jax.random.key(0)), level.tile, relevant)
        cells = _hash_cells(level.tile)
        return Starts(row, _name(row, cells, jnp.int32(0)), cells)

    return jax.vmap(one)(levels, relevance)


@partial(jax.jit, static_argnames=("controls", "pays_hidden", "slips"))
def expand(
    levels: GridLevel,
    relevance: Relevance,
    lanes: Lanes,
    *,
    controls: str,
    pays_hidden: bool,
    slips: int,
) -> Steps:
    """Every action from every lane.

    Args:
        slips: 2 if a push may slip, else 1.

    Returns:
        Steps with leading axes lanes, actions, slips.
    """
    scheme = CONTROLS[controls]

    def step(lane: Lanes, action: Array, is_slipping: Array) -> Steps:
        level, relevant = jax.tree.map(lambda leaf: leaf[lane.level], (levels, relevance))
        state = _read_row(lane)

        def spring(is_sprung: Array) -> tuple[GridState, Outcome]:
            chance = Chance(is_slipping, is_sprung)
            return advance(level, state, action, chance, controls=scheme, pays_hidden=pays_hidden)

        after, outcome = jax.vmap(spring)(jnp.array([False, True]))
        after = jax.tree.map(lambda leaf: leaf[0], after)
        tile = after.cell & jnp.uint8(KIND_BITS)
        row, cells = _write_row(after, tile, relevant), _hash_cells(tile)
        flags = (
            outcome.is_solved.astype(jnp.uint8) * jnp.uint8(SOLVED)
            + outcome.is_terminated.astype(jnp.uint8) * jnp.uint8(ENDED)
            + (after.time > state.time + 1).astype(jnp.uint8) * jnp.uint8(DOUBLE)
        )
        name = _name(row, cells, after.time % relevant.period)
        return Steps(row, name, cells, outcome.reward, flags)

    over_slips = jax.vmap(step, in_axes=(None, None, 0))
    over_actions = jax.vmap(over_slips, in_axes=(None, 0, None))
    over_lanes = jax.vmap(over_actions, in_axes=(0, None, None))
    actions = jnp.arange(len(scheme.actions), dtype=jnp.int32)
    return over_lanes(lanes, actions, jnp.array([False, True])[:slips])


@partial(jax.jit, static_argnames=("controls",))
def reveal(
    levels: GridLevel,
    lanes: Lanes,
    action: Int32[Array, " lanes"],
    is_slipping: Bool[Array, " lanes"],
    *,
    controls: str,
) -> UInt8[Array, "lanes height width"]:
    """The tiles after one action from each lane."""

    def step(lane: Lanes, action: Array, is_slipping: Array) -> Array:
        level = jax.tree.map(lambda leaf: leaf[lane.level], levels)
        chance = Chance(is_slipping, jnp.bool_(False))
        after, _ = advance(level, _read_row(lane), action, chance, controls=CONTROLS[controls])
        return after.cell & jnp.uint8(KIND_BITS)

    return jax.vmap(step)(lanes, action, is_slipping)


def _write_row(
    state: GridState, tile: UInt8[Array, "height width"], relevant: Relevance
) -> Int16[Array, " numbers"]:
    """What tells a state from others in the same cells at the same clock.

    Where friction is 256 and no floor is ice, a step makes the velocity that of the legs and the
    ground, whatever it was: velocity + (wanted - velocity).
    """
    state = eqx.tree_at(lambda state: state.cell, state, tile)
    is_on_ice = tile_at(state, state.position) == tiles.ICE
    kept = {
        "velocity": relevant.velocity | is_on_ice,
        "heading": relevant.heading,
        "is_open": relevant.is_open,
        "has_pressed": relevant.has_pressed,
    }
    parts = []
    for name, _ in _PARTS:
        part = getattr(state, name).astype(jnp.int16).ravel()
        parts.append(jnp.where(kept[name], part, jnp.int16(0)) if name in kept else part)
    return jnp.concatenate(parts)


def _read_row(lane: Lanes) -> GridState:
    """The state of a lane."""
    parts, place = {}, 0
    for name, shape in _PARTS:
        width = 1
        for side in shape:
            width *= side
        part = lane.row[place : place + width].reshape(shape)
        parts[name] = part.astype(bool if name in _TRUTHS else jnp.int32)
        place += width
    no = jnp.bool_(False)
    return GridState(cell=lane.cells, time=lane.time, is_terminated=no, is_truncated=no, **parts)


def _hash_cells(tile: UInt8[Array, "height width"]) -> UInt32[Array, "2"]:
    """Two weighted sums of the kinds of all cells, the weights drawn at random."""
    weights = np.random.default_rng(0).integers(1 << 32, size=(2, *tile.shape), dtype=np.uint32) | 1
    kind = tile.astype(jnp.uint32)
    sums = [jnp.sum(kind * jnp.asarray(weight), dtype=jnp.uint32) for weight in weights]
    return jnp.stack(sums)


def _name(
    row: Int16[Array, " numbers"], cells: UInt32[Array, "2"], clock: Int32[Array, ""]
) -> UInt32[Array, "2"]:
    """Two hashes of all that tells a state from others, each word mixed in by a bijection."""
    pairs = jax.lax.bitcast_convert_type(row.reshape(-1, 2), jnp.uint32)
    words = [*pairs, cells[0], cells[1], clock.astype(jnp.uint32)]
    names = []
    for seed, factor in zip(_SEEDS, _FACTORS, strict=True):
        mixed = jnp.uint32(seed)
        for word in words:
            mixed = (mixed ^ word) * jnp.uint32(factor)
            mixed = mixed ^ (mixed >> jnp.uint32(15))
        names.append(mixed)
    return jnp.stack(names)
