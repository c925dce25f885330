"""The exact optimum of a level: search over its true states, by the engine's own steps.

All states that can be reached are found (`worlds.oracle.graph`), keys, gates, boxes, opponents and velocity
included, and then backward induction over the steps that are left gives the best return
(`worlds.oracle.induction`). Where chance decides, what comes out is an expectation over it. It is exact for
an agent that sees everything, so no policy can do better. A level with more states than the budget
gets no answer rather than a guess. Host code; the engine's steps run on the device.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from alpha_factory.core.errors import unknown
from alpha_factory.genome import rules as dsl
from alpha_factory.worlds.grid.controls import CONTROLS
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.oracle.dash import Dash, dash
from alpha_factory.worlds.oracle.frontier import TOGETHER, Task
from alpha_factory.worlds.oracle.graph import Graph, explore
from alpha_factory.worlds.oracle.induction import NEVER, solve
from alpha_factory.worlds.oracle.moments import find_moments, find_odds, hush, strip_coins, unroll

BUDGET = 50_000
"""States of a level, unless told otherwise."""

_SIDES = (16, 32, 64, 128)  # arrays are cut to one of these, so that few shapes are compiled


class Verdict(NamedTuple):
    """What the oracle says of a level; None is what it doesn't know, as the states are too many."""

    optimal_return: float | None
    """The most that any policy earns in an episode, on average."""
    is_solvable: bool | None
    """The goal can be reached, with luck."""
    solve_rate: float | None
    """The best chance to reach the goal; 0 or 1 if nothing is left to chance."""
    fewest_steps: int | None
    """Steps to the goal on the shortest way, luck included; None if it can't be reached, too."""
    plan: tuple[int, ...] | None
    """Actions that earn the optimal return, the fewest that do, up to where nothing more is earned;
    None where chance decides or no plan was asked for."""
    is_deterministic: bool
    """Nothing is left to chance."""
    is_exact: bool
    """The optimal return is known. The goal's part may be known all the same."""
    states: int
    """True states looked at; more than the budget if they exceeded it."""


def find_optimum(
    level: GridLevel,
    *,
    budget: int = BUDGET,
    controls: str = "turn",
    pays_hidden: bool = False,
) -> Verdict:
    """The optimum of one level, with a plan.

    Args:
        budget: states that are looked at before giving up.
        controls: the control scheme, as `make_grid` takes it.
        pays_hidden: pay what a honeypot hides, as evaluation does.

    Raises:
        UsageError: there is no such control scheme.
    """
    levels = jax.tree.map(lambda leaf: np.asarray(leaf)[None], level)
    return find_optima(
        levels, budget=budget, controls=controls, pays_hidden=pays_hidden, has_plans=True
    )[0]


def find_optima(
    levels: GridLevel,
    *,
    budget: int = BUDGET,
    controls: str = "turn",
    pays_hidden: bool = False,
    discount: float = 1.0,
    has_plans: bool = False,
) -> list[Verdict]:
    """The optimum of each of many levels, as `find_optimum`; their arrays have a leading axis.

    Args:
        discount: of reward, per step; the returns and the plans are then those of the discounted sum.
        has_plans: find plans too, which takes longer.
    """
    tasks = _prepare_all(levels, controls)
    limits: dict[str, Any] = {"budget": budget, "controls": controls, "pays_hidden": pays_hidden}
    verdicts = _dash_all(tasks, **limits, discount=discount)
    left = [index for index, verdict in enumerate(verdicts) if not verdict.is_exact]
    for group in _group([tasks[index] for index in left]):
        chosen = [left[place] for place in group]
        graphs = explore([tasks[index] for index in chosen], **limits)
        for index, graph in zip(chosen, graphs, strict=True):
            verdicts[index] = _judge(
                tasks[index], verdicts[index], graph, discount=discount, has_plans=has_plans
            )
    return verdicts


