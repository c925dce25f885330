"""What eq. (5) needs of a run: experience and model in, numbers out, each with the ends between which it lies."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.evaluate import (
    average_pairs,
    bootstrap_interval,
    estimate_coverage,
    hash_latents,
    limit_gru,
    sample_slopes,
    vary_held_out,
    vary_plainly,
    visit,
)
from alpha_factory.evaluate.bound import Bracket
from alpha_factory.nets import Model
from alpha_factory.runs.build import derive_key
from alpha_factory.runs.generalisation.experience import Experience

_BITS = 6  # planes that part the latents
_POINTS = 256  # latents at which slopes are looked for
_TOGETHER = 1024  # observations encoded at a time


class Measured(NamedTuple):
    """A number for eq. (5), and what else is to be told of it."""

    bracket: Bracket
    notes: dict[str, Any]


def measure_lipschitz(model: Model, latent: np.ndarray, *, steps: int, seed: int) -> Measured:
    """L of the learned dynamics: found at latents of the replay and imagined from them; at most what the weights allow.

    Args:
        latent: of the replay's rows, shape `rows latent`.
        steps: imagined from each.
    """
    key = derive_key(seed, "bound", 0)
    chosen = np.random.default_rng(seed).choice(
        len(latent), min(_POINTS, len(latent)), replace=False
    )
    found = sample_slopes(
        model.dynamics, jnp.asarray(latent[np.sort(chosen)]), steps=steps, key=key
    )
    limit = limit_gru(model.dynamics.cell)
    return Measured(
        Bracket(found.greatest, found.greatest, max(found.greatest, limit.greatest)),
        {"of_latent": found.latent, "of_action": found.action, "points": chosen.size},
    )


def measure_states(experience: Experience) -> tuple[Measured, dict[str, Any]]:
    """|S_max|, states being observations; and how well they are covered, which A3 is about."""
    row_world = experience.world[experience.episode]
    flat = np.ascontiguousarray(experience.obs.reshape(len(row_world), -1))
    worlds = [
        estimate_coverage(np.unique(flat[row_world == world], axis=0, return_counts=True)[1])
        for world in range(experience.slots.size)
    ]
    most = max(worlds, key=lambda one: one.states)
    covered = np.array([one.covered for one in worlds])
    states = Measured(
        Bracket(
            most.states, float(max(one.seen for one in worlds)), max(one.high for one in worlds)
        ),
        {
            "seen": max(one.seen for one in worlds),
            "seen_mean": float(np.mean([one.seen for one in worlds])),
        },
    )
    coverage = {
        "covered": _bracket_mean(covered)._asdict(),
        "covered_least": float(covered.min()),
        "xi": min(one.rarest for one in worlds),
    }
    return states, coverage


def measure_kappa(
    experience: Experience, latent: np.ndarray, *, actions: int, discount: float, seed: int
) -> Measured:
    """κ: total variation between worlds, of trajectories.

    Where the first observations of two worlds differ, so does everything that happens in them: 1 exactly, since an
    episode's start is no matter of chance. Where they don't, that of visited symbols is a lower bound, and 1 an upper.
    """
    cell = hash_latents(latent, bits=_BITS, seed=seed)
    numbers: dict[str, Any] = {
        "symbols": actions << _BITS,
        "worlds": experience.slots.size,
        "discount": discount,
    }

    def visited(is_used: np.ndarray) -> np.ndarray:
        world = np.where(is_used, experience.world, -1)
        symbol = cell * actions + experience.action
        return visit(symbol, experience.age, experience.episode, world, **numbers)

    halves = [visited(experience.half == half) for half in (0, 1)]
    plain = vary_plainly(visited(np.ones(experience.world.size, bool)))
    held_out = 0.5 * (vary_held_out(*halves) + vary_held_out(*reversed(halves)))
    differ = _compare_starts(experience)
    value, low = (average_pairs(np.where(differ, 1.0, one)) for one in (plain, held_out))
    return Measured(
        Bracket(max(value, low, 0.0), min(max(low, 0.0), 1.0), 1.0),
        {
            "starts_differ": average_pairs(differ.astype(float)),
            "visits": average_pairs(plain),
            "visits_low": average_pairs(held_out),
        },
    )


def measure_return(experience: Experience, discount: float) -> Measured:
    """J_emp: the mean over worlds of the mean discounted return of their episodes."""
    returns = experience.sum_up(discount)
    number = np.bincount(experience.world)
    by_world = np.bincount(experience.world, weights=returns) / number
    return Measured(_bracket_mean(by_world), {"by_world": by_world.tolist()})


def encode(model: Model, experience: Experience, *, is_packed: bool) -> np.ndarray:
    """The latent of each row's observation, shape `rows latent`."""
    obs = experience.obs
    rows = len(obs)
    parts = []
    for first in range(0, rows, _TOGETHER):
        # The last batch wraps around; what is encoded twice is dropped below.
        part = obs[(first + np.arange(_TOGETHER)) % rows]
        if is_packed:
            part = np.unpackbits(part, axis=-1).astype(bool)
        parts.append(np.asarray(_encode(model, jnp.asarray(part))))
    return np.concatenate(parts)[:rows]


def _compare_starts(experience: Experience) -> np.ndarray:
    """Whether the first observations of each two worlds differ, shape `worlds worlds`."""
    begins = np.flatnonzero(experience.age == 0)
    _, first = np.unique(experience.world[experience.episode[begins]], return_index=True)
    start = experience.obs[begins[first]].reshape(first.size, -1)
    _, kind = np.unique(start, axis=0, return_inverse=True)
    return kind[:, None] != kind[None]


def _bracket_mean(by_world: np.ndarray) -> Bracket:
    """A mean over worlds with its 95 % bootstrap interval."""
    return Bracket(float(by_world.mean()), *bootstrap_interval(by_world))


@eqx.filter_jit
def _encode(model: Model, obs: jax.Array) -> jax.Array:
    return jax.vmap(model.representation)(obs)
