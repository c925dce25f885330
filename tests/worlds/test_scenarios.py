"""Every template of the rules at work: a small map, a log of actions, and what differs with the rule.

Maps use the symbols of `worlds.levels.tiles`. A log has a letter for each action: L and R turn, F goes forward.
Outcomes are worked out by hand from the page of the rules.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.genome import TEMPLATES, print_rule, rules
from alpha_factory.worlds import from_text, make_grid
from alpha_factory.worlds.levels import tiles

SIDE = 9
LONGEST_LOG = 10
VIEW = 5
ACTIONS = "LRF"
SHOWN = (*tiles.NAMES, "open gate", "patrol", "chaser", "hidden", *["agent"] * 4)

DARK = ("hidden",) * 4
FOGGY = ("floor", "hidden", "hidden", "hidden")
CLEAR = ("floor", "floor", "goal", "wall")
NEARER = ("floor", "goal", "wall", "wall")
PENALTY = {"penalty": 0.5}

WORLD = make_grid(observation="view", view=VIEW)


class Scenario(NamedTuple):
    """A template's numbers, where and how it is tried, and the outcomes with and without it."""

    name: str
    n: int
    m: int
    map: str  # rows, separated by /
    log: str
    with_rule: dict[str, Any]
    without: dict[str, Any]
    settings: dict[str, Any] = {}  # noqa: RUF012  # never changed


@dataclass(frozen=True)
class Trace:
    """What happened in one scenario: an entry for the start, and one for each step."""

    at: list[tuple[int, int]]  # row, column
    heading: list[str]
    has_key: list[bool]
    opponent: list[tuple[int, int]]  # the first one's place
    knows_goal: list[bool]  # the view has held it
    time: list[int]
    reward: list[float]  # received so far
    is_solved: list[bool]  # so far
    is_terminated: list[bool]
    is_truncated: list[bool]
    ahead: list[tuple[str, ...]]  # what is shown on the four cells straight ahead
    left: list[str]  # and beside the agent
    right: list[str]


