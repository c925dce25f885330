"""The oracle against values worked out by hand, all action sequences, and the engine that executes its plans."""

import math
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_factory.core.errors import UsageError
from alpha_factory.genome import from_values, random_genome, to_values
from alpha_factory.worlds import decode, from_text, public_mazes, shortest_walk
from alpha_factory.worlds.grid.engine import Chance, advance, reset
from alpha_factory.worlds.oracle.moments import find_moments
from alpha_factory.worlds.oracle.optimum import find_optima, find_optimum

_decode = jax.jit(jax.vmap(decode))

SIDE = 8
ACTIONS = "LRF"
LONGEST = 250  # of the plans below
TREE = 3


def say(plan):
    return "".join(ACTIONS[action] for action in plan)


@jax.jit
def execute(level, plan, length):
    """Reward in all, whether the goal was reached, and after how many actions the episode was not over."""

    def step(state, action):
        index, state = state
        chance = Chance(jnp.bool_(False), level.trap_odds >= 1)
        after, outcome = advance(level, state, action, chance)
        is_counted = index < length
        state = jax.tree.map(lambda old, new: jnp.where(is_counted, new, old), state, after)
        reward = jnp.where(is_counted, outcome.reward, 0.0)
        is_over = state.is_terminated | state.is_truncated
        return (index + 1, state), (reward, outcome.is_solved & is_counted, is_over)

    begin = (jnp.int32(0), reset(level, key=jax.random.key(0)))
    _, (reward, is_solved, is_over) = jax.lax.scan(step, begin, plan)
    return jnp.sum(reward), jnp.any(is_solved), jnp.sum(~is_over)


class Played(NamedTuple):
    """What came of a plan in the engine."""

    earned: float
    is_solved: bool
    actions: int | None  # to the end of the episode, None if the plan leaves it open


def play(level, plan):
    padded = np.zeros(LONGEST, np.int32)
    padded[: len(plan)] = plan
    earned, is_solved, going = execute(level, padded, len(plan))
    actions = None if going == LONGEST else int(going) + 1
    return Played(float(earned), bool(is_solved), actions)


@jax.jit
def look_ahead(level):
    """Value and chance to solve of a level of TREE steps, by all that can happen."""

    def value(state, depth):
        if depth == 0:
            return jnp.float32(0), jnp.float32(0)

        def after(action, is_slipping, is_sprung):
            return advance(level, state, action, Chance(is_slipping, is_sprung))

        both = jnp.array([False, True])
        every = jax.vmap(
            jax.vmap(jax.vmap(after, (None, None, 0)), (None, 0, None)), (0, None, None)
        )
        states, outcome = every(jnp.arange(3, dtype=jnp.int32), both, both)
        deeper = partial(value, depth=depth - 1)
        later, solved = jax.vmap(jax.vmap(jax.vmap(deeper)))(states)
        slip = jnp.stack([1 - level.physics.slip, level.physics.slip])
        trap = jnp.stack([1 - level.trap_odds, level.trap_odds])
        odds = (slip[:, None] * trap[None])[None]
        returns = jnp.sum((outcome.reward + later) * odds, axis=(1, 2))
        rates = jnp.sum(jnp.where(outcome.is_solved, 1.0, solved) * odds, axis=(1, 2))
        return jnp.max(returns), jnp.max(rates)

    return value(reset(level, key=jax.random.key(0)), TREE)


class Case(NamedTuple):
    """A level, its best return, the fewest steps to its goal, and the best plan where there is one only."""

    map: str
    best: float
    fewest: int | None
    plan: str | None = None
    settings: dict[str, Any] = {}  # noqa: RUF012  # never changed


