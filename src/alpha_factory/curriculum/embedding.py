"""A learned embedding of worlds: genomes in, points of a 64-dimensional space out (paper, section 4.1).

An autoencoder of the genome's 512 bits, learned while the run goes on from what the run proposes
and keeps. Its space drifts as it is learned, so nothing that is kept is a point of it: points are
made anew from genomes whenever they are needed.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, PRNGKeyArray, UInt32

from alpha_factory.genome import BITS
from alpha_factory.nets.dense import Dense

_FEATURES = 64  # of phi(e), as the paper has it
_HIDDEN = 128
_BATCH = 128
_WORD_BITS = 32
_OPTIMISER = optax.adam(1e-3)


class Autoencoder(eqx.Module):
    """Bits to features and back, with one hidden layer each way."""

    inward: Dense
    code: Dense
    outward: Dense
    bits: Dense

    def __init__(self, *, key: PRNGKeyArray):
        """Random weights: a random projection, which keeps distances roughly, until it is learned."""
        key_inward, key_code, key_outward, key_bits = jax.random.split(key, 4)
        self.inward = Dense(BITS, _HIDDEN, scale=1.0, key=key_inward)
        self.code = Dense(_HIDDEN, _FEATURES, scale=1.0, key=key_code)
        self.outward = Dense(_FEATURES, _HIDDEN, scale=1.0, key=key_outward)
        self.bits = Dense(_HIDDEN, BITS, scale=1.0, key=key_bits)


class Embedding(eqx.Module):
    """An autoencoder in training."""

    net: Autoencoder
    optimiser: optax.OptState
    wrong: Float[Array, ""]  # share of bits that were given back wrong at the last learning


def start_embedding(*, key: PRNGKeyArray) -> Embedding:
    """One that has learned nothing, and is taken to give back half of the bits wrong."""
    net = Autoencoder(key=key)
    return Embedding(net, _OPTIMISER.init(eqx.filter(net, eqx.is_array)), jnp.float32(0.5))


def embed(
    net: Autoencoder, genome: UInt32[Array, "*worlds 16"]
) -> Float[Array, "*worlds features"]:
    """phi(e) of each genome, of no particular scale."""
    return net.code(jnp.tanh(net.inward(_read_signs(genome))))


def learn_embedding(
    embedding: Embedding,
    genome: UInt32[Array, "worlds 16"],
    is_known: Bool[Array, " worlds"],
    *,
    updates: int,
    key: PRNGKeyArray,
) -> Embedding:
    """Make gradient steps of Adam on the chance that every bit is given back right.

    Args:
        is_known: which of the genomes there are; at least one. Each is drawn with the same chance.
    """
    chance = is_known.astype(jnp.float32) / jnp.sum(is_known).astype(jnp.float32)

    def step(carry: tuple, key_step: Array) -> tuple[tuple, Array]:
        net, optimiser = carry
        drawn = jax.random.choice(key_step, genome.shape[0], (_BATCH,), p=chance)
        (_, wrong), gradient = _measure(net, genome[drawn])
        change, optimiser = _OPTIMISER.update(gradient, optimiser)
        return (eqx.apply_updates(net, change), optimiser), wrong

    start = (embedding.net, embedding.optimiser)
    (net, optimiser), wrong = jax.lax.scan(step, start, jax.random.split(key, updates))
    return Embedding(net, optimiser, jnp.mean(wrong))


@eqx.filter_value_and_grad(has_aux=True)
def _measure(net: Autoencoder, genome: Array) -> tuple[Array, Array]:
    """Mean cross-entropy of the bits in nats, and the share of them that is given back wrong."""
    sign = _read_signs(genome)
    logit = net.bits(jnp.tanh(net.outward(embed(net, genome))))
    return jnp.mean(jax.nn.softplus(-sign * logit)), jnp.mean(sign * logit <= 0.0)


def _read_signs(genome: UInt32[Array, "*worlds 16"]) -> Float[Array, "*worlds 512"]:
    """1 for a bit that is set and -1 for one that is not."""
    each = jnp.broadcast_to(genome[..., None], (*genome.shape, _WORD_BITS))
    place = jax.lax.broadcasted_iota(jnp.uint32, each.shape, each.ndim - 1)
    bit = (each >> place) & jnp.uint32(1)
    return 2.0 * bit.reshape(*genome.shape[:-1], BITS).astype(jnp.float32) - 1.0
