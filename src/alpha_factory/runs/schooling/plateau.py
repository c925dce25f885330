"""Why a run of PPO has stopped getting better, and what to scale: logged rows in, a sentence or two out.

One stretch of PPO is one step of an outer loop whose length is how far the policy moves and whose noise falls with the
rows of a round; learning stalls where the step is too long for its noise (the diagnosis by which PPO was scaled to a
million worlds: keep minibatch, learning rate and epochs, and collect more lanes; or shorten the step). What tells:

- the simple noise scale tr(cov) / |G|^2 (McCandlish et al. 2018, eq. 2.9), in lanes: with as many in a round noise and
  signal of what it teaches are as large, however it is parted into minibatches;
- how far the policy is from the one that acted. PPO's paper (Schulman et al. 2017, section 4) aims an adaptive penalty
  at divergences d of 0.003, 0.01 or 0.03 and calls one below d / 1.5 too small and above 1.5 d too large;
- the variance of returns that the critic explains: with 0 or less it tells no more than a constant.
"""

import math
from collections.abc import Sequence

import numpy as np

from alpha_factory.records import MetricRow

_LEAST_DIVERGENCE, _MOST_DIVERGENCE = 0.003 / 1.5, 0.03 * 1.5
_SURE = 1.96  # standard errors: 95 % of a normal distribution
_FEWEST = 8  # rows, so that each of the two quarters compared has two and with them a spread


def explain_plateau(rows: Sequence[MetricRow], *, lanes: int, minibatches: int) -> str | None:
    """Whether the solve rate in training has stopped rising, and if so, what the logged numbers say of the reason.

    The last quarter of the rows is compared with the one before it.

    Args:
        rows: of a whole run, oldest first.
        lanes: of a round.
        minibatches: that they are parted into.

    Returns:
        None for a run of another learner, or one that has logged nothing.
    """
    if not rows or not {"divergence", "noise_spread"} <= rows[-1].values.keys():
        return None
    if not rows[-1].updates:
        return _tell_no_update(rows[-1])
    practised = [row for row in rows if row.values.get("divergence") is not None]
    known = [row.solve_rate for row in rows if row.solve_rate is not None]
    if len(practised) < _FEWEST or len(known) < _FEWEST:
        return f"Too few log points with updates ({len(practised)}) to tell whether learning has stalled."
    quarter = len(known) // 4
    earlier, later = np.array(known[-2 * quarter : -quarter]), np.array(known[-quarter:])
    gain = float(later.mean() - earlier.mean())
    error = math.sqrt((earlier.var(ddof=1) + later.var(ddof=1)) / quarter)
    trend = f"{earlier.mean():.1%} to {later.mean():.1%} of the training episodes over the last half of the run"
    if gain > _SURE * error:
        return f"Still learning: the share solved rose from {trend}."
    if gain < -_SURE * error:
        lead = f"The share solved fell from {trend}"
    else:
        lead = f"The share solved went from {trend}, which is no clear rise"
    reason = _find_reason(practised[-len(practised) // 2 :], lanes, minibatches)
    return f"{lead}. {reason} A curriculum that makes its levels harder can hide progress: compare with a suite."


def _find_reason(rows: Sequence[MetricRow], lanes: int, minibatches: int) -> str:
    divergence, clipped = _mean(rows, "divergence"), _mean(rows, "clip_share")
    explained = _mean(rows, "explained_variance")
    moved = f"divergence {divergence:.2g}, {clipped:.0%} of the rows clipped"
    is_noisy, noise = _measure_noise(rows, lanes)
    if divergence > _MOST_DIVERGENCE or (is_noisy and divergence > _LEAST_DIVERGENCE):
        why = (
            f"the gradient is mostly noise, {noise}"
            if is_noisy
            else "an update moves the policy farther than its rows tell of"
        )
        return (
            f"Outer step too large for the batch ({moved}): {why}. Collect more lanes with minibatches of the same "
            f"size (levels.lanes={2 * lanes} with ppo.minibatches={2 * minibatches}), or move less: lower "
            "ppo.learning_rate, ppo.clip or ppo.epochs."
        )
    if explained <= 0:  # NaN, of returns that are all the same, is not
        return (
            f"The critic explains none of the returns ({explained:.2f}), so advantages are mostly noise: give it "
            "longer rounds (levels.steps) or more weight (ppo.value)."
        )
    if divergence < _LEAST_DIVERGENCE:
        return (
            f"The policy hardly moves ({moved}; {noise}): raise ppo.learning_rate or ppo.epochs, or, where "
            "the rate was annealed, ppo.annealed_over."
        )
    return (
        f"Nothing in the updates explains it ({moved}; {noise}; "
        f"{_tell_explained(explained)}): look at the levels, or at what the memory can hold (ppo.width)."
    )


def _tell_explained(explained: float) -> str:
    return (
        "returns all alike"
        if math.isnan(explained)
        else f"{explained:.0%} of the returns explained"
    )


def _measure_noise(rows: Sequence[MetricRow], lanes: int) -> tuple[bool, str]:
    """Whether it is above the lanes of a round, and what of it was measured, in words."""
    spread, signal = _mean(rows, "noise_spread"), _mean(rows, "noise_signal")
    if math.isnan(spread):
        return False, "noise not measured, for which a minibatch takes two lanes"
    scale = f"{spread / signal:,.0f} lanes" if signal > 0 else "more than could be measured"
    is_noisy = signal <= 0 or spread / signal > lanes
    return is_noisy, f"noise scale {scale} against {lanes} lanes in a round"


def _mean(rows: Sequence[MetricRow], name: str) -> float:
    """Of the rows that know it; NaN if none does."""
    known = [value for row in rows if (value := row.values.get(name)) is not None]
    return float(np.mean(known)) if known else math.nan


def _tell_no_update(last: MetricRow) -> str:
    fill = last.values.get("buffer_fill")
    if fill is None:
        return "No update has been made yet: no round was one of practice."
    if not fill and last.values.get("score_mean") is None and last.values.get("scores_refused"):
        return (
            "No update has been made yet: the buffer is empty, since no level has had a score that is finite. Look at "
            "levels.score."
        )
    return (
        f"No update has been made yet: the buffer is {fill:.0%} full, and practice begins later. Run longer, or lower "
        "levels.slots or levels.fill (of sfl, levels.scouted)."
    )