# fmt: off
CASES = {
    "walk": Case(">.G", 1.0, 2, "FF"),
    "turn": Case("v.G", 1.0, 3, "LFF"),
    "key and door": Case(">.KD.G", 1.0, 5, "FFFFF"),
    "door without key": Case(">.D.G", 0.0, None, ""),
    # From the side street back, with the key.
    "key aside": Case(">DG\nK##", 1.0, 8, "RFLLFRFF", {"hint": 0.5}),
    "button and gate": Case(">!|G", 1.0, 3, "FFF"),
    "box in the way": Case(">B..\n##G#", 1.0, 4, "FFRF"),
    "box onto button": Case(">B!.\n..|G", 1.0, 6),
    "slide": Case(">__G", 1.0, 3),
    "one-way against": Case(">u.G", 0.0, None, ""),
    "one-way along": Case(">).G", 1.0, 3, "FFF"),
    "belt": Case(">]]G", 1.0, 3),
    "teleporters": Case(">O##\n###O\n###G", 1.0, 3, "FRF"),
    "coin": Case(">.G\n$##", 1.0, 2, "RFLLFRFF", {"coin": 0.25}),
    "coin too far": Case(">.G\n$##", 0.65, 2, "FF", {"coin": 0.25, "step_cost": 0.05}),
    "decoy": Case(">.G\n?##", 1.0, 2, "FF", {"decoy": 0.5}),
    "decoy for want of time": Case(
        ">...G\n?####", 0.3, None, "RF",
        {"decoy": 0.5, "step_cost": 0.1, "rules": ["always: the floor is mud"], "step_limit": 6},
    ),
    "around lava": Case(">~G\n...", 1.0, 7, "RFLFFLF", {"penalty": 0.5}),
    "through lava": Case(">~G\n...", 1.0, 2, "FF", {"penalty": 0.5, "rules": ["always: lava is safe"]}),
    "around a trap": Case(">TG\n...", 1.0, 7, "RFLFFLF", {"penalty": 0.5}),
    "nothing to earn": Case(">TG", 0.0, None, "", {"penalty": 0.5}),
    "honeypot": Case(">.G\n?##", 0.25, 2, "RF", {"honeypot": True, "decoy": 0.25}),
    "mirror": Case("v.G", 1.0, 3, "RFF", {"rules": ["always: left and right swap"]}),
    # The second pair of steps is mirrored.
    "in turns": Case("<.\n.G", 1.0, 4, None, {"rules": ["in turns of 2 steps: left and right swap"]}),
    "frozen at times": Case(">..G", 1.0, 5, None, {"rules": ["every 2 steps: the legs freeze"]}),
    "gates by time": Case(">|G", 1.0, 3, None, {"rules": ["from step 1: the gates stand open"]}),
    "closed by time": Case(">.|G", 1.0, 3, "FFF", {"rules": ["until step 2: the gates stand open"]}),
    "closed too soon": Case(">..|G", 0.0, None, "", {"rules": ["until step 2: the gates stand open"]}),
    "open at last": Case(
        ">|G", 1.0, 5, None,
        {"rules": ["in the last 2 steps: the gates stand open"], "step_limit": 5},
    ),
    "time enough": Case(">..G", 1.0, 3, "FFF", {"rules": ["always: time runs double"], "step_limit": 5}),
    "double time": Case(">..G", 0.0, None, "", {"rules": ["always: time runs double"], "step_limit": 4}),
    # Half a cell, three quarters, seven eighths: the fourth border is crossed on what is left.
    "grip": Case(">..G", 1.0, 4, None, {"friction": 128}),
    "dense": Case(">.G", 1.0, 2, "FF", {"dense": 0.5}),
    "stopped by gravity": Case(">\n.\n.\n#\nG", 0.0, None, "", {"gravity": (4, 0)}),
    "fall": Case(">\n.\nG", 1.0, 2, None, {"gravity": (8, 0)}),
}
# fmt: on


def read(case):
    return from_text(case.map, side=SIDE, **({"step_limit": 40} | case.settings))


