"""How far the learned dynamics can carry two close latents apart: assumption A1 of the paper.

‖f(h, a) - f(h', a')‖ <= L (‖h - h'‖ + 1[a ≠ a']) holds with L the greater of two numbers: the greatest spectral norm of
the Jacobian ∂f/∂h, and the greatest ‖f(h, a) - f(h, a')‖. Sampled, they come out too small or right, never too large;
`limit_gru` bounds them from above by the weights. Latents lie in the cube [-1, 1]^latent: a tanh makes the first
(`nets.Torso`), and a step of a GRU cell is a mean of its latent and of a tanh.
"""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from alpha_factory.nets import Dynamics

_ROUNDS = 24
_SMALLEST = 1e-30  # norm that is taken for one, where a Jacobian is 0


class Slopes(NamedTuple):
    """The two numbers of which L is the greater."""

    latent: float
    action: float

    @property
    def greatest(self) -> float:
        """L."""
        return max(self.latent, self.action)


def sample_slopes(
    dynamics: Dynamics, latent: Float[Array, "points latent"], *, steps: int, key: PRNGKeyArray
) -> Slopes:
    """The greatest slopes found at some latents and at those imagined from them: a lower estimate of L.

    Args:
        latent: where to begin.
        steps: imagined from there, by actions drawn uniformly.
    """
    by_latent, by_action = _sample(dynamics, latent, steps, key)
    return Slopes(latent=float(by_latent), action=float(by_action))


@eqx.filter_jit
def _sample(
    dynamics: Dynamics, latent: Float[Array, "points latent"], steps: int, key: PRNGKeyArray
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    key_actions, key_power = jax.random.split(key)
    drawn = jax.random.randint(key_actions, (steps, latent.shape[0]), 0, dynamics.actions)

    def imagine(held: Array, action: Int[Array, " points"]) -> tuple[Array, Array]:
        following = jax.vmap(dynamics.advance)(held, action)
        return following, following

    _, imagined = jax.lax.scan(imagine, latent, drawn)
    points = jnp.concatenate([latent, imagined.reshape(-1, latent.shape[1])])

    def look(action: Int[Array, ""]) -> tuple[Array, Array]:
        def advance(held: Array) -> Array:
            return dynamics.advance(held, action)

        return jnp.max(spectral_norms(advance, points, key=key_power)), jax.vmap(advance)(points)

    norms, ends = jax.lax.map(look, jnp.arange(dynamics.actions))
    apart = jnp.linalg.norm(ends[:, None] - ends[None], axis=-1)
    return jnp.max(norms), jnp.max(apart)


def spectral_norms(
    function: Callable[[Float[Array, " into"]], Float[Array, " out"]],
    points: Float[Array, "points into"],
    *,
    key: PRNGKeyArray,
) -> Float[Array, " points"]:
    """The greatest singular value of the function's Jacobian at each point, by power iteration on JᵀJ.

    What comes out is ‖J v‖ of a unit vector v, so it is at most the true norm, and close to it unless the two
    greatest singular values are.
    """

    def measure(point: Array, direction: Array) -> Array:
        _, push = jax.linearize(function, point)
        pull = jax.linear_transpose(push, point)

        def improve(_: Array, direction: Array) -> Array:
            (further,) = pull(push(direction))
            return _unit(further, direction)

        return jnp.linalg.norm(push(jax.lax.fori_loop(0, _ROUNDS, improve, direction)))

    drawn = jax.random.normal(key, points.shape, points.dtype)
    return jax.vmap(measure)(points, jax.vmap(_unit)(drawn, drawn))


def limit_gru(cell: eqx.nn.GRUCell) -> Slopes:
    """What no slope of a GRU cell exceeds while latents lie in [-1, 1]^latent, by its weights.

    With gates r and z, n = tanh(W_n' x + b + r (W_n h + b_n)) and f = n + z (h - n) (Cho et al. 2014; equinox),
    c_i = Σ_j |W_n,ij| + |b_n,i| >= |W_n h + b_n|_i, |h - n| <= 2 and σ' <= ¼:

        ‖∂f/∂h‖        <= √(1 + (‖W_n‖ + ¼ ‖diag(c) W_r‖)²) + ½ ‖W_z‖
        |f(a) - f(a')|_i <= min(2, |ΔW_n'|_i + ¼ c_i |ΔW_r'|_i + ½ |ΔW_z'|_i),   Δ between the columns of two actions
    """
    assert cell.bias_n is not None
    r, z, n = np.split(np.asarray(cell.weight_hh, float), 3)
    c = np.abs(n).sum(axis=1) + np.abs(np.asarray(cell.bias_n, float))
    norm = np.linalg.norm(n, 2) + 0.25 * np.linalg.norm(c[:, None] * r, 2)
    latent = np.sqrt(1 + norm**2) + 0.5 * np.linalg.norm(z, 2)
    by_action = np.asarray(cell.weight_ih, float)
    apart = [0.0]
    for one, other in combinations(by_action.T, 2):
        from_r, from_z, from_n = np.split(np.abs(one - other), 3)
        apart.append(
            float(np.linalg.norm(np.minimum(2, from_n + 0.25 * c * from_r + 0.5 * from_z)))
        )
    return Slopes(latent=float(latent), action=max(apart))


def _unit(vector: Array, otherwise: Array) -> Array:
    """The vector at length 1; another one where it has none."""
    norm = jnp.linalg.norm(vector)
    return jnp.where(norm > _SMALLEST, vector / jnp.maximum(norm, _SMALLEST), otherwise)
