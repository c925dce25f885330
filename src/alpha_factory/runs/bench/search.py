"""Simulations a second of the search, in parts: with a network, with one that costs nothing, and without."""

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from alpha_factory.runs.bench.measure import (
    Asked,
    Case,
    Measured,
    Peer,
    Timing,
    always,
    ask,
    compile_step,
    tell_peer,
    time_in_turns,
    to_result,
)
from alpha_factory.runs.bench.networks import Dense, Network, Null
from alpha_factory.runs.bench.sizes import Sizes
from alpha_factory.search import Found, search_gumbel, search_puct

_SEED = 0
_UNIT = "simulations/s"
KINDS: dict[str, Callable[..., Found]] = {
    "puct": partial(search_puct, value_range=None),
    "gumbel": partial(search_gumbel, value_range=None, c_scale=0.1),
}
"""The searches as published, with values rescaled by the tree's own: what the peer does too."""
NETWORKS: dict[str, Callable[[], Network]] = {
    "": lambda: Dense(key=jax.random.key(_SEED)),
    "-null": Null,
}


def bench_search(sizes: Sizes, repeats: int, peer: Peer | None = None) -> Measured:
    """Results `puct`, `gumbel`, `puct-null`, `gumbel-null` and `network`, each at every batch.

    `-null` has a network that costs nothing: what is left is the tree. `network` is the network
    alone, evaluated as often as a search does. `parts` sets them against each other and against
    the rate of plain matrix products of the same shape, measured in the same turns.
    """
    compile_s, cases = 0.0, []
    for batch in sizes.batches:
        for name, step, network in _programs(sizes.simulations):
            searches = max(1, sizes.positions // batch)
            carry = network.start(batch, key=jax.random.key(_SEED)), jax.random.key(_SEED)
            compiled, seconds = compile_step(_repeat(step, searches), network, carry)
            compile_s += seconds
            done = searches * batch * sizes.simulations
            shape = {"batch": batch, "simulations": sizes.simulations, "searches": searches}
            cases.append(Case(name, _UNIT, shape, compiled, network, carry, always(done)))
    told = [case for case in cases if case.name != "matmul"]
    asked = [Asked(case.name, _UNIT, case.shape) for case in told if case.name != "network"]
    timings = time_in_turns(cases, repeats, ask(peer, asked))
    timed = list(zip(cases, timings, strict=False))
    extra = {"parts": _compare_parts(timed)} | tell_peer(peer, asked, timings)
    return Measured(
        compile_s, [to_result(case, timing) for case, timing in timed if case in told], extra
    )


def _programs(
    simulations: int,
) -> list[tuple[str, Callable[[Network, Any], Any], Network]]:
    dense = NETWORKS[""]()
    programs: list[tuple[str, Callable[[Network, Any], Any], Network]] = [
        (kind + suffix, make_round(kind, simulations), dense if not suffix else make())
        for kind in KINDS
        for suffix, make in NETWORKS.items()
    ]
    programs.append(("network", partial(_evaluate, simulations), dense))
    programs.append(("matmul", partial(_multiply, simulations), dense))
    return programs


def make_round(kind: str, simulations: int) -> Callable[[Network, Any], Any]:
    """`round(network, carry) -> carry`: search a batch, and go on from other latents."""

    def search(network: Network, carry: Any) -> Any:
        latent, key = carry
        key_search, key_later = jax.random.split(key)
        logits, value = network.predict(latent)
        found = KINDS[kind](
            network.imagine, logits, value, latent, simulations=simulations, key=key_search
        )
        return move_on(latent, found.value + found.action.astype(latent.dtype)), key_later

    return search


def move_on(latent: Array, result: Array) -> Array:
    """Other latents, that depend on the result: what is the same in every round is done once."""
    return jnp.roll(latent, 1, axis=0) + 1e-6 * result[:, None]


def _repeat(program: Callable[[Any, Any], Any], times: int) -> Callable[[Any, Any], Any]:
    def step(network: Network, carry: Any) -> Any:
        return jax.lax.fori_loop(0, times, lambda _, carry: program(network, carry), carry)

    return step


def _evaluate(simulations: int, network: Network, carry: Any) -> Any:
    """`simulations` imagined steps, one after the other."""
    latent, key = carry
    logits, value = network.predict(latent)

    def imagine(_: Any, carry: Any) -> Any:
        latent, logits, total = carry
        step, latent = network.imagine(latent, jnp.argmax(logits, axis=1).astype(jnp.int32))
        return latent, step.logits, total + step.reward + step.value

    _, _, total = jax.lax.fori_loop(0, simulations, imagine, (latent, logits, value))
    return move_on(latent, total), key


def _multiply(simulations: int, network: Dense, carry: Any) -> Any:
    """The network's large matrix products and nothing else: what the machine can do."""
    latent, key = carry

    def multiply(_: Any, latent: Array) -> Array:
        for layer in network.layers:
            latent = latent @ layer
        return latent

    return jax.lax.fori_loop(0, simulations, multiply, latent), key


def _compare_parts(timed: Sequence[tuple[Case, Timing]]) -> list[dict[str, Any]]:
    """Of each search: shares of network, tree and rest in its CPU time, and the network's rate.

    The tree is the same search with a network that costs nothing. The rest is what the whole takes
    beyond both, such as what the tree's memory costs the network in cache; where compiled together
    they take less than apart, it is 0.
    """
    found = {(case.name, case.shape["batch"]): (case, timing) for case, timing in timed}
    parts = []
    for kind in KINDS:
        for batch in sorted({batch for _, batch in found}):
            _, whole = found[kind, batch]
            case, network = found["network", batch]
            _, matmul = found["matmul", batch]
            _, null = found[kind + "-null", batch]
            share = _median_ratio(network.cpu_s, whole.cpu_s)
            tree = _median_ratio(null.cpu_s, whole.cpu_s)
            layers = 2 * case.fixed.layers.size / case.fixed.flops
            parts.append(
                {
                    "name": kind,
                    "batch": batch,
                    "network": share,
                    "tree": tree,
                    "rest": max(0.0, 1.0 - share - tree),
                    "network_of_matmul": _median_ratio(matmul.cpu_s, network.cpu_s) / layers,
                }
            )
    return parts


def _median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(above, below, strict=True))
