"""CartPole: push a cart left or right so that the pole on it stays up and the cart on its track.

Step by step what Gymnasium's CartPole-v1 does (`classic_control/cartpole.py`, after Barto, Sutton and Anderson,
1983), in 32 bits instead of 64. What Gymnasium holds fixed in its source is the level here, so that cart and pole
can be varied; `cartpole_level()` is Gymnasium's own.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32, PRNGKeyArray

from alpha_factory.core.errors import InvalidLevel
from alpha_factory.core.types import Outcome, World

_TICK_S = 0.02
_EDGE_M = 2.4  # farther from the middle, the cart is off its track
_FALLEN_RAD = math.radians(12)
_SPREAD = 0.05  # of each number at the start, about 0
_RIGHT = 1


class CartPoleLevel(eqx.Module):
    """A cart and a pole."""

    gravity: Float32[Array, "*levels"]  # m/s²
    cart_mass: Float32[Array, "*levels"]  # kg
    pole_mass: Float32[Array, "*levels"]  # kg
    half_length: Float32[Array, "*levels"]  # m, from the joint to the middle of the pole
    force: Float32[Array, "*levels"]  # N, of a push
    step_limit: Int32[Array, "*levels"]


class CartPoleState(eqx.Module):
    """What changes with every step."""

    motion: Float32[Array, "*worlds 4"]
    """Where the cart is (m from the middle) and how fast (m/s), how far the pole leans (radians, to the right
    above 0) and how fast (radians/s)."""
    time: Int32[Array, "*worlds"]  # steps taken in this episode
    is_terminated: Bool[Array, "*worlds"]
    is_truncated: Bool[Array, "*worlds"]


def make_cartpole() -> World:
    """CartPole as a world of `CartPoleLevel`.

    Every step pays 1, the one that ends the episode too. An episode terminates when the pole leans more than 12
    degrees or the cart is more than 2.4 m from the middle, and is truncated at the step limit. There is no goal to
    reach: no outcome is ever solved, and what counts is the return, at most the step limit.
    """
    return World(reset=reset, step=step, observe=observe, actions=2, features=4)


def cartpole_level(
    *,
    gravity: float = 9.8,
    cart_mass: float = 1.0,
    pole_mass: float = 0.1,
    half_length: float = 0.5,
    force: float = 10.0,
    step_limit: int = 500,
) -> CartPoleLevel:
    """A level in the units of `CartPoleLevel`; the defaults are CartPole-v1.

    Raises:
        InvalidLevel: a mass, the length or the step limit is not above 0, or a number is not finite.
    """
    numbers = {
        "gravity": gravity,
        "cart_mass": cart_mass,
        "pole_mass": pole_mass,
        "half_length": half_length,
        "force": force,
    }
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise InvalidLevel(name, "finite", value)
    positive = {name: numbers[name] for name in ("cart_mass", "pole_mass", "half_length")}
    for name, value in (positive | {"step_limit": step_limit}).items():
        if value <= 0:
            raise InvalidLevel(name, "above 0", value)
    return CartPoleLevel(
        **{name: jnp.float32(value) for name, value in numbers.items()},
        step_limit=jnp.int32(step_limit),
    )


def reset(level: CartPoleLevel, *, key: PRNGKeyArray) -> CartPoleState:
    """A start with each of the four numbers drawn evenly from -0.05 to 0.05."""
    del level
    no = jnp.bool_(False)
    return CartPoleState(
        motion=jax.random.uniform(key, (4,), jnp.float32, -_SPREAD, _SPREAD),
        time=jnp.int32(0),
        is_terminated=no,
        is_truncated=no,
    )


def step(
    level: CartPoleLevel, state: CartPoleState, action: Int32[Array, ""], *, key: PRNGKeyArray
) -> tuple[CartPoleState, Outcome]:
    """One step of 0.02 s; a finished world stays as it is and pays nothing.

    Args:
        action: 0 push to the left, 1 push to the right.
    """
    del key
    is_over = state.is_terminated | state.is_truncated
    motion = _swing(level, state.motion, jnp.where(action == _RIGHT, level.force, -level.force))
    is_lost = (jnp.abs(motion[0]) > _EDGE_M) | (jnp.abs(motion[2]) > _FALLEN_RAD)
    time = state.time + 1
    stepped = CartPoleState(
        motion=motion,
        time=time,
        is_terminated=is_lost,
        is_truncated=(time >= level.step_limit) & ~is_lost,
    )
    kept = jax.tree.map(lambda old, new: jnp.where(is_over, old, new), state, stepped)
    outcome = Outcome(
        reward=(~is_over).astype(jnp.float32),
        is_terminated=kept.is_terminated,
        is_truncated=kept.is_truncated,
        is_solved=jnp.zeros_like(is_over),
    )
    return kept, outcome


def observe(level: CartPoleLevel, state: CartPoleState) -> Float32[Array, "4"]:
    """The four numbers of the state, as they are."""
    del level
    return state.motion


def _swing(
    level: CartPoleLevel, motion: Float32[Array, "4"], force: Float32[Array, ""]
) -> Float32[Array, "4"]:
    """The motion a tick later, by Euler's rule: what changes, changes at the rate before the tick.

    The accelerations are those of Florian, "Correct equations for the dynamics of the cart-pole system" (2007),
    without friction.
    """
    _, speed, lean, lean_speed = motion
    mass = level.cart_mass + level.pole_mass
    moment = level.pole_mass * level.half_length
    sine, cosine = jnp.sin(lean), jnp.cos(lean)
    push = (force + moment * lean_speed**2 * sine) / mass
    inertia = level.half_length * (4.0 / 3.0 - level.pole_mass * cosine**2 / mass)
    lean_gain = (level.gravity * sine - cosine * push) / inertia
    gain = push - moment * lean_gain * cosine / mass
    return motion + _TICK_S * jnp.stack([speed, gain, lean_speed, lean_gain])
