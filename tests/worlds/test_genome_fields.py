"""No field of the genome is dead: of each, some bit changes what an agent sees or is paid in some world."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.genome import FIELDS, TEMPLATES
from alpha_factory.worlds import decode, make_grid

LANES, STEPS, ROUNDS = 64, 64, 48
WORLD = make_grid()


@jax.jit
@jax.vmap
def digest_trajectory(genome, actions, key):
    """One number for all observations, rewards and ends of an episode."""
    level = decode(genome)
    state = WORLD.reset(level, key=key)
    first = WORLD.observe(level, state)
    weight = jax.random.bits(jax.random.key(1), first.shape, jnp.uint32)

    def summarise(obs):
        return jnp.sum(jnp.where(obs, weight, jnp.uint32(0)), dtype=jnp.uint32)

    def act(carry, step):
        state, digest = carry
        action, time = step
        key_step = jax.random.fold_in(key, time)
        state, outcome = WORLD.step(level, state, action, key=key_step)
        paid = jax.lax.bitcast_convert_type(outcome.reward, jnp.uint32)
        ends = outcome.is_terminated.astype(jnp.uint32) + 2 * outcome.is_truncated.astype(
            jnp.uint32
        )
        for part in (summarise(WORLD.observe(level, state)), paid, ends):
            digest = (digest ^ part) * jnp.uint32(0x9E3779B1)
            digest = digest ^ (digest >> jnp.uint32(15))
        return (state, digest), None

    steps = (actions, jnp.arange(STEPS))
    return jax.lax.scan(act, (state, summarise(first)), steps)[0][1]


def _draw_genomes(draw):
    """Random but for their rules: each slot holds one, while chance alone would leave most empty."""
    genomes = draw.integers(0, 2**32, (LANES, 16), dtype=np.uint32)
    octets = genomes.view(np.uint8)
    for slot in range(4):
        octets[:, FIELDS[f"rule_{slot}"].offset // 8] %= len(TEMPLATES)
    return genomes


@pytest.fixture(scope="module")
def living():
    """The fields of which a flipped bit changed some trajectory."""
    found, draw = set(), np.random.default_rng(0)
    for _ in range(ROUNDS):
        genomes = _draw_genomes(draw)
        actions = jnp.asarray(draw.choice(3, (LANES, STEPS), p=(0.2, 0.2, 0.6)), jnp.int32)
        keys = jax.random.split(jax.random.key(int(draw.integers(2**31))), LANES)
        before = np.asarray(digest_trajectory(jnp.asarray(genomes), actions, keys))
        for field in FIELDS.values():
            if field.name in found:
                continue
            bit = field.offset + np.arange(LANES) % field.width
            flipped = genomes.copy()
            flipped[np.arange(LANES), bit // 32] ^= np.uint32(1) << (bit % 32).astype(np.uint32)
            after = np.asarray(digest_trajectory(jnp.asarray(flipped), actions, keys))
            if (after != before).any():
                found.add(field.name)
        if len(found) == len(FIELDS):
            break
    return found


@pytest.mark.parametrize("field", FIELDS)
def test_field_changes_some_trajectory(field, living):
    assert field in living
