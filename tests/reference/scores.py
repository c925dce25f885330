"""Scores of one lane as their papers write them: sums over an episode, each step on its own."""

import math
from dataclasses import dataclass


@dataclass
class Step:
    reward: float
    value: float
    next_value: float
    is_terminated: bool
    is_truncated: bool
    is_solved: bool


def split(steps):
    """The episodes of a lane in order; the last one may be unfinished."""
    episodes, current = [], []
    for step in steps:
        current.append(step)
        if step.is_terminated or step.is_truncated:
            episodes.append(current)
            current = []
    return [*episodes, current] if current else episodes


def is_ended(episode):
    return episode[-1].is_terminated or episode[-1].is_truncated


def td_errors(episode, discount):
    following = [0.0 if step.is_terminated else step.next_value for step in episode]
    return [
        step.reward + discount * after - step.value
        for step, after in zip(episode, following, strict=True)
    ]


def advantages(episode, discount, trace):
    """The mean of all n-step advantages that the trace weights: the definition, not the recursion."""
    found = []
    for start in range(len(episode)):
        left = len(episode) - start
        total = 0.0
        for n in range(1, left + 1):
            rewards = sum(discount**k * episode[start + k].reward for k in range(n))
            last = episode[start + n - 1]
            after = 0.0 if last.is_terminated else discount**n * last.next_value
            share = trace ** (n - 1) * (1.0 if n == left else 1 - trace)
            total += share * (rewards + after - episode[start].value)
        found.append(total)
    return found


def negative_advantages(episode, discount, trace):
    """A_t of MNA: the running sum of errors is cut off at 0 after each of its terms."""
    errors, found = td_errors(episode, discount), []
    for start in range(len(episode)):
        left, run, total = len(episode) - start, 0.0, 0.0
        for n in range(1, left + 1):
            run = min(0.0, run + discount ** (n - 1) * errors[start + n - 1])
            total += trace ** (n - 1) * (1.0 if n == left else 1 - trace) * run
        found.append(total)
    return found


def returns(steps):
    """Of each episode that ended."""
    return [sum(step.reward for step in one) for one in split(steps) if is_ended(one)]


def score_all(steps, *, discount, trace):
    """Every score of the lane by name."""
    episodes = split(steps)
    found = [one for episode in episodes for one in advantages(episode, discount, trace)]
    negative = [
        one for episode in episodes for one in negative_advantages(episode, discount, trace)
    ]
    highest = max(returns(steps), default=-math.inf)
    return {
        "pvl": sum(max(0.0, one) for one in found) / len(steps),
        "l1": sum(abs(one) for one in found) / len(steps),
        "max_mc": sum(highest - step.value for step in steps) / len(steps),
        "mna": -sum(negative) if any(step.is_solved for step in steps) else 0.0,
    }
