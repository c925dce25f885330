from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from alpha_factory.genome import FIELDS, OPERATORS, TEMPLATES, mutate, random_genome, to_values

CHILDREN = 2000


@pytest.fixture(scope="module")
def litter():
    """Random parents, a child of each, and by which operator."""
    key_parents, key_children = jax.random.split(jax.random.key(0))
    parents = jax.vmap(lambda key: random_genome(key=key))(jax.random.split(key_parents, CHILDREN))
    breed = jax.jit(jax.vmap(lambda genome, key: mutate(genome, key=key)))
    children, operator = breed(parents, jax.random.split(key_children, CHILDREN))
    return np.asarray(parents), np.asarray(children), np.asarray(operator)


def by(litter, operator):
    parents, children, used = litter
    chosen = used == OPERATORS.index(operator)
    return parents[chosen], children[chosen]


def flipped_bits(parent, child):
    """Numbers of the bits that differ."""
    whole = sum(int(word) << (32 * index) for index, word in enumerate(parent ^ child))
    return [bit for bit in range(512) if whole >> bit & 1]


def blocks(genome):
    return genome.astype("<u4").view("<u2").tolist()


def test_operators_are_drawn_uniformly(litter):
    counts = np.bincount(litter[2], minlength=4)
    assert counts.size == 4
    assert stats.chisquare(counts).pvalue > 1e-3


def test_random_genome_has_fair_bits(litter):
    ones = np.unpackbits(litter[0].view(np.uint8), axis=1).sum(axis=0)
    assert stats.chisquare([ones.sum(), ones.size * CHILDREN - ones.sum()]).pvalue > 1e-3
    # Each of 512 bits by itself: the farthest lies within 5 standard deviations.
    assert np.abs(ones - CHILDREN / 2).max() < 5 * np.sqrt(CHILDREN / 4)


def test_bit_flip_flips_one_to_five_bits_anywhere(litter):
    flips = [flipped_bits(*pair) for pair in zip(*by(litter, "bit-flip"), strict=True)]
    counts = Counter(map(len, flips))
    assert set(counts) <= set(range(6))
    # 512 bits at p = 0.03: P(at least 5) = 0.9997.
    assert counts[5] > 0.98 * len(flips)
    where = np.bincount([bit // 16 for flip in flips for bit in flip], minlength=32)
    assert stats.chisquare(where).pvalue > 1e-3


def test_block_swap_exchanges_exactly_two_blocks(litter):
    seen = Counter()
    for parent, child in zip(*by(litter, "block-swap"), strict=True):
        before, after = blocks(parent), blocks(child)
        moved = [place for place in range(32) if before[place] != after[place]]
        assert len(moved) in (0, 2)
        if moved:
            first, second = moved
            assert (after[first], after[second]) == (before[second], before[first])
            seen.update(moved)
    # Two random blocks are alike once in 65,536 swaps, so nearly all swaps show.
    assert seen.total() > 1.99 * len(by(litter, "block-swap")[0])
    assert stats.chisquare([seen[place] for place in range(32)]).pvalue > 1e-3


def test_gaussian_moves_real_physics_fields_alone_by_little(litter):
    reals = [name for name, field in FIELDS.items() if field.kind == "real"]
    assert reals
    assert all(FIELDS[name].section == "physics" for name in reals)
    steps = []
    for parent, child in zip(*by(litter, "gaussian"), strict=True):
        before, after = to_values(parent), to_values(child)
        assert {name for name in before if before[name] != after[name]} <= set(reals)
        for name in reals:
            largest = FIELDS[name].largest
            share = before[name] / largest
            if 0.25 < share < 0.75:  # far from where the clip bites
                steps.append(after[name] / largest - share)
    assert stats.kstest(steps, stats.norm(0, 0.05).cdf).pvalue > 1e-3


def test_gaussian_stays_in_range_at_the_ends():
    parents = jnp.concatenate(
        [jnp.zeros((100, 16), jnp.uint32), jnp.full((100, 16), 0x80008000, jnp.uint32)]
    )
    breed = jax.jit(jax.vmap(lambda genome, key: mutate(genome, key=key)))
    children, operator = breed(parents, jax.random.split(jax.random.key(3), 200))
    moved = [
        (to_values(parent)["slip"], to_values(child)["slip"])
        for parent, child, used in zip(*map(np.asarray, (parents, children, operator)), strict=True)
        if used == OPERATORS.index("gaussian")
    ]
    at_least, at_most = (
        [new for old, new in moved if old == 0],
        [new for old, new in moved if old == 65535],
    )
    assert min(at_least) == 0
    assert 0 < max(at_least) < 20_000
    assert max(at_most) == 65535
    assert 45_000 < min(at_most) < 65535


def test_rule_injection_writes_one_slot_with_a_template_and_numbers_that_exist(litter):
    slots, templates, numbers = Counter(), Counter(), Counter()
    for parent, child in zip(*by(litter, "rule"), strict=True):
        before, after = to_values(parent), to_values(child)
        changed = {name for name in before if before[name] != after[name]}
        touched = {name[: len("rule_0")] for name in changed}
        assert len(touched) <= 1
        for slot in touched:
            assert slot in ("rule_0", "rule_1", "rule_2", "rule_3")
            assert after[slot] < len(TEMPLATES)
            slots[slot] += 1
            templates[after[slot]] += 1
            numbers[after[f"{slot}_n"]] += 1
            numbers[16 + after[f"{slot}_m"]] += 1
    assert stats.chisquare(list(slots.values())).pvalue > 1e-3
    assert len(slots) == 4
    assert stats.chisquare([templates[code] for code in range(len(TEMPLATES))]).pvalue > 1e-3
    assert stats.chisquare([numbers[number] for number in range(32)]).pvalue > 1e-3
