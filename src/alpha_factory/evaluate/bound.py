"""The generalisation bound of the paper's section 5: numbers in, its terms out, as printed and as derived.

Theorem 5.1, eq. (5): with probability 1 - δ,

    |J* - J_emp| <= 4 L √((2 d ln(2|S_max|) + ln(4/δ)) / Σ_j |D_j|) + √κ / √m + 2 / ((1 - γ) d)

Several steps of its proof do not hold (docs/bound.md goes through them), so there are two forms: `printed_terms`
are those of eq. (5), `derived_terms` what appendices A and B give with the constants that they state.
"""

import math
from collections.abc import Callable
from typing import NamedTuple


class Bracket(NamedTuple):
    """A number that was estimated, between the least and the most that it may be."""

    value: float
    low: float
    high: float


class Quantities(NamedTuple):
    """What is estimated; both forms grow with each of them."""

    lipschitz: Bracket  # L, of the learned dynamics
    states: Bracket  # |S_max|, of the world with the most
    kappa: Bracket  # κ, mean total variation over pairs of worlds


class Setting(NamedTuple):
    """What is known."""

    rows: int  # Σ_j |D_j|: steps in the replay
    episodes: int  # that these are of
    worlds: int  # m
    discount: float  # γ
    depth: int  # d, of the search
    delta: float  # δ: the chance that the bound fails


class Terms(NamedTuple):
    """The three terms at one value of each quantity."""

    estimation: float
    transfer: float
    planning: float

    @property
    def total(self) -> float:
        """The bound."""
        return self.estimation + self.transfer + self.planning


class Bound(NamedTuple):
    """The three terms and their sum, between their ends."""

    estimation: Bracket
    transfer: Bracket
    planning: Bracket
    total: Bracket


Form = Callable[[float, float, float, Setting], Terms]
"""`form(lipschitz, states, kappa, setting) -> Terms`."""


def bracket_bound(form: Form, quantities: Quantities, setting: Setting) -> Bound:
    """The bound at the values of the quantities, at all their lower and at all their upper ends.

    Args:
        form: `printed_terms` or `derived_terms`.

    Raises:
        ValueError: a number is outside of what the theorem speaks of; the message says which.
    """
    _check(setting)
    at = [form(*ends, setting) for ends in zip(*quantities, strict=True)]
    return Bound(
        estimation=Bracket(*(terms.estimation for terms in at)),
        transfer=Bracket(*(terms.transfer for terms in at)),
        planning=Bracket(*(terms.planning for terms in at)),
        total=Bracket(*(terms.total for terms in at)),
    )


def printed_terms(lipschitz: float, states: float, kappa: float, setting: Setting) -> Terms:
    """Eq. (5) as it stands in the paper."""
    choices = _count_choices(states, setting.depth) + math.log(4 / setting.delta)
    return Terms(
        estimation=4 * lipschitz * math.sqrt(choices / setting.rows),
        transfer=math.sqrt(kappa / setting.worlds),
        planning=2 / ((1 - setting.discount) * setting.depth),
    )


def derived_terms(lipschitz: float, states: float, kappa: float, setting: Setting) -> Terms:
    """What the steps of appendix B come to with the constants that lemma A.3 and B.1 to B.3 state.

    B.1: 2 R + B √(ln(4/δ) / 2N), with R = L / (1-γ) √(2 d ln(2|S_max|) / N), N the trajectories that the expectation is
    over, and B = 2 / (1-γ) the range of a return under A2. B.2: 2 κ / (1-γ), the mean over pairs of what it says of
    one. B.3: 2 γ^d / (1-γ).
    """
    reach, number = 1 / (1 - setting.discount), setting.episodes
    complexity = lipschitz * reach * math.sqrt(_count_choices(states, setting.depth) / number)
    deviation = 2 * reach * math.sqrt(math.log(4 / setting.delta) / (2 * number))
    return Terms(
        estimation=2 * complexity + deviation,
        transfer=2 * kappa * reach,
        planning=2 * setting.discount**setting.depth * reach,
    )


def find_depth(quantities: Quantities, setting: Setting) -> tuple[int, float]:
    """The depth d at which eq. (5) is least with all else as it is, and what it is there.

    Eq. (5) is A √(b d + c) + p / d with no number below 0. It falls and then rises: its slope times d²,
    A b d² / (2 √(b d + c)) - p, grows with d.
    """
    _check(setting)

    def total(depth: int) -> float:
        lipschitz, states, kappa = (one.value for one in quantities)
        return printed_terms(lipschitz, states, kappa, setting._replace(depth=depth)).total

    least, most = 1, 2
    while total(most) < total(most - 1):
        most *= 2
    while least < most:  # the first depth whose successor is no better
        middle = (least + most) // 2
        least, most = (least, middle) if total(middle) <= total(middle + 1) else (middle + 1, most)
    return least, total(least)


def _count_choices(states: float, depth: int) -> float:
    """2 d ln(2 |S_max|), of lemma A.3: twice the logarithm of how many predictors are told apart."""
    return 2 * depth * math.log(2 * states)


def _check(setting: Setting) -> None:
    rules = {
        "rows": setting.rows >= 1,
        "episodes": setting.episodes >= 1,
        "worlds": setting.worlds >= 2,
        "discount": 0 <= setting.discount < 1,
        "depth": setting.depth >= 1,
        "delta": 0 < setting.delta < 1,
    }
    wanted = {
        "rows": "1 or more",
        "episodes": "1 or more",
        "worlds": "2 or more",
        "discount": "0 or more and below 1",
        "depth": "1 or more",
        "delta": "above 0 and below 1",
    }
    for name, holds in rules.items():
        if not holds:
            raise ValueError(f"{name}={getattr(setting, name)} is none of eq. (5): {wanted[name]}.")
