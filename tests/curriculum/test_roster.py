import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from alpha_factory.curriculum import enrol, start_roster

AGENTS = 3


class Agent(eqx.Module):
    """An agent that knows nothing but its number."""

    number: jax.Array
    name: str = "agent"  # what is no array is the same for all


def offer(number, roster, key):
    return enrol(roster, Agent(jnp.float32(number)), key=key)


def test_roster_begins_with_one_agent_and_takes_all_until_it_is_full():
    roster = start_roster(Agent(jnp.float32(7)), agents=AGENTS)
    assert roster.is_agent.tolist() == [True, False, False]
    for number in (8, 9):
        roster, place = offer(number, roster, jax.random.key(number))
        assert int(place) == number - 7
    assert roster.model.number.tolist() == [7.0, 8.0, 9.0]
    assert roster.is_agent.tolist() == [True] * AGENTS
    assert roster.model.name == "agent"


def test_agent_that_is_not_taken_changes_nobody():
    roster = start_roster(Agent(jnp.float32(0)), agents=AGENTS)
    seen = set()
    for number in range(1, 40):
        before = roster.model.number.tolist()
        roster, place = offer(number, roster, jax.random.key(number))
        seen.add(int(place))
        wanted = [number if slot == int(place) else old for slot, old in enumerate(before)]
        assert roster.model.number.tolist() == wanted
    assert AGENTS in seen  # it stands for no place
    assert seen & set(range(AGENTS))
    assert int(roster.seen) == 40


def test_every_agent_has_the_same_chance_to_be_there():
    offered, runs = 9, 3000

    @jax.jit
    @jax.vmap
    def run(key):
        roster = start_roster(Agent(jnp.float32(0)), agents=AGENTS)
        for number in range(1, offered):
            roster, _ = offer(number, roster, jax.random.fold_in(key, number))
        return roster.model.number

    numbers = run(jax.random.split(jax.random.key(0), runs))
    counts = np.bincount(np.asarray(numbers).astype(int).ravel(), minlength=offered)
    assert counts.sum() == runs * AGENTS
    # Drawn without replacement, which makes the counts more even than chance.
    assert stats.chisquare(counts).pvalue > 1e-3
