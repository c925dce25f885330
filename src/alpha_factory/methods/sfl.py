"""Sampling for learnability (Rutherford et al. 2024): train on levels that are solved sometimes and not always.

    learnability = p (1 - p),  p the share of a level's episodes that the present policy solves

Every `practised` rounds the method scouts: it plays `scouted` fresh levels for `scout_steps` rows each, without
gradient steps, and keeps the `kept` most learnable ones. Each round of practice takes a share rho of its lanes from
these, drawn uniformly with replacement, and the others fresh. A run begins with scouting, so that there is no practice
before there are levels to practise on; where scouting found none with a finite score, all lanes are fresh.

For outcomes that are the agent's doing: where chance alone decides whether a level is solved, its learnability is at
its highest for ever.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32, PRNGKeyArray

from alpha_factory.core.errors import UsageError
from alpha_factory.core.types import Level
from alpha_factory.curriculum import (
    SCOUT_STEPS,
    Choice,
    Design,
    Findings,
    Ground,
    Selector,
    Wishes,
    choose_fresh,
    draw_batch,
    draw_fresh,
    keep_learnable,
    settle_wishes,
)

PUBLISHED = Wishes(
    generator="walls",
    walls=60,
    kept=1000,
    scouted=25_000,
    scout_steps=SCOUT_STEPS,
    practised=100,
    share=0.5,
)


class Scouting(eqx.Module):
    """What SFL remembers."""

    kept: Level  # leading axis `kept`, the most learnable first
    learnability: Float[Array, " kept"]  # -inf where nothing has been kept yet
    scouted: Int32[Array, ""]  # rounds of this scouting so far
    practised: Int32[Array, ""]  # rounds since it ended


def make_sfl(ground: Ground, wishes: Wishes) -> Selector:
    """Sampling for learnability.

    Raises:
        UsageError: more levels would be kept than are scouted.
        ValueError: the share is not in [0, 1].
    """
    settled = settle_wishes(wishes, PUBLISHED)
    kept, scouted, practised = settled.kept or 1, settled.scouted or 1, settled.practised or 1
    share = PUBLISHED.share if settled.share is None else settled.share
    assert share is not None
    scouts = math.ceil(scouted / ground.lanes)
    if kept > scouted:
        raise UsageError(
            f"levels.kept={kept} of levels.scouted={scouted} can't be kept: scout {kept} or more, or keep fewer."
        )

    def begin(*, key: PRNGKeyArray) -> Scouting:
        first = ground.draw(key=key, walls=settled.walls, generator=settled.generator)
        levels = jax.tree.map(lambda leaf: jnp.repeat(leaf[None], kept, axis=0), first)
        return Scouting(levels, jnp.full(kept, -jnp.inf, jnp.float32), jnp.int32(0), jnp.int32(0))

    def is_scouting(state: Scouting) -> Bool[Array, ""]:
        return state.scouted < scouts

    def choose(state: Scouting, *, key: PRNGKeyArray) -> tuple[Scouting, Choice]:
        key_scout, key_batch = jax.random.split(key)

        def scout() -> Choice:
            return choose_fresh(draw_fresh(ground, settled, key=key_scout), is_practised=False)

        def practise() -> Choice:
            levels, slot = draw_batch(
                state.kept,
                lambda key: ground.draw(key=key, walls=settled.walls, generator=settled.generator),
                number=count_kept(state),
                lanes=ground.lanes,
                share=share,
                key=key_batch,
            )
            return eqx.tree_at(
                lambda choice: choice.slot, choose_fresh(levels, is_practised=True), slot
            )

        return state, jax.lax.cond(is_scouting(state), scout, practise)

    def take(state: Scouting, choice: Choice, findings: Findings) -> Scouting:
        def compare() -> Scouting:
            levels = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), state.kept, choice.level)
            known = jnp.concatenate([state.learnability, findings.visit.score])
            best, highest = keep_learnable(levels, known, keep=kept)
            return Scouting(best, highest, state.scouted + 1, jnp.int32(0))

        def go_on() -> Scouting:
            is_over = state.practised + 1 >= practised
            return Scouting(
                kept=state.kept,
                # What was kept goes, however learnable it once was.
                learnability=jnp.where(is_over, -jnp.inf, state.learnability),
                scouted=jnp.where(is_over, 0, state.scouted),
                practised=jnp.where(is_over, 0, state.practised + 1),
            )

        return jax.lax.cond(is_scouting(state), compare, go_on)

    return Selector(
        begin, choose, take, tell, score="learnability", scout_steps=settled.scout_steps
    )


def count_kept(state: Scouting) -> Int32[Array, ""]:
    """How many levels there are to practise on: the first so many, since those without a score come last."""
    return jnp.sum(jnp.isfinite(state.learnability), dtype=jnp.int32)


def tell(state: Scouting) -> dict[str, Float[Array, ""]]:
    """How many levels are kept, and their learnability: mean, lowest and highest."""
    known, number = state.learnability, count_kept(state).astype(jnp.float32)
    is_there, none = jnp.isfinite(known), jnp.float32(jnp.nan)
    total = jnp.sum(jnp.where(is_there, known, 0.0))
    lowest = jnp.min(jnp.where(is_there, known, jnp.inf))
    return {
        "buffer": number,
        "buffer_fill": number / known.size,
        "buffer_score": jnp.where(number > 0, total / jnp.maximum(number, 1.0), none),
        "buffer_score_low": jnp.where(number > 0, lowest, none),
        "buffer_score_high": jnp.where(number > 0, jnp.max(known), none),
    }


METHOD = {"Selector": {"sfl": Design(make_sfl, PUBLISHED)}}
