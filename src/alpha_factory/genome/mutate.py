"""The four mutation operators of the paper, section 4.3, each a pure function on 512 bits."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, PRNGKeyArray, UInt32

from alpha_factory.genome.codec import Genome, read_field, write_field
from alpha_factory.genome.layout import BITS, BLOCK_BITS, FIELDS, WORD_BITS, WORDS
from alpha_factory.genome.rules import SLOTS, TEMPLATES

OPERATORS = ("bit-flip", "block-swap", "gaussian", "rule")

_FLIP_CHANCE = 0.03
_FLIPS_AT_MOST = 5
_GAUSSIAN_SCALE = 0.05


def mutate(genome: Genome, *, key: PRNGKeyArray) -> tuple[Genome, Int[Array, ""]]:
    """A child of a genome by an operator drawn uniformly, and the operator's index."""
    key_operator, key_change = jax.random.split(key)
    operator = jax.random.randint(key_operator, (), 0, len(OPERATORS))
    branches = (_flip_bits, _swap_blocks, _perturb_physics, _inject_rule)
    child = jax.lax.switch(operator, branches, genome, key_change)
    return child, operator


def random_genome(*, key: PRNGKeyArray) -> Genome:
    """512 fair bits."""
    return jax.random.bits(key, (WORDS,), jnp.uint32)


def _flip_bits(genome: Genome, key: PRNGKeyArray) -> Genome:
    """M0: each bit is chosen with p = 0.03 and at most 5 of the chosen flip.

    512 bits at p = 0.03 are 15 on average, so the cap of the paper nearly always binds.
    """
    key_choice, key_order = jax.random.split(key)
    is_chosen = jax.random.bernoulli(key_choice, _FLIP_CHANCE, (BITS,))
    order = jnp.where(is_chosen, jax.random.uniform(key_order, (BITS,)), 2.0)
    last = jnp.sort(order)[_FLIPS_AT_MOST - 1]
    return genome ^ _pack(is_chosen & (order <= last))


def _swap_blocks(genome: Genome, key: PRNGKeyArray) -> Genome:
    """M1: two different aligned 16-bit blocks change places."""
    blocks = BITS // BLOCK_BITS
    first, second = jax.random.choice(key, blocks, (2,), replace=False)
    halves = jnp.stack([genome & jnp.uint32(0xFFFF), genome >> jnp.uint32(BLOCK_BITS)], axis=1)
    flat = halves.reshape(blocks)
    flat = flat.at[first].set(flat[second]).at[second].set(halves.reshape(blocks)[first])
    low, high = flat.reshape(WORDS, 2).T
    return low | (high << jnp.uint32(BLOCK_BITS))


def _perturb_physics(genome: Genome, key: PRNGKeyArray) -> Genome:
    """M2: N(0, 0.05) is added to every real-valued physics field, clipped to [0, 1]."""
    reals = [field for field in FIELDS.values() if field.kind == "real"]
    noise = _GAUSSIAN_SCALE * jax.random.normal(key, (len(reals),))
    for field, epsilon in zip(reals, noise, strict=True):
        share = read_field(genome, field).astype(jnp.float32) / field.largest + epsilon
        moved = jnp.round(jnp.clip(share, 0.0, 1.0) * field.largest).astype(jnp.uint32)
        genome = write_field(genome, field, moved)
    return genome


def _inject_rule(genome: Genome, key: PRNGKeyArray) -> Genome:
    """M3: a random template with random parameters is written into a random slot."""
    key_slot, key_template, key_parameters = jax.random.split(key, 3)
    slot = jax.random.randint(key_slot, (), 0, SLOTS)
    template = jax.random.randint(key_template, (), 0, len(TEMPLATES))
    # Eight fair bits are two fair numbers, Gray-coded or not.
    entry = template | (jax.random.randint(key_parameters, (), 0, 256) << 8)
    position = FIELDS["rule_0"].offset + slot * BLOCK_BITS
    word, shift = position // WORD_BITS, (position % WORD_BITS).astype(jnp.uint32)
    kept = genome[word] & ~(jnp.uint32(0xFFFF) << shift)
    return genome.at[word].set(kept | (entry.astype(jnp.uint32) << shift))


def _pack(bits: Bool[Array, "512"]) -> UInt32[Array, "16"]:
    places = jnp.uint32(1) << jnp.arange(WORD_BITS, dtype=jnp.uint32)
    return jnp.sum(
        jnp.where(bits.reshape(WORDS, WORD_BITS), places[None], jnp.uint32(0)),
        axis=1,
        dtype=jnp.uint32,
    )