def _dash_all(
    tasks: list[Task], *, budget: int, controls: str, pays_hidden: bool, discount: float = 1.0
) -> list[Verdict]:
    """What the quickest ways to the goal tell: whether there is one, and often the best return."""
    limits: dict[str, Any] = {"budget": budget, "controls": controls, "pays_hidden": pays_hidden}
    lucky = _run_dashes([_simplify(task, is_lucky=True) for task in tasks], **limits)
    verdicts = []
    for task, dashed in zip(tasks, lucky, strict=True):
        is_solvable = True if dashed.plan is not None else False if dashed.is_complete else None
        verdicts.append(
            Verdict(
                optimal_return=None,
                is_solvable=is_solvable,
                solve_rate=None if is_solvable is None else 0.0 if not is_solvable else None,
                fewest_steps=None if dashed.plan is None else len(dashed.plan),
                plan=None,
                is_deterministic=task.odds.is_certain,
                is_exact=False,
                states=dashed.states,
            )
        )
    # Without slips and traps, luck is certain. A way around the traps is looked for where they are.
    unsure = [
        index
        for index, task in enumerate(tasks)
        if verdicts[index].is_solvable and len(task.odds.slips) == 1 and len(task.odds.springs) > 1
    ]
    safe = _run_dashes([_simplify(tasks[index], is_lucky=False) for index in unsure], **limits)
    certain = {index: dashed for index, dashed in enumerate(lucky) if tasks[index].odds.is_certain}
    for index, dashed in (certain | dict(zip(unsure, safe, strict=True))).items():
        if dashed.plan is None:
            continue
        verdict = verdicts[index]._replace(solve_rate=1.0)
        steps, level = len(dashed.plan), tasks[index].level
        fewest = verdict.fewest_steps or steps
        if _is_best(level, steps, fewest, pays_hidden=pays_hidden, discount=discount):
            earned = dashed.earned
            if discount < 1:
                earned = _earn(level, steps, pays_hidden=pays_hidden, discount=discount)
            verdict = verdict._replace(
                optimal_return=earned,
                is_exact=True,
                plan=dashed.plan if tasks[index].odds.is_certain else None,
            )
        verdicts[index] = verdict
    return verdicts


def _run_dashes(tasks: list[Task], *, budget: int, controls: str, pays_hidden: bool) -> list[Dash]:
    found: dict[int, Dash] = {}
    for group in _group(tasks):
        dashes = dash(
            [tasks[index] for index in group],
            budget=budget,
            controls=controls,
            pays_hidden=pays_hidden,
        )
        found |= zip(group, dashes, strict=True)
    return [found[index] for index in range(len(tasks))]


def _simplify(task: Task, *, is_lucky: bool) -> Task:
    """The task as a dash takes it: no coins where they only pay, and traps that never or always fire.

    Where they leave something to chance, that is; what slips is kept.
    """
    level = strip_coins(task.level, is_free=True) or task.level
    odds = task.odds
    if len(odds.traps) > 1:
        odds = odds._replace(traps=(0,) if is_lucky else (1,), springs=(1.0,))
    return Task(level, unroll(task.moments), odds)


def _is_best(
    level: GridLevel, steps: int, fewest: int, *, pays_hidden: bool, discount: float
) -> bool:
    """Whether a way to the goal in so many steps that can't fail earns the most.

    No episode that reaches the goal earns more than the goal and the whole of the dense reward,
    less the cost of the fewest steps, if neither coins nor hints pay; what ends elsewhere lacks the
    goal and the dense reward of the last cell. Under a discount that holds of a shortest way where
    nothing is paid before the goal.
    """
    pay, tile = level.reward, level.tile
    if np.any(tile == tiles.COIN) and float(pay.coin) > 0:
        return False
    if float(pay.hint) > 0 and np.any((tile == tiles.KEY) | (tile == tiles.BUTTON)):
        return False
    cost = float(pay.step_cost)
    if cost > 0 and (steps > fewest or np.any(level.rules.effect == dsl.TOLL)):
        return False
    decoy = float(pay.decoy) if np.any(tile == tiles.DECOY) else 0.0
    if discount < 1:
        is_plain = steps == fewest and float(pay.dense) == 0
        earned = _earn(level, steps, pays_hidden=pays_hidden, discount=discount)
        return is_plain and earned >= max(decoy, 0.0)
    goal = _pay_goal(level, pays_hidden=pays_hidden)
    whole = max(int(level.distance[tuple(level.start)]), 1)
    # A goal that pays less than 0 for the way to it is better left alone.
    return goal + float(pay.dense) / whole - cost * steps >= max(decoy, 0.0)