# fmt: off
SCENARIOS = (
    Scenario("mirror", 0, 0, ">../..G", "LRR", {"heading": "up"}, {"heading": "down"}),
    Scenario("fog", 0, 0, ">..G", "LR", {"ahead": FOGGY}, {"ahead": CLEAR}),
    Scenario("twitch", 0, 0, ">../..G", "RR", {"heading": "right"}, {"heading": "left"}),
    Scenario("stumble", 0, 0, ">...G", "FFF", {"at": (0, 2)}, {"at": (0, 3)}),
    Scenario("blink", 0, 0, "v.G", "L", {"ahead": DARK}, {"ahead": NEARER}),
    # Turned up, the agent sees two cells to its right: the goal lies beyond.
    Scenario("amnesia", 0, 0, ">..G", "LL", {"knows_goal": False}, {"knows_goal": True}),
    Scenario("phase", 0, 0, ">#.G", "FF", {"at": (0, 1)}, {"at": (0, 0)}),
    Scenario("gust", 0, 1, ">.G/...", "LR", {"at": (1, 0)}, {"at": (0, 0)}),
    # Forward turns left.
    Scenario("carousel", 0, 0, ">..G", "LRF",
             {"heading": "up", "at": (0, 0)}, {"heading": "right", "at": (0, 1)}),
    Scenario("retreat", 0, 0, ".>..G", "LRF", {"at": (0, 0)}, {"at": (0, 2)}),
    Scenario("cramp", 0, 0, ">../..G", "LRR", {"heading": "right"}, {"heading": "down"}),
    # The speed of the second step carries on although the legs rest.
    Scenario("frost", 0, 0, ">.....G", "FFL", {"at": (0, 3)}, {"at": (0, 2)}),
    # The first half step crosses the border, the second leads to the middle of the cell.
    Scenario("rain", 0, 0, ">...G", "LRFF", {"at": (0, 1)}, {"at": (0, 2)}),
    # Half a cell a step: down it is held by the edge, up it crosses a border.
    Scenario("upheaval", 0, 0, ".../.../>.G", "LRL", {"at": (1, 0)}, {"at": (2, 0)},
             {"gravity": (8, 0)}),
    # Twice a quarter of a cell.
    Scenario("magnet", 0, 2, "..>.G", "LRLR", {"at": (0, 1)}, {"at": (0, 2)}),
    Scenario("looking-glass", 0, 0, "K../>../..G", "LR",
             {"left": "floor", "right": "key"}, {"left": "key", "right": "floor"}),
    Scenario("time-warp", 0, 0, ">..G", "LRL",
             {"time": 4, "is_truncated": True}, {"time": 3, "is_truncated": False},
             {"step_limit": 4}),
    Scenario("tide", 0, 0, "v.G/...", "LRF", {"at": (0, 0)}, {"at": (1, 0)}),
    Scenario("curfew", 0, 0, ">G", "LRF",
             {"is_solved": False, "at": (0, 0)}, {"is_solved": True, "at": (0, 1)}),
    Scenario("toll", 0, 0, ">..G", "LRL", {"reward": -0.25}, {"reward": -0.1875},
             {"step_cost": 0.0625}),
    Scenario("crust", 0, 0, ">~.G", "LRF",
             {"is_terminated": False, "reward": 0.0, "at": (0, 1)},
             {"is_terminated": True, "reward": -0.5, "at": (0, 1)}, PENALTY),
    Scenario("opening-hours", 0, 0, ">|.G", "LRF", {"at": (0, 1)}, {"at": (0, 0)}),
    Scenario("shutters", 0, 0, ">.!|G", "FFF", {"at": (0, 2)}, {"at": (0, 3)}),
    Scenario("siesta", 0, 0, "H..../v...G", "LLL", {"opponent": (0, 2)}, {"opponent": (0, 3)}),
    Scenario("outage", 0, 0, ">O./..O/G..", "LRF", {"at": (0, 1)}, {"at": (1, 2)}),
    Scenario("reverse-gear", 0, 0, ".>]..G", "LRFL", {"at": (0, 1)}, {"at": (0, 3)}),
    Scenario("strike", 0, 0, ".>]..G", "LRFL", {"at": (0, 2)}, {"at": (0, 3)}),
    # The wind blows in the fifth step, and so does the rule for the first time.
    Scenario("lull", 2, 0, ">..G", "LRLRL", {"at": (0, 0)}, {"at": (0, 1)}, {"wind": (0, 8)}),
    Scenario("hair-trigger", 0, 0, ">T.G", "LRF",
             {"is_terminated": True, "reward": -0.5}, {"is_terminated": False, "reward": 0.0},
             {"trap_odds": 0.0, **PENALTY}),
    Scenario("rust", 0, 0, ">.KD.G", "FFF",
             {"at": (0, 2), "has_key": True}, {"at": (0, 3), "has_key": True}),
    Scenario("nightfall", 0, 0, ">.G", "LRLRLRLR", {"ahead": DARK}, {"ahead": NEARER}),
    Scenario("rising-tide", 0, 2, "v.G/.../...", "LRLRLRLRF", {"at": (0, 0)}, {"at": (1, 0)}),
    # Pushed off, the agent slides on.
    Scenario("winter", 0, 0, ">....G", "LRLRLRLRFL", {"at": (0, 2)}, {"at": (0, 1)}),
    Scenario("inflation", 0, 0, ">$.G", "LRLRLRLRF", {"reward": 0.0}, {"reward": 0.25},
             {"coin": 0.25}),
    Scenario("late-opening", 0, 0, ">G", "FFFFFFFFF",
             {"is_solved": True, "time": 9}, {"is_solved": True, "time": 1}),
    # A chaser goes a cell in the first and another in the third step.
    Scenario("grace", 0, 0, ">.C.G", "LRL",
             {"is_terminated": False, "reward": 0.0, "opponent": (0, 0)},
             {"is_terminated": True, "reward": -0.5, "opponent": (0, 0)}, PENALTY),
    Scenario("morning-mist", 0, 0, ">..G", "LR", {"ahead": FOGGY}, {"ahead": CLEAR}),
    Scenario("panic", 0, 0, "H..../v...G", "LLLL", {"opponent": (0, 3)}, {"opponent": (0, 1)},
             {"step_limit": 10, "patrol_pace": 4}),
    Scenario("last-call", 0, 0, ">|.G", "LRF", {"at": (0, 1)}, {"at": (0, 0)}, {"step_limit": 10}),
    Scenario("current", 0, 1, ">.G/...", "L", {"at": (1, 0)}, {"at": (0, 0)}),
    # Over the ice into the wall, and back.
    Scenario("rubber", 0, 0, ">__#G", "FLLL", {"at": (0, 1)}, {"at": (0, 2)}),
    # The belt carries down while the agent turns up; then forward is down.
    Scenario("dizzy", 0, 0, ">U../..../...G", "FLF", {"at": (2, 1)}, {"at": (0, 1)}),
    Scenario("jet-lag", 0, 0, ">O./..O/G..", "FR", {"heading": "up"}, {"heading": "down"}),
    Scenario("alarm", 0, 0, "H..../>$..G", "FLL", {"opponent": (0, 3)}, {"opponent": (0, 1)},
             {"patrol_pace": 4}),
    Scenario("snow-blind", 0, 0, ">_..G", "F", {"ahead": FOGGY}, {"ahead": CLEAR}),
    Scenario("concussion", 0, 0, ">#G/...", "FR", {"heading": "up"}, {"heading": "down"}),
    Scenario("stun", 0, 0, ">#G/...", "FRF", {"at": (0, 0)}, {"at": (1, 0)}),
    Scenario("blur", 0, 0, "v..G", "L", {"ahead": FOGGY}, {"ahead": CLEAR}),
    # The chaser comes nearer while the agent takes the key, and then flees.
    Scenario("talisman", 0, 0, ">K...C..G", "FL", {"opponent": (0, 5)}, {"opponent": (0, 3)},
             {"chaser_pace": 1}),
    Scenario("burden", 0, 0, ">K...G", "FFF", {"at": (0, 2)}, {"at": (0, 3)}),
    Scenario("weakling", 0, 0, ">B.G", "F", {"at": (0, 0)}, {"at": (0, 1)}),
    Scenario("safety-catch", 0, 0, ">!T.G", "FF",
             {"at": (0, 2), "is_terminated": False, "reward": 0.0},
             {"at": (0, 2), "is_terminated": True, "reward": -0.5}, PENALTY),
    Scenario("shy-goal", 0, 0, ".>.G", "FF",
             {"at": (0, 1), "is_solved": False}, {"at": (0, 3), "is_solved": True}),
    Scenario("wilderness", 0, 0, "v.G", "L", {"ahead": FOGGY}, {"ahead": NEARER}),
    Scenario("marsh", 0, 0, "...G/>...", "FF", {"at": (1, 1)}, {"at": (1, 2)}),
    Scenario("other-side", 0, 0, ">..G", "R", {"heading": "up"}, {"heading": "down"}),
    Scenario("fright", 0, 0, "H../>../..G", "R", {"heading": "up"}, {"heading": "down"}),
)
# fmt: on


