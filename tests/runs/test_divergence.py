"""What is said when learning has to stop: the update, the reason, the term and the world."""

from math import inf, nan

import jax.numpy as jnp
import pytest

from alpha_factory.core.errors import Diverged
from alpha_factory.learn import MOST_SKIPPED, Losses
from alpha_factory.runs.divergence import check_progress


def make_losses(*, skipped, norm=1.0, **terms):
    """Three updates, the one in the middle with these numbers."""
    calm = dict.fromkeys(("value", "policy", "reward", "decay", "ewc", "gradient_norm"), 1.0)
    rows = [calm, calm | terms | {"gradient_norm": norm}, calm]
    numbers = {name: jnp.array([row[name] for row in rows]) for name in calm}
    return Losses(
        **numbers,
        is_skipped=jnp.array([True, True, True]),
        in_a_row=jnp.array([skipped - 1, skipped, skipped]),
        world=jnp.array([3, 7, 3]),
    )


def check(losses):
    check_progress(losses, updates=40, tell_world=lambda one: f"world {one}", checkpoint=None)


@pytest.mark.parametrize(
    ("numbers", "reason", "terms"),
    [
        (
            {"norm": nan, "value": nan},
            "a gradient of norm nan (at most 100 is followed)",
            ["value"],
        ),
        ({"norm": 101.0, "policy": 5.0}, "a gradient of norm 101 (at most 100", ["policy"]),
        ({"reward": inf}, "a loss that is not finite, its gradient of norm 1", ["reward"]),
        ({"value": 2.0}, "a step that is not finite after a gradient of norm 1", ["value"]),
    ],
)
def test_stop_names_update_reason_term_and_world(numbers, reason, terms):
    with pytest.raises(Diverged) as caught:
        check(make_losses(skipped=MOST_SKIPPED, **numbers))
    assert f"{MOST_SKIPPED} updates in a row were skipped, the last for {reason}" in str(
        caught.value
    )
    assert caught.value.what.endswith("comes from world 7")
    assert (caught.value.update, caught.value.terms) == (42, tuple(terms))


def test_fewer_in_a_row_stop_nothing():
    check(make_losses(skipped=MOST_SKIPPED - 1, norm=nan, value=nan))