@pytest.fixture(scope="module")
def verdicts():
    levels = [read(case) for case in CASES.values()]
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *levels)
    return dict(zip(CASES, find_optima(together, has_plans=True), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_optimum_is_what_is_worked_out_by_hand(verdicts, name):
    case, verdict = CASES[name], verdicts[name]
    assert verdict.is_exact
    assert verdict.is_deterministic
    assert verdict.optimal_return == pytest.approx(case.best, abs=1e-6)
    assert verdict.fewest_steps == case.fewest
    assert verdict.is_solvable == (case.fewest is not None)
    assert verdict.solve_rate == float(case.fewest is not None)
    assert case.plan is None or say(verdict.plan) == case.plan


@pytest.mark.parametrize("name", CASES)
def test_plan_executed_earns_the_optimum(verdicts, name):
    played = play(read(CASES[name]), verdicts[name].plan)
    assert played.earned == pytest.approx(verdicts[name].optimal_return, abs=1e-5)


def test_waits_for_a_patrol_to_pass():
    # It comes up the corridor that the agent has to go down, and turns about at the top.
    level = from_text("##V#\n>..G\n##.#", side=SIDE, penalty=0.9, step_cost=0.01, step_limit=20)
    verdict = find_optimum(level)
    played = play(level, verdict.plan)
    assert played.is_solved
    assert played.earned == pytest.approx(verdict.optimal_return, abs=1e-5)
    assert verdict.optimal_return == pytest.approx(1.0 - 0.01 * len(verdict.plan), abs=1e-6)


@pytest.mark.parametrize("limit", [3, 4, 5])
def test_value_of_a_slippery_walk_is_that_of_waiting_for_three_successes(limit):
    level = from_text(">..G", side=SIDE, slip=0.25, step_limit=limit)
    verdict = find_optimum(level)
    # Three pushes out of `limit` have to hold: the negative binomial.
    chance = sum(
        math.comb(steps - 1, 2) * 0.75**3 * 0.25 ** (steps - 3) for steps in range(3, limit + 1)
    )
    assert not verdict.is_deterministic
    assert verdict.plan is None
    assert verdict.fewest_steps == 3
    assert verdict.optimal_return == pytest.approx(chance, abs=1e-9)
    assert verdict.solve_rate == pytest.approx(chance, abs=1e-9)


def test_trap_is_risked_where_it_pays():
    # Through the trap: half a chance of 1, half of -0.2. There is no way around it.
    level = from_text(">TG", side=SIDE, trap_odds=0.5, penalty=0.2, step_limit=6)
    assert find_optimum(level).optimal_return == pytest.approx(0.4, abs=1e-6)
    dire = from_text(">TG", side=SIDE, trap_odds=0.75, penalty=0.9, step_limit=6)
    verdict = find_optimum(dire)
    assert verdict.optimal_return == 0.0
    assert verdict.solve_rate == pytest.approx(0.25, abs=1e-6)
    assert verdict.fewest_steps == 2


def test_trap_is_walked_around_where_that_costs_nothing():
    verdict = find_optimum(from_text(">TG\n...", side=SIDE, trap_odds=0.5, step_limit=20))
    assert (verdict.optimal_return, verdict.solve_rate, verdict.fewest_steps) == (1.0, 1.0, 2)


HALF = 0.5


@pytest.mark.parametrize(
    ("drawing", "how", "wanted"),
    [
        pytest.param(">..G", {}, HALF**2, id="shortest way"),
        pytest.param(">..G", {"step_cost": 0.01}, HALF**2 - 0.0175, id="cost"),
        # The coin is two steps away as the goal is, and the goal six more from there.
        pytest.param(">.G\n$##", {"coin": 0.4}, 0.6 * HALF, id="goal before coin"),
        pytest.param(">...G\n?####", {"decoy": 0.5}, 0.5 * HALF, id="decoy before goal"),
        pytest.param(">.G", {"dense": 0.2}, 0.1 + HALF * 0.9, id="dense on the way"),
        pytest.param(">G", {"slip": 0.25, "step_limit": 2}, 0.75 + 0.25 * 0.75 * HALF, id="slips"),
    ],
)
def test_discounted_optimum_counts_later_rewards_less(drawing, how, wanted):
    level = from_text(drawing, side=SIDE, **how)
    levels = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], level)
    (verdict,), (whole,) = find_optima(levels, discount=HALF), find_optima(levels)
    assert verdict.is_exact
    assert verdict.optimal_return == pytest.approx(wanted, abs=1e-6)
    assert whole.optimal_return > verdict.optimal_return


def test_hidden_goal_pays_where_it_is_asked_for():
    level = from_text(">.G\n?##", side=SIDE, honeypot=True, decoy=0.25)
    assert find_optimum(level, pays_hidden=True).optimal_return == 1.0


def test_compass_needs_no_turns():
    verdict = find_optimum(from_text("v.G", side=SIDE), controls="compass")
    assert verdict.plan == (0, 0)
    with pytest.raises(UsageError):
        find_optimum(from_text("v.G", side=SIDE), controls="wheel")


def test_too_many_states_get_no_guess():
    coins = from_text(">$$$\n$$$$\n$$$G", side=SIDE, coin=0.05)
    verdict = find_optimum(coins, budget=200)
    assert not verdict.is_exact
    assert verdict.optimal_return is None
    assert verdict.states > 200
    # How the goal is reached does not depend on coins.
    assert (verdict.is_solvable, verdict.fewest_steps) == (True, 6)
    tiny = find_optimum(coins, budget=3)
    assert (tiny.is_solvable, tiny.solve_rate, tiny.fewest_steps) == (None, None, None)