def _earn(level: GridLevel, steps: int, *, pays_hidden: bool, discount: float) -> float:
    """The discounted return of a way to the goal in so many steps, where nothing else is paid."""
    cost = float(level.reward.step_cost) * (1.0 - discount**steps) / (1.0 - discount)
    return float(discount ** (steps - 1) * _pay_goal(level, pays_hidden=pays_hidden) - cost)


def _pay_goal(level: GridLevel, *, pays_hidden: bool) -> float:
    is_withheld = bool(level.reward.is_hidden) and not pays_hidden
    return 0.0 if is_withheld else float(level.reward.goal)


def find_ways(
    levels: GridLevel, *, budget: int = BUDGET, controls: str = "turn", pays_hidden: bool = False
) -> list[Verdict]:
    """What the quickest ways to the goals tell of each level, which is found in less time.

    Whether the goal can be reached and in how many steps, and the optimal return where that follows.
    """
    tasks = _prepare_all(levels, controls)
    return _dash_all(tasks, budget=budget, controls=controls, pays_hidden=pays_hidden)


def _prepare_all(levels: GridLevel, controls: str) -> list[Task]:
    if controls not in CONTROLS:
        raise unknown("control scheme", controls, CONTROLS)
    return [_prepare(level) for level in _unstack(levels)]


def _unstack(levels: GridLevel) -> Iterator[GridLevel]:
    held = jax.tree.map(np.asarray, levels)
    for index in range(len(held.step_limit)):
        yield jax.tree.map(lambda leaf: leaf[index], held)  # noqa: B023  # called at once


def _prepare(level: GridLevel) -> Task:
    """The level without what can't matter, in arrays of one of a few sizes."""
    side = next(side for side in _SIDES if side >= int(level.size.max()))
    tile = np.ones((side, side), np.uint8)
    distance = np.zeros((side, side), np.int16)
    rows, columns = (int(part) for part in level.size)
    tile[:rows, :columns] = level.tile[:rows, :columns]
    distance[:rows, :columns] = level.distance[:rows, :columns]
    level = eqx.tree_at(lambda level: (level.tile, level.distance), level, (tile, distance))
    level = hush(level)
    level = strip_coins(level, is_free=False) or level
    return Task(level, find_moments(level), find_odds(level))


def _group(tasks: list[Task]) -> Iterator[list[int]]:
    """Indices of tasks that can be explored together."""
    alike = defaultdict(list)
    for index, task in enumerate(tasks):
        shape = task.level.tile.shape, len(task.odds.slips), len(task.odds.springs)
        alike[shape].append(index)
    for indices in alike.values():
        for first in range(0, len(indices), TOGETHER):
            yield indices[first : first + TOGETHER]


def _judge(
    task: Task, known: Verdict, graph: Graph | int, *, discount: float, has_plans: bool
) -> Verdict:
    """What the whole graph of a level adds to what is known."""
    if isinstance(graph, int):
        return known._replace(states=max(graph, known.states))
    has_plan = has_plans and known.is_deterministic
    found = solve(graph, task.moments, task.odds, discount=discount, has_plan=has_plan)
    return Verdict(
        optimal_return=found.optimal_return,
        is_solvable=found.fewest_steps < NEVER,
        solve_rate=found.solve_rate,
        fewest_steps=None if found.fewest_steps >= NEVER else found.fewest_steps,
        plan=found.plan,
        is_deterministic=known.is_deterministic,
        is_exact=True,
        states=len(graph.clock),
    )