@jax.jit
def play(levels, actions):
    """States, outcomes and views of all scenarios, with a leading axis for them and one for time."""

    def play_one(level, log):
        start = WORLD.reset(level, key=jax.random.key(0))

        def step(state, action):
            after, outcome = WORLD.step(level, state, action, key=jax.random.key(1))
            return after, (after, outcome, WORLD.observe(level, after))

        _, steps = jax.lax.scan(step, start, log)
        return start, WORLD.observe(level, start), steps

    return jax.vmap(play_one)(levels, actions)


@pytest.fixture(scope="module")
def traces():
    """Each scenario's name to its traces with and without the rule."""
    levels, logs, lengths = [], [], []
    for scenario in SCENARIOS:
        for held in ((text_of(scenario),), ()):
            text = scenario.map.replace("/", "\n")
            levels.append(from_text(text, side=SIDE, rules=held, **scenario.settings))
            log = [ACTIONS.index(letter) for letter in scenario.log]
            lengths.append(len(log))
            logs.append(log + [0] * (LONGEST_LOG - len(log)))
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *levels)
    played = jax.device_get(play(stacked, jnp.array(logs, jnp.int32)))
    worlds = [
        trace_of(jax.tree.map(lambda leaf, world=world: leaf[world], played), level, log)
        for world, (level, log) in enumerate(zip(levels, lengths, strict=True))
    ]
    names = [scenario.name for scenario in SCENARIOS]
    return dict(zip(names, zip(worlds[::2], worlds[1::2], strict=True), strict=True))


