"""The panel: worlds that are played again at every look, those that have left the pool too.

Who is on it follows from the archive and the number of the look alone, so that a resumed run, which
keeps nothing of it, plays the same worlds.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray

from alpha_factory.core.types import Level, Plan, Player, World
from alpha_factory.records import WorldCard, WorldLook
from alpha_factory.rollout import play
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.workshop.source import from_card, from_genome

MEMBERS = 32
"""Worlds on the panel at most: with those that join, about 1 % of the demo's time."""
NEWCOMERS = 2
"""Worlds that join at a look at most."""


class Panel(NamedTuple):
    """Who is played at a look, oldest first."""

    members: list[WorldCard]
    newcomers: list[WorldCard]  # those of the members that join at this look


def pick_panel(archive: Archive, *, cycle: int, every: int) -> Panel:
    """The panel of the look at the end of a cycle, with looks every so many cycles.

    At each look the first worlds accepted in that very cycle join: nothing has been trained on them
    yet. A world that a specialist was trained on has been, and stays out.
    """
    looks = choose_looks(cycle // every + 1, MEMBERS // NEWCOMERS)
    joined: dict[int, list[WorldCard]] = {look * every: [] for look in looks}
    for card in archive.accepted(list(joined)):
        if card.id and card.specialist_score is None:
            joined[card.cycle].append(card)
    cohorts = {when: list(islice(cards, NEWCOMERS)) for when, cards in joined.items()}
    return Panel([card for cards in cohorts.values() for card in cards], cohorts.get(cycle, []))


def choose_looks(looks: int, most: int) -> list[int]:
    """Of so many looks, numbered from 0, those whose newcomers are on the panel now; in order.

    The first look, and then those whose number a larger power of two divides, the newer of two
    alike. So the panel is full and spans the whole run, however long, more densely towards its end;
    and who is dropped never comes back, since a later look only adds to this order.
    """
    return sorted(sorted(range(looks), key=lambda look: (look & -look or looks, look))[-most:])


def lay_out(cards: Sequence[WorldCard], *, lanes: int) -> Level:
    """So many levels, those of the cards in turn; of the first world where there is no card."""
    worlds = [from_card(card) for card in cards] or [from_genome(seed_genome())]
    levels = jax.device_get([world.level for world in worlds])
    turns = np.arange(lanes) % len(levels)
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)[turns]), *levels)


def play_both(
    world: World,
    player: Player,
    model: eqx.Module,
    levels: tuple[Level, ...],
    untrained: eqx.Module,
    fresh: Level,
    *,
    key: PRNGKeyArray,
) -> Bool[Array, " lanes"]:
    """Play the levels with one model and the fresh ones with another, side by side.

    In one program, since each takes seconds to compile.

    Returns:
        Whether each episode was solved, those of the fresh levels last.
    """
    together = _join(*levels, fresh)
    own = _count_lanes(together) - _count_lanes(fresh)

    def start_both(models: tuple[Any, Any], lanes: int) -> tuple[Any, Any]:
        return player.start(models[0], own), player.start(models[1], lanes - own)

    def act_both(
        models: tuple[Any, Any], obs: Array, is_first: Array, carry: Any, *, key: PRNGKeyArray
    ) -> tuple[Plan, Any]:
        key_model, key_untrained = jax.random.split(key)
        plan, ours = player.act(models[0], obs[:own], is_first[:own], carry[0], key=key_model)
        fresh_plan, theirs = player.act(
            models[1], obs[own:], is_first[own:], carry[1], key=key_untrained
        )
        return _join(plan, fresh_plan), (ours, theirs)

    both = Player(start=start_both, act=act_both)
    return play(world, both, (model, untrained), together, key=key).is_solved


def write_looks(
    panel: Panel,
    is_solved: Bool[np.ndarray, " lanes"],
    is_solved_untrained: Bool[np.ndarray, " fresh"],
    *,
    cycle: int,
    frames: int,
) -> list[WorldLook]:
    """What came of a look.

    Args:
        is_solved: of the members, as `lay_out` has them.
        is_solved_untrained: of the newcomers when the untrained model plays, in the same way.
    """
    untrained = {
        card.id: float(is_solved_untrained[turn :: len(panel.newcomers)].mean())
        for turn, card in enumerate(panel.newcomers)
    }
    own = [is_solved[turn :: len(panel.members)] for turn in range(len(panel.members))]
    return [
        WorldLook(
            world=card.id,
            cycle=cycle,
            frames=frames,
            solve_rate=float(solved.mean()),
            untrained=untrained.get(card.id),
            episodes=solved.size,
        )
        for card, solved in zip(panel.members, own, strict=True)
    ]


def _join(*trees: Any) -> Any:
    """Trees of the same structure, one after the other along the leading axis."""
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *trees)


def _count_lanes(levels: Level) -> int:
    return jax.tree.leaves(levels)[0].shape[0]
