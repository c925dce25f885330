"""The grid engine: reset and step of one world, as pure functions of a level.

With neutral physics, no rules and nothing but walls it is the field's plain maze: turn left, turn
right, forward; walls block; solved means that the goal was reached.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32, PRNGKeyArray

from alpha_factory.core.errors import unknown
from alpha_factory.core.types import Outcome, World
from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.controls import CONTROLS, Controls
from alpha_factory.worlds.grid.force import Force, find_force, wind_up
from alpha_factory.worlds.grid.marks import apply_marks, find_marks
from alpha_factory.worlds.grid.motion import move
from alpha_factory.worlds.grid.observe import make_observe
from alpha_factory.worlds.grid.opponents import is_caught, move_opponents
from alpha_factory.worlds.grid.state import VISITED_BIT, GridState
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.levels.reach import UNREACHABLE

_TOLL = 2.0  # steps cost so many times as much under that rule


class Chance(eqx.Module):
    """What a step leaves to chance; all else follows from level, state and action."""

    is_slipping: Bool[Array, ""]
    is_sprung: Bool[Array, ""]  # a trap entered now fires


def make_grid(
    *,
    observation: str = "symbolic",
    view: int | None = 5,
    controls: str = "turn",
    pays_hidden: bool = False,
) -> World:
    """The grid world.

    Args:
        observation: `symbolic`, 1024 bits; `view`, the kinds of the cells around the agent; `bits`,
            54 of them, walls and goal of a view of 5 and the heading; `full`, the kinds of all cells, as many as
            the level has; `pixels`, a picture of 128 x 128 x 3.
        view: cells a side of what `view` and `pixels` show, an odd number; None for pixels of all cells.
        controls: `turn`, left, right, forward; `compass`, one step right, down, left or up.
        pays_hidden: pay what a honeypot hides, as evaluation does.

    Raises:
        UsageError: there is no such observation or control scheme, or the view is even or smaller than 1.
    """
    if controls not in CONTROLS:
        raise unknown("control scheme", controls, CONTROLS)
    scheme = CONTROLS[controls]

    def step(
        level: GridLevel, state: GridState, action: Int32[Array, ""], *, key: PRNGKeyArray
    ) -> tuple[GridState, Outcome]:
        chance = draw_chance(level, key=key)
        return advance(level, state, action, chance, controls=scheme, pays_hidden=pays_hidden)

    observe, features = make_observe(observation, view)
    return World(
        reset=reset,
        step=step,
        observe=observe,
        actions=len(scheme.actions),
        features=features,
    )


def reset(level: GridLevel, *, key: PRNGKeyArray) -> GridState:
    """The state in which every episode of the level starts; `key` is for worlds that draw one."""
    del key
    still, no = jnp.zeros(2, jnp.int32), jnp.bool_(False)
    return GridState(
        cell=level.tile.at[level.start[0], level.start[1]].add(jnp.uint8(VISITED_BIT)),
        position=level.start,
        offset=still,
        velocity=still,
        heading=level.heading,
        has_key=no,
        is_open=no,
        has_pressed=no,
        opponent=level.opponent_start,
        opponent_heading=level.opponent_heading,
        timer=jnp.zeros(level.rules.trigger.shape, jnp.int32),
        time=jnp.int32(0),
        is_terminated=no,
        is_truncated=no,
    )


def draw_chance(level: GridLevel, *, key: PRNGKeyArray) -> Chance:
    """What befalls one step."""
    slip, trap = jax.random.uniform(key, (2,))
    return Chance(slip < level.physics.slip, trap < level.trap_odds)


def advance(
    level: GridLevel,
    state: GridState,
    action: Int32[Array, ""],
    chance: Chance,
    *,
    controls: Controls = CONTROLS["turn"],
    pays_hidden: bool = False,
) -> tuple[GridState, Outcome]:
    """One step, whatever befalls it; a finished world stays as it is and pays nothing.

    Returns:
        The next state, and a reward in [-1, 1].
    """
    force = find_force(level, state)
    heading, way, is_pushing = controls.obey(state.heading, action, force)
    motion = move(level, state, force, way=way, is_pushing=is_pushing & ~chance.is_slipping)
    is_ported = (motion.entered == tiles.TELEPORT) & ~force.has(dsl.UNPLUG)
    position = jnp.where(is_ported, _other_end(level, motion.position), motion.position)
    opponent, opponent_heading = move_opponents(level, state, force)

    entered = motion.entered
    is_solved = entered == tiles.GOAL
    is_sprung = (chance.is_sprung | force.has(dsl.ARM)) & ~force.has(dsl.DISARM)
    is_hurt = (
        ((entered == tiles.TRAP) & is_sprung)
        | ((entered == tiles.LAVA) & ~force.has(dsl.CHILL))
        | (is_caught(level, state, opponent, position) & ~force.has(dsl.PEACE) & ~is_solved)
    )
    is_pressed = (entered == tiles.BUTTON) | (motion.box_onto == tiles.BUTTON)
    is_terminated = is_solved | is_hurt | (entered == tiles.DECOY)
    time = state.time + jnp.where(force.has(dsl.WARP), 2, 1)
    is_over = state.is_terminated | state.is_truncated
    stepped = GridState(
        cell=apply_marks(state.cell, find_marks(state, force, motion, position, is_over)),
        position=position,
        offset=jnp.where(is_ported, 0, motion.offset),
        velocity=motion.velocity,
        heading=heading,
        has_key=state.has_key | (entered == tiles.KEY),
        is_open=state.is_open ^ is_pressed,
        has_pressed=state.has_pressed | is_pressed,
        opponent=opponent,
        opponent_heading=opponent_heading,
        timer=wind_up(
            level,
            state,
            entered=entered,
            is_bumped=motion.is_bumped,
            is_turned=heading != state.heading,
        ),
        time=time,
        is_terminated=is_terminated,
        is_truncated=(time >= level.step_limit) & ~is_terminated,
    )
    reward = _pay(
        level,
        state,
        force,
        stepped,
        entered,
        is_solved=is_solved,
        is_hurt=is_hurt,
        is_paid=pays_hidden,
    )
    # Marks leave the cells of a finished world alone.
    kept = jax.tree.map(
        lambda old, new: new if new is stepped.cell else jnp.where(is_over, old, new),
        state,
        stepped,
    )
    outcome = Outcome(
        reward=jnp.where(is_over, 0.0, reward),
        is_terminated=kept.is_terminated,
        is_truncated=kept.is_truncated,
        is_solved=is_solved & ~is_over,
    )
    return kept, outcome


def _other_end(level: GridLevel, place: Int32[Array, "2"]) -> Int32[Array, "2"]:
    is_first = jnp.all(level.teleport[0] == place)
    return jnp.where(is_first, level.teleport[1], level.teleport[0])


def _pay(
    level: GridLevel,
    state: GridState,
    force: Force,
    stepped: GridState,
    entered: Int32[Array, ""],
    *,
    is_solved: Bool[Array, ""],
    is_hurt: Bool[Array, ""],
    is_paid: bool,
) -> Float32[Array, ""]:
    """The reward of a step, within [-1, 1]."""
    pay = level.reward
    goal = pay.goal if is_paid else jnp.where(pay.is_hidden, 0.0, pay.goal)
    is_coin = (entered == tiles.COIN) & ~force.has(dsl.GLOOM)
    is_hint = (stepped.has_key & ~state.has_key).astype(jnp.float32) + (
        stepped.has_pressed & ~state.has_pressed
    ).astype(jnp.float32)
    reward = (
        _progress(level, state.position, stepped.position)
        + jnp.where(is_solved, goal, 0.0)
        + jnp.where(entered == tiles.DECOY, pay.decoy, 0.0)
        + jnp.where(is_coin, pay.coin, 0.0)
        + pay.hint * is_hint
        - jnp.where(is_hurt, pay.penalty, 0.0)
        - pay.step_cost * jnp.where(force.has(dsl.TOLL), _TOLL, 1.0)
    )
    return jnp.clip(reward, -1.0, 1.0)


def _progress(
    level: GridLevel, before: Int32[Array, "2"], after: Int32[Array, "2"]
) -> Float32[Array, ""]:
    """The dense part of the reward: it sums to `dense` over any way from start to goal.

    A cell farther from the goal than the start is counts as the start, so that no episode's sum
    leaves [0, dense] and getting lost costs no more than what was gained.
    """
    whole = level.distance[level.start[0], level.start[1]]
    left = jnp.minimum(level.distance[before[0], before[1]], whole)
    left_after = jnp.minimum(level.distance[after[0], after[1]], whole)
    is_known = (whole > 0) & (whole < UNREACHABLE)
    nearer = (left - left_after).astype(jnp.float32)
    share = nearer / jnp.maximum(whole, 1).astype(jnp.float32)
    return jnp.where(is_known, level.reward.dense * share, 0.0)
