import jax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.core.errors import InvalidLevel
from alpha_factory.genome import FIELDS, from_values
from alpha_factory.worlds import decode, from_text
from alpha_factory.worlds.levels.settings import (
    LONGEST_LIMIT,
    SLOWEST_PACE,
    Settings,
    read_settings,
    to_settings,
)

_decode = jax.jit(decode)
MOST = {"step_limit": LONGEST_LIMIT, "patrol_pace": SLOWEST_PACE, "chaser_pace": SLOWEST_PACE}


@pytest.mark.parametrize("name", MOST)
def test_limit_and_paces_are_refused_beyond_their_range(name):
    assert getattr(read_settings({name: MOST[name]}), name) == MOST[name]
    for value in (0, MOST[name] + 1, 3_000_000_000, 10**30, 2.0, True):
        with pytest.raises(InvalidLevel) as refusal:
            read_settings({name: value})
        told = str(refusal.value)
        assert f"{name} must be a whole number from 1 to {MOST[name]}; got {value}" in told


def test_the_most_of_each_fits_the_arrays():
    level = from_text(">.G\n.HC", **MOST)
    assert to_settings(level) == MOST


def test_unknown_setting_is_refused_with_the_choices():
    with pytest.raises(InvalidLevel, match="speed must be one of the settings chaser_pace, coin"):
        read_settings({"speed": 1})


def test_no_settings_are_the_plain_maze():
    assert read_settings({}) == Settings()
    assert to_settings(from_text(">.G")) == {}


@given(
    st.fixed_dictionaries({name: st.sampled_from([0, one.largest]) for name, one in FIELDS.items()})
)
def test_extreme_genomes_keep_within_the_bounds(values):
    given_ = to_settings(_decode(from_values(values)))
    told = vars(read_settings(given_))
    assert (
        told | {name: tuple(v) if isinstance(v, list) else v for name, v in given_.items()} == told
    )