@pytest.mark.parametrize("rule", ["always: fog falls", "always: time runs double"])
def test_clock_is_no_longer_than_the_episode(rule):
    level = from_text(
        ">..G\nHC..", side=SIDE, chaser_pace=251, patrol_pace=241, step_limit=30, rules=[rule]
    )
    moments = find_moments(jax.tree.map(np.asarray, level))
    assert moments.period == len(moments.times) == 32
    # Each time is the only one of its clock, and the last steps end beyond the limit.
    assert [times.tolist() for times in moments.times] == [[time] for time in range(30)] + [[], []]


def test_paces_that_fall_together_late_change_no_verdict():
    # An opponent of a pace beyond the limit moves in the first step and never again.
    drawing = ">...G\n.H.C."
    how: dict[str, Any] = {"side": SIDE, "step_limit": 12, "step_cost": 0.01}
    slow = from_text(drawing, patrol_pace=13, chaser_pace=17, **how)
    slower = from_text(drawing, patrol_pace=251, chaser_pace=254, **how)
    one, other = find_optimum(slow), find_optimum(slower)
    assert one == other
    assert one.optimal_return == pytest.approx(play(slower, other.plan).earned, abs=1e-5)


def test_optimum_does_not_change_where_the_limit_is_far_off():
    drawing = ">.$.\n.$..\n.H..\n...G"
    how: dict[str, Any] = {"side": SIDE, "patrol_pace": 2, "coin": 0.05, "step_cost": 0.0001}
    near = find_optimum(from_text(drawing, step_limit=200, **how))
    far = find_optimum(from_text(drawing, step_limit=32_767, **how))
    assert far == near
    # The clock of a limit that is odd starts elsewhere in its period.
    odd = from_text(drawing, step_limit=201, **how)
    assert play(odd, far.plan).earned == pytest.approx(far.optimal_return, abs=1e-5)


def test_public_mazes_take_the_steps_of_their_shortest_walk():
    mazes = list(public_mazes().values())
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *mazes)
    walks = jax.jit(jax.vmap(shortest_walk))(together)
    verdicts = find_optima(together)
    assert [verdict.fewest_steps for verdict in verdicts] == walks.tolist()
    assert {verdict.optimal_return for verdict in verdicts} == {1.0}


