"""Which rules of a level are in force at a moment, and what they change."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32, UInt32

from alpha_factory.genome import rules as dsl
from alpha_factory.worlds import tiles
from alpha_factory.worlds.level import GridLevel
from alpha_factory.worlds.settle import settle
from alpha_factory.worlds.state import KIND_BITS, GridState

_WORD = 32


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
    circumstances = _Circumstances(level, state)
    is_met = settle([circumstances.meet(slot) for slot in range(dsl.SLOTS)])
    words, nothing = [jnp.uint32(0), jnp.uint32(0)], jnp.zeros(2, jnp.int32)
    pull, carry, tide = nothing, nothing, jnp.int32(0)
    # Slot by slot, so that every operation runs along the batch of worlds.
    for slot in range(dsl.SLOTS):
        effect = jnp.where(is_met[slot], level.rules.effect[slot], dsl.NOTHING)
        amount = level.rules.amount[slot]
        for word in range(len(words)):
            bit = jnp.uint32(1) << (effect % _WORD).astype(jnp.uint32)
            words[word] = words[word] | jnp.where(effect // _WORD == word, bit, jnp.uint32(0))
        towards = unit_vector(amount)
        pull = pull + jnp.where(effect == dsl.PULL, towards, nothing)
        carry = carry + jnp.where(effect == dsl.CARRY, towards, nothing)
        tide = jnp.maximum(tide, jnp.where(effect == dsl.TIDE, amount, 0))
    return settle(Force((words[0], words[1]), pull, carry, tide))


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
    trigger, count = level.rules.trigger, level.rules.count
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


class _Circumstances:
    """What triggers ask about, looked up once for all slots."""

    def __init__(self, level: GridLevel, state: GridState) -> None:
        self._level, self._state = level, state
        row, column = state.position
        kind = (state.cell[row, column] & jnp.uint8(KIND_BITS)).astype(jnp.int32)
        self._standing = _any_heading(kind)
        self._to_goal = level.distance[row, column].astype(jnp.int32)
        far = jnp.where(level.opponent == tiles.NOBODY, jnp.int32(1_000), jnp.int32(0))
        apart = jnp.max(jnp.abs(state.opponent - state.position[None]), axis=1)
        self._to_opponent = jnp.min(apart + far)
        rows, columns = level.size
        # Left, right, top, bottom; the middle line of an odd size belongs to no half.
        self._halves = (
            2 * column + 1 < columns,
            2 * column + 1 > columns,
            2 * row + 1 < rows,
            2 * row + 1 > rows,
        )

    def meet(self, slot: int) -> Bool[Array, ""]:
        """Whether the trigger of a slot holds."""
        level, state = self._level, self._state
        trigger, where = level.rules.trigger[slot], level.rules.where[slot]
        count, time = jnp.maximum(level.rules.count[slot], 1), state.time
        turn = time // count
        is_half = jnp.bool_(False)
        for half, is_there in enumerate(self._halves):
            is_half = is_half | ((where == half) & is_there)
        holds = {
            dsl.ALWAYS: jnp.bool_(True),
            dsl.EVERY: time - turn * count == count - 1,
            dsl.TURNS: turn % 2 == 1,
            dsl.FROM: time >= count,
            dsl.UNTIL: time < count,
            dsl.LAST: time >= level.step_limit - count,
            dsl.ENTERING: state.timer[slot] > 0,
            dsl.ON: self._standing == where,
            dsl.BUMPING: state.timer[slot] > 0,
            dsl.TURNING: state.timer[slot] > 0,
            dsl.HOLDING: state.has_key,
            dsl.LACKING: ~state.has_key,
            dsl.OPEN: state.is_open,
            dsl.NEAR: self._to_goal <= count,
            dsl.FAR: self._to_goal > count,
            dsl.HALF: is_half,
            dsl.THREAT: self._to_opponent <= count,
        }
        is_met = jnp.bool_(False)
        for code, condition in holds.items():
            is_met = is_met | ((trigger == code) & condition)
        return is_met


def _any_heading(kind: Int32[Array, ""]) -> Int32[Array, ""]:
    """The code by which rules know a tile: one-way tiles and conveyors whatever their heading."""
    is_one_way = (kind >= tiles.ONE_WAY) & (kind < tiles.CONVEYOR)
    kind = jnp.where(is_one_way, tiles.ONE_WAY, kind)
    return jnp.where(kind >= tiles.CONVEYOR, tiles.CONVEYOR, kind)
