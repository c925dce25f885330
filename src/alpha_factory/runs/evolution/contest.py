"""The agents of a run's past in its worlds: models and worlds in, solve rates and what follows from them out."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from alpha_factory.core.types import Level, Plan, Player, World
from alpha_factory.curriculum import Frontier, Roster, characterise, enrol, measure_novelty
from alpha_factory.rollout import play
from alpha_factory.runs.machine.compiler import Compiler
from alpha_factory.runs.settings.config import CurriculumConfig
from alpha_factory.worlds import decode


class Contest:
    """The programs in which these agents take part, compiled on first use."""

    def __init__(
        self, config: CurriculumConfig, world: World, player: Player, compiler: Compiler
    ) -> None:
        self._config = config
        self._world = world
        self._player = player
        self._compiler = compiler

    def challenge(
        self, models: eqx.Module, levels: Level, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, "worlds agents"], Int[Array, ""]]:
        """How often each of several agents solves each level, without a search; and the env steps that it took."""
        return self._compiler.call("challenge", self._challenge, models, levels, key)

    def compare(
        self, solved: Float[Array, "candidates agents"], frontier: Frontier, roster: Roster
    ) -> Float[Array, " candidates"]:
        """How new candidates are by who can play them (PATA-EC)."""
        return self._compiler.call("compare", self._compare, solved, frontier, roster)

    def enrol(
        self, roster: Roster, model: eqx.Module, *, key: PRNGKeyArray
    ) -> tuple[Roster, Int[Array, ""]]:
        """The roster after an agent was offered, and the place that it took."""
        return self._compiler.call(
            "enrol", lambda *given: enrol(*given[:2], key=given[2]), roster, model, key
        )

    def revisit(
        self, roster: Roster, frontier: Frontier, place: Int[Array, ""], *, key: PRNGKeyArray
    ) -> tuple[Frontier, Int[Array, ""]]:
        """Let the agent at one place of the roster play all worlds of the frontier; and the env steps that it took."""
        return self._compiler.call("revisit", self._revisit, roster, frontier, place, key)

    def _challenge(
        self, models: eqx.Module, levels: Level, key: PRNGKeyArray
    ) -> tuple[Array, Array]:
        episodes = self._config.episodes
        return play_all(self._world, self._player, models, levels, episodes=episodes, key=key)

    def _compare(self, solved: Array, frontier: Frontier, roster: Roster) -> Array:
        config, is_agent = self._config, roster.is_agent
        assert frontier.solved is not None
        own, known = (
            characterise(rates, is_agent, lowest=config.lowest, highest=config.highest)
            for rates in (solved, frontier.solved)
        )
        return measure_novelty(own, known, frontier.is_kept, is_agent, nearest=config.nearest)

    def _revisit(
        self, roster: Roster, frontier: Frontier, place: Array, key: PRNGKeyArray
    ) -> tuple[Frontier, Array]:
        assert frontier.solved is not None
        arrays, static = eqx.partition(roster.model, eqx.is_array)
        alone = eqx.combine(jax.tree.map(lambda leaf: leaf[place][None], arrays), static)
        rates, steps = self._challenge(alone, jax.vmap(decode)(frontier.genome), key)
        solved = frontier.solved.at[:, place].set(rates[:, 0])
        return eqx.tree_at(lambda tree: tree.solved, frontier, solved), steps


def play_all(
    world: World,
    player: Player,
    models: eqx.Module,
    levels: Level,
    *,
    episodes: int,
    key: PRNGKeyArray,
) -> tuple[Float[Array, "worlds agents"], Int[Array, ""]]:
    """Share of so many episodes of each world that the player solves with each model, and the steps of them all.

    Args:
        models: whose arrays have a leading axis `agents`.
    """
    arrays, static = eqx.partition(models, eqx.is_array)
    agents, worlds = (jax.tree.leaves(tree)[0].shape[0] for tree in (arrays, levels))
    lane = jnp.tile(jnp.repeat(jnp.arange(worlds), episodes), agents)

    def start_all(params: Any, lanes: int) -> Any:
        return jax.vmap(lambda own: player.start(eqx.combine(own, static), lanes // agents))(params)

    def act_all(
        params: Any, obs: Array, is_first: Array, carry: Any, *, key: PRNGKeyArray
    ) -> tuple[Plan, Any]:
        def act_one(own: Any, *given: Any) -> tuple[Plan, Any]:
            *seen, key_one = given
            return player.act(eqx.combine(own, static), *seen, key=key_one)

        obs, is_first = (leaf.reshape(agents, -1, *leaf.shape[1:]) for leaf in (obs, is_first))
        keys = jax.random.split(key, agents)
        plans, carry = jax.vmap(act_one)(params, obs, is_first, carry, keys)
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), plans), carry

    each = jax.tree.map(lambda leaf: leaf[lane], levels)
    everyone = Player(start=start_all, act=act_all)
    score = play(world, everyone, arrays, each, key=key)
    is_solved = score.is_solved.reshape(agents, worlds, episodes)
    return jnp.mean(is_solved, axis=2).T, jnp.sum(score.steps)
