"""Which rules of a level are in force at a moment, and what they change."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32, UInt32

from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.settle import settle
from alpha_factory.worlds.grid.state import KIND_BITS, GridState
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel

_WORD = 32
_NOWHERE = 1_000  # farther away than any opponent


class Force(eqx.Module):
    """The effects in force at one moment of one world."""

    words: tuple[UInt32[Array, ""], UInt32[Array, ""]]  # bit i % 32 of word i // 32: effect i
    pull: Int32[Array, "2"]  # directions of `dsl.PULL` added up, row and column
    carry: Int32[Array, "2"]  # the same of `dsl.CARRY`
    tide: Int32[Array, ""]  # rows taken

    def has(self, effect: int) -> Bool[Array, ""]:
        """Whether some rule in force has this effect."""
        word = self.words[effect // _WORD]
        return ((word >> jnp.uint32(effect % _WORD)) & jnp.uint32(1)) != 0


def find_force(level: GridLevel, state: GridState) -> Force:
    """The effects of all rules whose trigger holds in a state."""
    is_met = settle(_find_met(level, state))
    effect = jnp.where(is_met, level.rules.effect, dsl.NOTHING)
    bit = jnp.uint32(1) << (effect % _WORD).astype(jnp.uint32)
    words = [
        jnp.bitwise_or.reduce(jnp.where(effect // _WORD == word, bit, jnp.uint32(0)))
        for word in range(2)
    ]
    towards = jax.vmap(unit_vector)(level.rules.amount)

    def add_up(code: int) -> Int32[Array, "2"]:
        return jnp.sum(jnp.where((effect == code)[:, None], towards, 0), axis=0)

    tide = jnp.max(jnp.where(effect == dsl.TIDE, level.rules.amount, 0))
    return settle(Force((words[0], words[1]), add_up(dsl.PULL), add_up(dsl.CARRY), tide))


def wind_up(
    level: GridLevel,
    state: GridState,
    *,
    entered: Int32[Array, ""],
    is_bumped: Bool[Array, ""],
    is_turned: Bool[Array, ""],
) -> Int32[Array, " rules"]:
    """The timers after a step in which these things happened.

    Args:
        entered: kind of the tile entered, or -1.
    """
    trigger, count = level.rules.trigger, level.rules.number
    happened = (
        ((trigger == dsl.ENTERING) & (_any_heading(entered) == level.rules.where))
        | ((trigger == dsl.BUMPING) & is_bumped)
        | ((trigger == dsl.TURNING) & is_turned)
    )
    return jnp.where(happened, count, jnp.maximum(state.timer - 1, 0))


def unit_vector(heading: Int32[Array, ""]) -> Int32[Array, "2"]:
    """Row and column of one step in a heading, which is taken modulo 4."""
    heading = heading % 4
    row = (heading == 1).astype(jnp.int32) - (heading == 3).astype(jnp.int32)
    column = (heading == 0).astype(jnp.int32) - (heading == 2).astype(jnp.int32)
    return jnp.stack([row, column])


def _find_met(level: GridLevel, state: GridState) -> Bool[Array, " rules"]:
    """Whether the trigger of each rule holds."""
    row, column = state.position
    standing = (state.cell[row, column] & jnp.uint8(KIND_BITS)).astype(jnp.int32)
    to_goal = level.distance[row, column].astype(jnp.int32)
    apart = jnp.max(jnp.abs(state.opponent - state.position[None]), axis=1)
    is_nobody = level.opponent == tiles.NOBODY
    to_opponent = jnp.min(jnp.where(is_nobody, jnp.int32(_NOWHERE), apart))
    rows, columns = level.size
    # Left, right, top, bottom; the middle line of an odd size belongs to no half.
    halves = (
        2 * column + 1 < columns,
        2 * column + 1 > columns,
        2 * row + 1 < rows,
        2 * row + 1 > rows,
    )

    trigger, where, time = level.rules.trigger, level.rules.where, state.time
    count = jnp.maximum(level.rules.number, 1)
    turn = time // count
    is_half = jnp.zeros(trigger.shape, bool)
    for half, is_there in enumerate(halves):
        is_half = is_half | ((where == half) & is_there)
    is_recent = state.timer > 0
    holds = {
        dsl.ALWAYS: jnp.bool_(True),
        dsl.EVERY: time - turn * count == count - 1,
        dsl.TURNS: turn % 2 == 1,
        dsl.FROM: time >= count,
        dsl.UNTIL: time < count,
        dsl.LAST: time >= level.step_limit - count,
        dsl.ENTERING: is_recent,
        dsl.ON: _any_heading(standing) == where,
        dsl.BUMPING: is_recent,
        dsl.TURNING: is_recent,
        dsl.HOLDING: state.has_key,
        dsl.LACKING: ~state.has_key,
        dsl.OPEN: state.is_open,
        dsl.NEAR: to_goal <= count,
        dsl.FAR: to_goal > count,
        dsl.HALF: is_half,
        dsl.THREAT: to_opponent <= count,
    }
    is_met = jnp.zeros(trigger.shape, bool)
    for code, condition in holds.items():
        is_met = is_met | ((trigger == code) & condition)
    return is_met


def _any_heading(kind: Int32[Array, ""]) -> Int32[Array, ""]:
    """The code by which rules know a tile: one-way tiles and conveyors whatever their heading."""
    is_one_way = (kind >= tiles.ONE_WAY) & (kind < tiles.CONVEYOR)
    kind = jnp.where(is_one_way, tiles.ONE_WAY, kind)
    return jnp.where(kind >= tiles.CONVEYOR, tiles.CONVEYOR, kind)