def test_large_perfect_maze_is_solved():
    rng = np.random.default_rng(0)
    drawn, stack = np.full((51, 51), "#"), [(1, 1)]
    drawn[1, 1] = "."
    while stack:
        row, column = stack[-1]
        ways = [(0, 2), (2, 0), (0, -2), (-2, 0)]
        ways = [(row + down, column + right) for down, right in ways]
        ways = [place for place in ways if 0 < min(place) and max(place) < 51]
        ways = [place for place in ways if drawn[place] == "#"]
        if not ways:
            stack.pop()
            continue
        chosen = ways[rng.integers(len(ways))]
        drawn[(row + chosen[0]) // 2, (column + chosen[1]) // 2] = drawn[chosen] = "."
        stack.append(chosen)
    drawn[1, 1], drawn[49, 49] = ">", "G"
    drawing = "\n".join("".join(line) for line in drawn)
    verdict = find_optimum(from_text(drawing, side=51, step_limit=3_000))
    assert verdict.optimal_return == 1.0
    assert len(verdict.plan) == verdict.fewest_steps
    assert verdict.states <= 51 * 51 * 4


TILES = "....#KDT~_O!|$B?)u]["
RULES = [
    *("always: left and right swap", "every 2 steps: the legs freeze", "always: walls bounce"),
    *("in turns of 2 steps: forward goes backwards", "always: the floor carries down"),
    *("for 2 steps after a turn: the floor is mud", "on ice: gravity pulls left"),
    *("from step 1: traps always fire", "until step 2: the goal is closed"),
    *("in the last 2 steps: walls let through", "with the key: turning fails"),
    *("for 2 steps after entering coin: opponents hurry", "in turns of 2 steps: time runs double"),
    *("while the gates are open: the floor is ice", "always: steps cost double"),
]


@st.composite
def tiny_levels(draw, limit, is_certain=False):
    cells = draw(st.lists(st.sampled_from(TILES), min_size=9, max_size=9))
    places = draw(st.permutations(range(9)))
    cells = ["." if cell == "O" else cell for cell in cells]
    cells[places[0]], cells[places[1]] = draw(st.sampled_from(">v<^")), "G"
    if draw(st.booleans()):
        cells[places[2]] = cells[places[3]] = "O"
    if draw(st.booleans()):
        cells[places[4]] = draw(st.sampled_from("HVC"))
    drawing = "\n".join("".join(cells[row : row + 3]) for row in (0, 3, 6))
    pull = st.sampled_from([(0, 0), (0, 0), (4, 0), (0, -8), (2, 2)])
    return drawing, {
        "side": SIDE,
        "step_limit": limit,
        "coin": 0.05,
        "decoy": 0.4,
        "hint": draw(st.sampled_from([0.0, 0.1])),
        "dense": draw(st.sampled_from([0.0, 0.2])),
        "step_cost": draw(st.sampled_from([0.0, 0.01])),
        "penalty": 0.5,
        "trap_odds": 1.0 if is_certain else draw(st.sampled_from([0.0, 0.5, 1.0])),
        "slip": 0.0 if is_certain else draw(st.sampled_from([0.0, 0.25])),
        "gravity": draw(pull),
        "wind": draw(pull),
        "drag": draw(st.sampled_from([0, 64])),
        "friction": draw(st.sampled_from([256, 256, 128])),
        "restitution": draw(st.sampled_from([0, 128])),
        "chaser_pace": draw(st.sampled_from([1, 2, 3])),
        "patrol_pace": draw(st.sampled_from([1, 2])),
        "rules": draw(st.lists(st.sampled_from(RULES), max_size=2)),
    }


def read_all(given_):
    levels = [from_text(drawing, **how) for drawing, how in given_]
    return levels, jax.tree.map(lambda *leaves: jnp.stack(leaves), *levels)


@given(given_=st.lists(tiny_levels(TREE), min_size=16, max_size=16))
@settings(max_examples=3)
def test_optimum_is_the_best_of_all_that_can_happen(given_):
    levels, together = read_all(given_)
    for level, verdict in zip(levels, find_optima(together), strict=True):
        value, rate = look_ahead(level)
        assert verdict.optimal_return == pytest.approx(float(value), abs=1e-5)
        if verdict.solve_rate is not None:
            assert verdict.solve_rate == pytest.approx(float(rate), abs=1e-5)
        assert verdict.is_solvable == (rate > 0)


@given(given_=st.lists(tiny_levels(24, is_certain=True), min_size=16, max_size=16))
@settings(max_examples=3)
def test_any_plan_executed_earns_what_it_said(given_):
    levels, together = read_all(given_)
    verdicts = find_optima(together, budget=20_000, has_plans=True)
    for level, verdict in zip(levels, verdicts, strict=True):
        # Gravity and a weak grip give even nine cells tens of thousands of states.
        if not verdict.is_exact:
            continue
        played = play(level, verdict.plan)
        assert played.earned == pytest.approx(verdict.optimal_return, abs=1e-5)
        assert not played.is_solved or len(verdict.plan) >= verdict.fewest_steps


def draw_certain(seed):
    """16 levels of at most 16 x 16 cells from random genomes, nothing left to chance."""
    genomes = []
    for key in jax.random.split(jax.random.key(seed), 16):
        values = to_values(np.asarray(random_genome(key=key)))
        sides = {side: values[side] % 19 for side in ("height", "width")}
        genomes.append(from_values(values | sides | {"slip": 0, "traps": 0}))
    return _decode(jnp.stack(genomes))


def pay_goal_alone(levels):
    """The same levels at reward 1 for the goal and nothing else."""
    pay = jax.tree.map(jnp.zeros_like, levels.reward)
    pay = eqx.tree_at(lambda pay: pay.goal, pay, jnp.ones_like(pay.goal))
    return eqx.tree_at(lambda levels: levels.reward, levels, pay)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=3)
def test_plan_for_a_random_genome_earns_and_takes_what_was_said(seed):
    levels = draw_certain(seed)
    verdicts = find_optima(levels, budget=3_000, has_plans=True)
    shortest = find_optima(pay_goal_alone(levels), budget=3_000, has_plans=True)
    for index, (verdict, short) in enumerate(zip(verdicts, shortest, strict=True)):
        level = jax.tree.map(lambda leaf, at=index: leaf[at], levels)
        assert verdict.is_deterministic
        if verdict.is_exact:
            played = play(level, verdict.plan)
            assert played.earned == pytest.approx(verdict.optimal_return, abs=1e-5)
            assert played.actions in (None, len(verdict.plan))
            assert not played.is_solved or len(verdict.plan) >= verdict.fewest_steps
        if verdict.fewest_steps is not None:
            # Where the goal alone pays, the best plan is the shortest way there.
            played = play(level, short.plan)
            assert (played.is_solved, played.actions) == (True, verdict.fewest_steps)
