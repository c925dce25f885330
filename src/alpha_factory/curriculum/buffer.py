"""The levels worth playing again, as pure state: insert, update, sample (prioritised level replay).

Jiang et al. 2021, as ACCEL and its successors use it; `curriculum.priority` says what a level weighs. Scores are
finite: a visit whose score is not is refused, which is also how a caller withholds a level. The clock counts calls:
all levels of one `insert` or `sample` are visited at the same time.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32, PRNGKeyArray

from alpha_factory.core.types import Level
from alpha_factory.curriculum.identity import NOWHERE, find_firsts, find_slots
from alpha_factory.curriculum.priority import Weigh, rank_of
from alpha_factory.replay.draw import locate

_RESIDENT = -1  # the slot holds what it held before the batch
_ROUNDING = 1e-5  # weights that differ by less are taken as equal


class LevelBuffer(eqx.Module):
    """Levels kept for replay. Slots from `size` on are padding: the level it was made with, at score -inf."""

    level: Level  # leading axis `slots`
    score: Float32[Array, " slots"]  # as of the last visit that was scored
    seen_at: Int32[Array, " slots"]  # clock at the last visit
    max_return: Float32[Array, " slots"]  # of any episode ever ended there; -inf if none has
    is_solved: Bool[Array, " slots"]  # ever
    size: Int32[Array, ""]
    clock: Int32[Array, ""]  # calls so far that visited levels


class Visit(eqx.Module):
    """What a rollout found out about each level that it played."""

    score: Float32[Array, " levels"]  # one that is not finite makes the buffer ignore the visit
    max_return: Float32[Array, " levels"]  # of the episodes that ended; -inf if none did
    is_solved: Bool[Array, " levels"]  # in any of its episodes


def make_buffer(level: Level, *, slots: int) -> LevelBuffer:
    """An empty buffer for levels like this one, without a leading axis."""
    return LevelBuffer(
        level=jax.tree.map(lambda leaf: jnp.repeat(leaf[None], slots, axis=0), level),
        score=jnp.full(slots, -jnp.inf, jnp.float32),
        seen_at=jnp.zeros(slots, jnp.int32),
        max_return=jnp.full(slots, -jnp.inf, jnp.float32),
        is_solved=jnp.zeros(slots, bool),
        size=jnp.int32(0),
        clock=jnp.int32(0),
    )


def weights(buffer: LevelBuffer, weigh: Weigh) -> Float32[Array, " slots"]:
    """The chance of each slot to be sampled next: together 1, or all 0 if the buffer is empty."""
    rank = rank_of(*_place(buffer.score))
    return weigh(buffer.score, rank, buffer.clock - buffer.seen_at, _is_there(buffer))


def is_ready(buffer: LevelBuffer, *, fill: float) -> Bool[Array, ""]:
    """Whether at least this share of the slots is taken, and one at the least: replay may begin."""
    needed = math.ceil(round(fill * buffer.score.size, 6))
    return buffer.size >= max(needed, 1)


def insert(
    buffer: LevelBuffer, levels: Level, visit: Visit, *, weigh: Weigh
) -> tuple[LevelBuffer, Int32[Array, " levels"]]:
    """Offer levels to the buffer, one after the other.

    A level that is there already, bit by bit, is updated: it takes the new score, and keeps the greatest return
    and that it was once solved. Another one takes the next free slot or, if there is none, that of the level
    with the lowest replay weight, provided that it scores higher (equal does not do). Of equal weights the
    lowest score goes, then the one longest not seen, then the one in the first slot.

    Returns:
        The buffer, and the slot in which each level is now, or NOWHERE.
    """
    clock, slots = buffer.clock + 1, buffer.score.size
    first = find_firsts(levels)
    known = find_slots(levels, buffer.level, _is_there(buffer))
    greater, equal = _place(buffer.score)
    before = _Standing(
        score=buffer.score,
        greater=greater,
        equal=equal,
        seen_at=buffer.seen_at,
        max_return=buffer.max_return,
        is_solved=buffer.is_solved,
        holder=jnp.full(slots, _RESIDENT, jnp.int32),
        size=buffer.size,
    )

    def offer(now: _Standing, one: tuple[Visit, Array, Array]) -> tuple[_Standing, None]:
        return _offer(now, *one, clock=clock, weigh=weigh), None

    after, _ = jax.lax.scan(offer, before, (visit, first, known))
    is_here = jax.vmap(lambda *kind: _is_here(after.holder, *kind))(first, known)
    slot = jnp.where(jnp.any(is_here, axis=1), jnp.argmax(is_here, axis=1), NOWHERE)
    # Written once, by the first of its kind in the batch; what has no slot is dropped.
    is_first = first == jnp.arange(first.size)
    is_new = is_first & (slot != NOWHERE) & (after.holder[slot] != _RESIDENT)
    target = jnp.where(is_new, slot, slots)
    level = jax.tree.map(
        lambda stored, new: stored.at[target].set(new, mode="drop"), buffer.level, levels
    )
    taken = (after.score, after.seen_at, after.max_return, after.is_solved, after.size)
    return LevelBuffer(level, *taken, clock), slot.astype(jnp.int32)


def recall(buffer: LevelBuffer, levels: Level) -> Float32[Array, " levels"]:
    """The greatest return that the buffer knows of each level; -inf of one that it does not hold, or never saw end."""
    slot = find_slots(levels, buffer.level, _is_there(buffer))
    return jnp.where(slot == NOWHERE, -jnp.inf, buffer.max_return[slot])


def update(buffer: LevelBuffer, slot: Int32[Array, " levels"], visit: Visit) -> LevelBuffer:
    """Write down what a rollout of sampled levels found; no `insert` may lie between.

    Of a level that was played in several lanes the last score counts, and the greatest return. A slot that holds
    no level is passed over.
    """
    is_meant = (slot >= 0) & (slot < buffer.size) & jnp.isfinite(visit.score)
    is_same = (slot[:, None] == slot[None]) & is_meant[None]
    is_outdone = jnp.any(is_same & ~jnp.tri(slot.size, dtype=bool), axis=1)
    place = jnp.where(is_meant, slot, buffer.score.size)
    last = jnp.where(is_outdone, buffer.score.size, place)
    return eqx.tree_at(
        lambda tree: (tree.score, tree.max_return, tree.is_solved),
        buffer,
        (
            buffer.score.at[last].set(visit.score, mode="drop"),
            buffer.max_return.at[place].max(_or_none(visit.max_return), mode="drop"),
            buffer.is_solved.at[place].max(visit.is_solved, mode="drop"),
        ),
    )


def sample(
    buffer: LevelBuffer, *, batch: int, weigh: Weigh, is_replaced: bool = True, key: PRNGKeyArray
) -> tuple[LevelBuffer, Int32[Array, " batch"], Level]:
    """Draw levels by their `weights`, all as they are before the first draw.

    Without replacement every level that has a weight is drawn before one is drawn again. An empty buffer gives
    the level that it was made with, in slot 0: ask `is_ready` first.

    Returns:
        The buffer, its clock and the time stamps of the levels drawn advanced; their slots; the levels.
    """
    weight = weights(buffer, weigh)

    def draw(left: Array, share: Array) -> tuple[Array, Array]:
        slot = locate(left[None], share[None])[0]
        if is_replaced:
            return left, slot
        left = left.at[slot].set(0.0)
        return jnp.where(jnp.any(left > 0), left, weight), slot

    _, slot = jax.lax.scan(draw, weight, jax.random.uniform(key, (batch,)))
    slot = jnp.minimum(slot, jnp.maximum(buffer.size - 1, 0))
    seen = eqx.tree_at(
        lambda tree: (tree.seen_at, tree.clock),
        buffer,
        (buffer.seen_at.at[slot].set(buffer.clock + 1), buffer.clock + 1),
    )
    return seen, slot, jax.tree.map(lambda leaf: leaf[slot], buffer.level)


class _Standing(eqx.Module):
    """The buffer while a batch goes in, its levels left out."""

    score: Float32[Array, " slots"]
    greater: Int32[Array, " slots"]  # slots that score higher: ranks are kept, not sorted anew
    equal: Int32[Array, " slots"]  # slots of the same score, itself among them
    seen_at: Int32[Array, " slots"]
    max_return: Float32[Array, " slots"]
    is_solved: Bool[Array, " slots"]
    holder: Int32[Array, " slots"]  # number in the batch of the first of its kind, or _RESIDENT
    size: Int32[Array, ""]


def _offer(
    now: _Standing, visit: Visit, first: Array, known: Array, *, clock: Array, weigh: Weigh
) -> _Standing:
    """How things stand after one level of the batch, whose axis the visit lacks."""
    number = jnp.arange(now.score.size, dtype=jnp.int32)
    is_here, is_there = _is_here(now.holder, first, known), number < now.size
    is_known, is_free = jnp.any(is_here), now.size < number.size
    weight = weigh(now.score, rank_of(now.greater, now.equal), clock - now.seen_at, is_there)
    weakest = _find_weakest(weight, now.score, now.seen_at, is_there)
    slot = jnp.where(is_known, jnp.argmax(is_here), jnp.where(is_free, now.size, weakest))
    old, is_finite = now.score[slot], jnp.isfinite(visit.score)
    is_taken = is_finite & (is_known | is_free | (visit.score > old))
    new = jnp.where(is_taken, visit.score, old)
    is_put = is_taken & (number == slot)

    def keep(old: Array, new: Array) -> Array:
        return jnp.where(is_put, new, old)

    score = keep(now.score, new)
    higher, same = (
        compare(new, now.score).astype(jnp.int32) - compare(old, now.score).astype(jnp.int32)
        for compare in (jnp.greater, jnp.equal)
    )
    before = jnp.where(is_known, now.max_return[slot], -jnp.inf)
    return _Standing(
        score=score,
        greater=keep(now.greater + higher, jnp.sum(score > new, dtype=jnp.int32)),
        equal=keep(now.equal + same, jnp.sum(score == new, dtype=jnp.int32)),
        seen_at=keep(now.seen_at, clock),
        max_return=keep(now.max_return, jnp.maximum(before, _or_none(visit.max_return))),
        is_solved=keep(now.is_solved, visit.is_solved | (is_known & now.is_solved[slot])),
        holder=keep(now.holder, jnp.where(is_known, now.holder[slot], first)),
        size=now.size + (is_taken & ~is_known & is_free).astype(jnp.int32),
    )


def _place(
    score: Float32[Array, " slots"],
) -> tuple[Int32[Array, " slots"], Int32[Array, " slots"]]:
    """For each slot how many score higher, and how many the same."""
    ordered = jnp.sort(score)
    lower, upto = (jnp.searchsorted(ordered, score, side=side) for side in ("left", "right"))
    return (score.size - upto).astype(jnp.int32), (upto - lower).astype(jnp.int32)


def _find_weakest(weight: Array, score: Array, seen_at: Array, is_there: Array) -> Int32[Array, ""]:
    lowest = jnp.min(jnp.where(is_there, weight, jnp.inf))
    is_left = is_there & (weight <= lowest * (1 + _ROUNDING))
    is_left = is_left & (score == jnp.min(jnp.where(is_left, score, jnp.inf)))
    oldest = jnp.min(jnp.where(is_left, seen_at, jnp.iinfo(jnp.int32).max))
    return jnp.argmax(is_left & (seen_at == oldest)).astype(jnp.int32)


def _is_there(buffer: LevelBuffer) -> Bool[Array, " slots"]:
    return jnp.arange(buffer.score.size) < buffer.size


def _is_here(holder: Int32[Array, " slots"], first: Array, known: Array) -> Bool[Array, " slots"]:
    """The slot, if any, in which a level is while a batch goes in."""
    number = jnp.arange(holder.size, dtype=jnp.int32)
    return (holder == first) | ((holder == _RESIDENT) & (number == known))


def _or_none(max_return: Array) -> Array:
    return jnp.where(jnp.isnan(max_return), -jnp.inf, max_return)
