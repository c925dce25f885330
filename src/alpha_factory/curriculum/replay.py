"""Prioritised level replay as a selector (Jiang et al. 2021), with what its descendants change as arguments.

A round is of one of three kinds:

    fresh    levels from the generator, scored and offered to the buffer
    replay   levels of the buffer, drawn by their weights; their scores are written down anew
    edit     children of the batch that was just replayed, scored and offered to the buffer (ACCEL)

A round replays with the chance `replay` once the buffer is full enough, else it is fresh; where children are made, one
of editing follows every replay. Robust PLR makes gradient steps in replays alone, which is what its regret
guarantee rests on; plain PLR makes them in fresh rounds, too.
"""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from alpha_factory.core.types import Level
from alpha_factory.curriculum.buffer import (
    LevelBuffer,
    insert,
    is_ready,
    make_buffer,
    recall,
    sample,
    update,
)
from alpha_factory.curriculum.edits import choose_parents
from alpha_factory.curriculum.identity import NOWHERE
from alpha_factory.curriculum.priority import make_weigh
from alpha_factory.curriculum.selector import (
    Choice,
    Findings,
    Ground,
    Selector,
    Wishes,
    choose_fresh,
    draw_fresh,
)


class Replay(eqx.Module):
    """What replay remembers."""

    buffer: LevelBuffer
    parents: Level | None
    """Of the next round, if it is one of editing; None where nothing is edited."""
    is_editing: Bool[Array, ""]  # the next round plays their children


def make_replay(
    ground: Ground, wishes: Wishes, *, is_robust: bool, is_editing: bool, score: str
) -> Selector:
    """Prioritised level replay.

    Args:
        wishes: settled, none of those that replay needs is None.
        is_robust: gradient steps in replays alone.
        is_editing: a round on children follows every replay.

    Raises:
        UsageError: there is no such prioritisation.
        ValueError: temperature, staleness or number of edits is out of its range.
    """
    weigh = make_weigh(
        wishes.prioritisation or "rank",
        temperature=_known(wishes.temperature),
        staleness=_known(wishes.staleness),
    )
    fill, chance = _known(wishes.fill), _known(wishes.replay)

    def begin(*, key: PRNGKeyArray) -> Replay:
        levels = draw_fresh(ground, wishes, key=key)
        first = jax.tree.map(lambda leaf: leaf[0], levels)
        buffer = make_buffer(first, slots=wishes.slots or 1)
        return Replay(buffer, levels if is_editing else None, jnp.bool_(False))

    def choose(state: Replay, *, key: PRNGKeyArray) -> tuple[Replay, Choice]:
        key_kind, key_replay, key_fresh, key_edit = jax.random.split(key, 4)
        is_replay = is_ready(state.buffer, fill=fill) & (jax.random.uniform(key_kind) < chance)
        is_replay = is_replay & ~state.is_editing

        def replay() -> tuple[LevelBuffer, Choice]:
            buffer, slot, levels = sample(
                state.buffer, batch=ground.lanes, weigh=weigh, key=key_replay
            )
            return buffer, Choice(levels, slot, buffer.max_return[slot], jnp.bool_(True))

        def offer(levels: Level) -> tuple[LevelBuffer, Choice]:
            # One of them may be in the buffer already, and what was once achieved there counts.
            choice = choose_fresh(levels, is_practised=not is_robust)
            return state.buffer, replace(choice, max_return=recall(state.buffer, levels))

        def try_fresh() -> tuple[LevelBuffer, Choice]:
            return offer(draw_fresh(ground, wishes, key=key_fresh))

        def try_children() -> tuple[LevelBuffer, Choice]:
            keys = jax.random.split(key_edit, ground.lanes)
            children = jax.vmap(lambda level, one: ground.edit(level, edits=wishes.edits, key=one))(
                state.parents, keys
            )
            return offer(children)

        kinds = [try_fresh, replay, *([try_children] if is_editing else [])]
        kind = jnp.where(state.is_editing, 2, is_replay.astype(jnp.int32))
        buffer, choice = jax.lax.switch(kind, kinds)
        return Replay(buffer, state.parents, state.is_editing), choice

    def take(state: Replay, choice: Choice, findings: Findings) -> Replay:
        is_replay = choice.slot[0] != NOWHERE
        buffer = jax.lax.cond(
            is_replay,
            lambda: update(state.buffer, choice.slot, findings.visit),
            lambda: insert(state.buffer, choice.level, findings.visit, weigh=weigh)[0],
        )
        if not is_editing:
            return Replay(buffer, None, state.is_editing)
        number = choose_parents(
            findings.mean_return,
            findings.value_loss,
            by=wishes.parents_by or "all",
            parents=wishes.parents or ground.lanes,
        )
        parents = jax.tree.map(
            lambda played, before: jnp.where(is_replay, played[number], before),
            choice.level,
            state.parents,
        )
        return Replay(buffer, parents, is_replay)

    return Selector(begin, choose, take, tell, score)


def tell(state: Replay) -> dict[str, Float[Array, ""]]:
    """How full the buffer is, and what its levels score: mean, lowest and highest."""
    buffer = state.buffer
    slots, size = buffer.score.size, buffer.size.astype(jnp.float32)
    is_there = jnp.arange(slots) < buffer.size
    total = jnp.sum(jnp.where(is_there, buffer.score, 0.0))
    solved = jnp.sum(buffer.is_solved & is_there).astype(jnp.float32)
    none = jnp.float32(jnp.nan)
    lowest = jnp.min(jnp.where(is_there, buffer.score, jnp.inf))
    is_any = buffer.size > 0
    return {
        "buffer": size,
        "buffer_fill": size / slots,
        "buffer_solved": jnp.where(is_any, solved / size, none),
        "buffer_score": jnp.where(is_any, total / jnp.maximum(size, 1.0), none),
        "buffer_score_low": jnp.where(is_any, lowest, none),
        "buffer_score_high": jnp.where(is_any, jnp.max(buffer.score), none),
    }


def _known(value: float | None) -> float:
    assert value is not None, "wishes are settled before they are used"
    return value