def text_of(scenario):
    return print_rule(template_of(scenario).rule(scenario.n, scenario.m))


def template_of(scenario):
    return next(template for template in TEMPLATES if template.name == scenario.name)


def trace_of(played, level, steps):
    """The trace of one world's first steps."""
    start, first_view, (after, outcome, views) = played
    state = jax.tree.map(
        lambda one, more: np.concatenate([np.asarray(one)[None], more[:steps]]), start, after
    )
    view = np.concatenate([first_view[None], views[:steps]])
    row, column = level.goal.tolist()
    middle = VIEW // 2
    so_far = [0.0, *np.cumsum(outcome.reward[:steps].astype(float)).tolist()]
    solved = [False, *np.cumsum(outcome.is_solved[:steps]).astype(bool).tolist()]

    def shown(ahead, aside):
        return [SHOWN[code] for code in view[:, VIEW - 1 - ahead, middle + aside].tolist()]

    return Trace(
        at=[tuple(at) for at in state.position.tolist()],
        heading=[tiles.HEADINGS[code] for code in state.heading.tolist()],
        has_key=state.has_key.tolist(),
        opponent=[tuple(at) for at in state.opponent[:, 0].tolist()],
        knows_goal=state.seen[:, row, column].tolist(),
        time=state.time.tolist(),
        reward=so_far,
        is_solved=solved,
        is_terminated=state.is_terminated.tolist(),
        is_truncated=state.is_truncated.tolist(),
        ahead=list(zip(*(shown(ahead, 0) for ahead in range(1, VIEW)), strict=True)),
        left=shown(0, -1),
        right=shown(0, 1),
    )


def outcome_of(trace, names):
    return {name: getattr(trace, name)[-1] for name in names}


def test_scenarios_try_every_template_once():
    assert [scenario.name for scenario in SCENARIOS] == [template.name for template in TEMPLATES]
    assert max(len(scenario.log) for scenario in SCENARIOS) <= LONGEST_LOG
    for scenario in SCENARIOS:
        assert scenario.with_rule != scenario.without
        assert scenario.with_rule.keys() == scenario.without.keys()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario_ends_as_worked_out_by_hand(traces, scenario):
    with_rule, without = traces[scenario.name]
    assert outcome_of(with_rule, scenario.with_rule) == scenario.with_rule
    assert outcome_of(without, scenario.without) == scenario.without


FIRST_IN_FORCE = {
    rules.TURNS: lambda count, limit: count,
    rules.EVERY: lambda count, limit: count - 1,
    rules.FROM: lambda count, limit: count,
    rules.LAST: lambda count, limit: limit - count,
}
TIMED = [scenario for scenario in SCENARIOS if template_of(scenario).trigger in FIRST_IN_FORCE]


@pytest.mark.parametrize("scenario", TIMED, ids=lambda scenario: scenario.name)
def test_rule_changes_nothing_before_its_trigger_holds(traces, scenario):
    with_rule, without = traces[scenario.name]
    rule = template_of(scenario).rule(scenario.n, scenario.m)
    first = FIRST_IN_FORCE[rule.trigger](rule.number, scenario.settings.get("step_limit", 250))
    assert 0 < first <= len(scenario.log)
    shown = {"ahead", "left", "right"}  # at once, while what a step changes shows after it
    for name, values in vars(with_rule).items():
        seen = first if name in shown else first + 1
        assert values[:seen] == getattr(without, name)[:seen], name


def test_rules_speak_of_tiles_by_the_names_and_codes_of_the_engine():
    for name, code in rules.TILES.items():
        if name in ("one-way", "conveyor"):
            headings = [tiles.NAMES[code + turn] for turn in range(4)]
            assert headings == [f"{name} {heading}" for heading in tiles.HEADINGS]
        else:
            assert tiles.NAMES[code] == name
    assert len(rules.TILES) == len(tiles.NAMES) - 2 * 3
    assert rules.DIRECTIONS == tiles.HEADINGS
