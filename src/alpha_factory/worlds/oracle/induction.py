"""Backward induction over the states of one level: what is earned, solved and needed at best.

Time counts down from the step limit, beyond which nothing is earned. Sums are in double precision.
"""

from typing import NamedTuple

import numpy as np

from alpha_factory.worlds.oracle.graph import Graph
from alpha_factory.worlds.oracle.moments import Moments, Odds

NEVER = 1 << 20
"""Steps to what can't be reached."""

_SAME = 1e-7
"""Returns closer than this are the same to a plan: rewards are in single precision."""


class Optimum(NamedTuple):
    """The best that can be had from the start."""

    optimal_return: float
    solve_rate: float  # the best chance to reach the goal
    fewest_steps: int  # to the goal, whatever the chance of that; NEVER if it can't be reached
    plan: tuple[int, ...] | None


def solve(
    graph: Graph, moments: Moments, odds: Odds, *, discount: float = 1.0, has_plan: bool
) -> Optimum:
    """The optimum of a level.

    Args:
        discount: of reward, per step.
        has_plan: find a plan too, a shortest one that earns the return; nothing may be left to
            chance. It ends where nothing is left to be earned.
    """
    induction = _Induction(graph, moments, odds, discount=discount, has_plan=has_plan)
    induction.run()
    value, rate, steps = induction.value, induction.rate, induction.steps
    fewest = int(steps[0])
    return Optimum(
        optimal_return=float(value[0]),
        solve_rate=float(fewest < NEVER) if odds.is_certain else float(rate[0]),
        fewest_steps=fewest,
        plan=induction.follow() if has_plan else None,
    )


class _Edges(NamedTuple):
    """Steps from the states of one clock at one kind of moment."""

    state: np.ndarray  # [column]: those states
    successor: np.ndarray  # [actions cases columns]; -1 is the end
    reward: np.ndarray  # [actions columns], the mean over cases
    solved: np.ndarray  # [actions cases columns]
    is_double: np.ndarray  # [actions cases columns]


class _Induction:
    """What is known of every state at the time reached; the last entry is the end of the episode."""

    def __init__(
        self, graph: Graph, moments: Moments, odds: Odds, *, discount: float, has_plan: bool
    ) -> None:
        self._graph, self._moments, self._discount = graph, moments, discount
        self._chance = np.outer(odds.slips, odds.springs).ravel()
        self._has_plan = has_plan
        self._has_rate = not odds.is_certain
        states = len(graph.clock) + 1
        self.value, self.rate = np.zeros(states), np.zeros(states)
        self.steps = np.full(states, NEVER)
        self._length = np.zeros(states, np.int64)  # of the plan
        self._edges: dict[tuple[int, int], _Edges] = {}
        self._choices: list[tuple[np.ndarray, np.ndarray]] = []  # states, and the plan's actions

    def run(self) -> None:
        """From the step limit back to the start, or to where nothing changes any more."""
        moments = self._moments
        # Every period is like the one before it: one that changes nothing is all there is to come.
        is_steady = not moments.is_double and all(len(times) == 1 for times in moments.times)
        idle = 0
        # Only where a step may count as two is the time after next looked at.
        before = (self.value, self.rate, self.steps, self._length)
        for time in range(len(moments.kind) - 1, -1, -1):
            edges = self._find_edges(time)
            now = self._step_back(edges, before)
            later = (self.value, self.rate, self.steps, self._length)
            if is_steady:
                is_idle = all(
                    left is right or np.array_equal(left, right)
                    for left, right in zip(now, later, strict=True)
                )
                idle = idle + 1 if is_idle else 0
                if idle == moments.period:
                    break
            before = later
            self.value, self.rate, self.steps, self._length = now

    def follow(self) -> tuple[int, ...]:
        """The plan from the start."""
        plan: list[int] = []
        time, state, limit = 0, 0, len(self._moments.kind)
        while time < limit and state >= 0:
            states, actions = self._choices[self._find_choices(limit - 1 - time)]
            column = int(np.searchsorted(states, state))
            action = int(actions[column])
            if action < 0:
                break
            edges = self._find_edges(time)
            plan.append(action)
            time += 2 if edges.is_double[action, 0, column] else 1
            state = int(edges.successor[action, 0, column])
        return tuple(plan)

    def _find_choices(self, steps: int) -> int:
        """Index of the choices with so many steps to come; beyond those that are kept, the last period's repeat."""
        kept, period = len(self._choices), self._moments.period
        return steps if steps < kept else kept - period + (steps - kept) % period

    def _find_edges(self, time: int) -> _Edges:
        clock, kind = time % self._moments.period, int(self._moments.kind[time])
        if (clock, kind) not in self._edges:
            graph = self._graph
            state = np.flatnonzero(graph.is_left & (graph.clock == clock))
            row = graph.row[state] + kind
            reward = graph.reward[row].astype(np.float64) @ self._chance
            successor, solved, double = (
                np.ascontiguousarray(np.moveaxis(part[row], 0, -1))
                for part in (graph.successor, graph.is_solved, graph.is_double)
            )
            self._edges[clock, kind] = _Edges(
                state, successor.astype(np.intp), np.ascontiguousarray(reward.T), solved, double
            )
        return self._edges[clock, kind]

    def _step_back(
        self, edges: _Edges, before: tuple[np.ndarray, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Value, rate, steps and length at the time of these edges.

        Args:
            before: the same at the time after next.
        """
        at = edges.state

        def ahead(index: int, now: np.ndarray) -> np.ndarray:
            """What lies at the end of each step."""
            found = now[edges.successor]
            if self._moments.is_double:
                found = np.where(edges.is_double, before[index][edges.successor], found)
            return found

        def put(now: np.ndarray, best: np.ndarray) -> np.ndarray:
            changed = now.copy()
            changed[at] = best
            return changed

        returns = edges.reward + self._discount * self._mean(ahead(0, self.value))
        value = put(self.value, returns.max(axis=0))
        rate, steps, length = self.rate, self.steps, self._length
        if self._has_rate:
            chances = self._mean(np.where(edges.solved, 1.0, ahead(1, self.rate)))
            rate = put(rate, chances.max(axis=0))
        needed = np.where(edges.solved, 0, ahead(2, self.steps))
        is_possible = (self._chance > 0)[None, :, None]
        needed = np.where(is_possible, needed, NEVER).min(axis=(0, 1))
        steps = put(steps, np.minimum(needed + 1, NEVER))
        if self._has_plan:
            best = value[at]
            lengths = 1 + ahead(3, self._length)[:, 0]
            lengths = np.where(returns >= best - _SAME, lengths, NEVER)
            is_over = np.abs(best) <= _SAME
            length = put(length, np.where(is_over, 0, lengths.min(axis=0)))
            choice = np.where(is_over, -1, lengths.argmin(axis=0)).astype(np.int8)
            self._choices.append((at, choice))
        return value, rate, steps, length

    def _mean(self, found: np.ndarray) -> np.ndarray:
        """Over the cases of chance."""
        if len(self._chance) == 1:
            return found[:, 0]
        return np.einsum("aco,c->ao", found, self._chance)
