"""Simulations a second of the planner, with the demo's network and with one that costs nothing."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from alpha_factory.core.types import Policy
from alpha_factory.nets import Model
from alpha_factory.runs.bench.measure import (
    Case,
    Measured,
    always,
    compile_step,
    time_in_turns,
    to_result,
)
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.runs.bench.worlds import random_levels
from alpha_factory.runs.build import make_untrained
from alpha_factory.search import make_planner
from alpha_factory.worlds import make_grid

_SEED = 0


def bench_search(sizes: Sizes, repeats: int) -> Measured:
    """Results `puct`, `gumbel`, `puct-null`, `gumbel-null` and `network`, each at every batch.

    `-null` has a network that costs nothing: what is left is the tree. `network` is the network
    alone, evaluated as often as a search does: once at the root and once a simulation.
    """
    compile_s, cases = 0.0, []
    obs = random_observations(max(sizes.batches))
    for batch in sizes.batches:
        for name, program, model in _programs(sizes):
            searches = max(1, sizes.positions // batch)
            carry = (obs[:batch], jnp.zeros(batch), jax.random.key(_SEED))
            step, seconds = compile_step(_repeat(program, searches), model, carry)
            compile_s += seconds
            done = searches * batch * sizes.simulations
            shape = {"batch": batch, "simulations": sizes.simulations, "searches": searches}
            cases.append(Case(name, "simulations/s", shape, step, model, carry, always(done)))
    timings = time_in_turns(cases, repeats)
    results = [to_result(case, timing) for case, timing in zip(cases, timings, strict=True)]
    return Measured(compile_s, results)


def random_observations(count: int) -> Bool[Array, "count features"]:
    """What the agent sees at the start of `count` random worlds."""
    world, levels = make_grid(), random_levels(count)

    def look(level: Any) -> Array:
        return world.observe(level, world.reset(level, key=jax.random.key(_SEED)))

    return jax.jit(jax.vmap(look))(levels)


def search_positions(policy: Policy, model: Model, carry: Any) -> Any:
    """Search a batch of positions; the next call gets them in another order."""
    obs, _, key = carry
    key_plan, key_later = jax.random.split(key)
    plan = policy(model, obs, key=key_plan)
    # Moved on, or else the compiler would take what is the same in every round out of the loop.
    return jnp.roll(obs, 1, axis=0), plan.value + plan.action.astype(jnp.float32), key_later


def _programs(sizes: Sizes) -> list[tuple[str, Callable[[Model, Any], Any], Model]]:
    model = make_untrained(sizes.config)
    # A Model as to its type, with other parts in the places of the three networks.
    null = eqx.tree_at(
        lambda tree: (tree.representation, tree.dynamics, tree.prediction),
        model,
        (_represent_nothing, _imagine_nothing, _predict_nothing),
    )
    programs: list[tuple[str, Callable[[Model, Any], Any], Model]] = []
    for kind in ("puct", "gumbel"):
        policy = make_planner(
            kind,
            simulations=sizes.simulations,
            discount=sizes.config.learning.discount,
            value_scale=sizes.config.search.value_scale,
            logit_noise=sizes.config.search.logit_noise,
        )
        for name, used in ((kind, model), (f"{kind}-null", null)):
            programs.append((name, _bind(search_positions, policy), used))
    programs.append(("network", _bind(_evaluate_network, sizes.simulations), model))
    return programs


def _bind(program: Callable[..., Any], first: Any) -> Callable[[Model, Any], Any]:
    return lambda model, carry: program(first, model, carry)


def _repeat(program: Callable[[Model, Any], Any], times: int) -> Callable[[Any, Any], Any]:
    def step(model: Model, carry: Any) -> Any:
        return jax.lax.fori_loop(0, times, lambda _, carry: program(model, carry), carry)

    return step


def _evaluate_network(simulations: int, model: Model, carry: Any) -> Any:
    """A root and `simulations` imagined steps, one after the other, each predicted from."""
    obs, _, key = carry
    latent = jax.vmap(model.representation)(obs.astype(jnp.float32))
    logits, value = jax.vmap(model.prediction)(latent)

    def imagine(carry: Any, _: None) -> tuple[Any, None]:
        latent, logits, total = carry
        latent, reward = jax.vmap(model.dynamics)(latent, jnp.argmax(logits, axis=1))
        logits, value = jax.vmap(model.prediction)(latent)
        return (latent, logits, total + reward + value), None

    (_, _, total), _ = jax.lax.scan(imagine, (latent, logits, value), length=simulations)
    return jnp.roll(obs, 1, axis=0), total, key


def _represent_nothing(features: Float[Array, " features"]) -> Float[Array, "1"]:
    """A number that differs between positions, instead of a latent."""
    return features[:1] + 0.5


def _imagine_nothing(
    latent: Float[Array, "1"], action: Int[Array, ""]
) -> tuple[Float[Array, "1"], Float[Array, ""]]:
    """The logistic map, pushed by the action: trees grow as unevenly as with a real network."""
    pushed = latent + 0.2 * action.astype(jnp.float32)
    following = 3.9 * (pushed % 1.0) * (1.0 - pushed % 1.0)
    return following, jnp.float32(0.0)


def _predict_nothing(
    latent: Float[Array, "1"],
) -> tuple[Float[Array, " actions"], Float[Array, ""]]:
    number = latent[0]
    return jnp.stack([number, 1.0 - number, jnp.float32(0.5)]), number - 0.5
