"""Settings that can't be are refused before anything is compiled, with the name, the value and what works."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.build import make_practice, make_recipe
from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.settings.limits import LIMITS, check_limits
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.settings.text import change, list_settings
from alpha_factory.runs.tasks.catalogue import TASKS
from runs.tiny import TINY

CONFIGS = [TINY, *PRESETS.values(), *(task.config for task in TASKS.values())]


def put(name, value, config=TINY):
    """The config with one setting changed, as Python or a file may hold it."""
    section, _, leaf = name.rpartition(".")
    if not section:
        return dataclasses.replace(config, **{leaf: value})
    inner = dataclasses.replace(getattr(config, section), **{leaf: value})
    return dataclasses.replace(config, **{section: inner})


def with_learning(**values):
    return dataclasses.replace(TINY, learning=dataclasses.replace(TINY.learning, **values))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.preset)
def test_every_preset_and_task_is_within_its_limits(config):
    check_limits(config)


def test_every_number_has_a_limit():
    """A new setting gets one, too: whole numbers are sizes, and the others are in the table."""
    settings = list_settings(TINY)
    assert LIMITS.keys() <= settings.keys()
    left = {name for name, kind in settings.items() if kind is not int} - LIMITS.keys()
    plain = {str, bool, str | None}
    assert {name for name in left if settings[name] not in plain} == set()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("network.latent", 0, "give 1 or more"),
        ("network.widths", (16, 0), "give sizes of 1 or more"),
        ("network.bins", 1, "give 2 or more"),
        ("network.value_scale", 0.0, "give a finite number above 0"),
        ("search.simulations", 0, "give 1 or more"),
        ("search.depth", 0, "give 1 or more"),
        ("search.value_range", (0.5, 0.5), "give a finite number and a greater one"),
        ("search.value_range", (1.0, -1.0), "give a finite number and a greater one"),
        ("search.value_range", (-math.inf, 1.0), "give a finite number and a greater one"),
        ("search.c_scale", -0.1, "give 0 or a finite number above it"),
        ("search.logit_noise", -0.1, "give 0 or a finite number above it"),
        ("learning.updates", 0, "give 1 or more"),
        ("learning.discount", 0.0, "give a number above 0, and 1 at most"),
        ("learning.discount", 1.01, "give a number above 0, and 1 at most"),
        ("learning.discount", math.nan, "give a number above 0, and 1 at most"),
        ("learning.learning_rate", 0.0, "give a finite number above 0"),
        ("learning.final_share", 1.5, "give 0 to 1"),
        ("learning.weight_decay", -1e-4, "give 0 or a finite number above it"),
        ("learning.clip", 0.0, "give a finite number above 0"),
        ("learning.clip", -5.0, "give a finite number above 0"),
        ("learning.reward_weight", -1.0, "give 0 or a finite number above it"),
        ("learning.alpha", -0.6, "give 0 or a finite number above it"),
        ("learning.beta", 1.5, "give 0 to 1"),
        ("learning.reanalyse", 1.5, "give 0 to 1"),
        ("learning.ewc_weight", -1.0, "give 0 or a finite number above it"),
        ("learning.ewc_decay", 1.1, "give 0 to 1"),
        ("curriculum.slots", -1, "give 1 or more"),
        ("curriculum.lowest", 1.0, "give a number below 1"),
        ("curriculum.highest", 0.0, "give a number above 0"),
        ("curriculum.novelty_weight", 2.0, "give 0 to 1"),
        ("curriculum.frontier_rate", -0.1, "give 0 to 1"),
        ("curriculum.embedding_updates", 0, "give 1 or more"),
        ("curriculum.agents", 0, "give 1 or more"),
        ("curriculum.transfer_margin", math.nan, "give a finite number"),
        ("curriculum.transfer_share", 1.1, "give 0 to 1"),
        ("budget.minutes", 0.0, "give a finite number above 0"),
        ("budget.frames", 0, "give 1 or more"),
        ("budget.closing_s", -1.0, "give 0 or a finite number above it"),
        ("checkpoint_cycles", 0, "give 1 or more"),
    ],
)
def test_value_out_of_its_limits_is_refused_by_name(name, value, told):
    with pytest.raises(UsageError) as refused:
        make_practice(put(name, value))
    assert str(refused.value) == f"{name}={value} is out of its limits: {told}."


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"novelty": "hamming"}, r"Unknown curriculum.novelty 'hamming'.*embedding, pata-ec"),
        ({"novelty": "pata-ec", "agents": 1}, r"agents=1\. Set curriculum\.agents=2 or more\."),
        ({"remembered": 2, "accepted": 3}, r"Set curriculum\.remembered=3 or more\."),
    ],
)
def test_novelty_that_can_t_be_measured_is_refused(values, told):
    curriculum = dataclasses.replace(TINY.curriculum, **values)
    with pytest.raises(UsageError, match=told):
        check_limits(dataclasses.replace(TINY, curriculum=curriculum))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning.discount", 1.0),
        ("search.value_range", None),
        ("learning.ewc_decay", 0.0),
        ("learning.beta", 0.0),
        ("learning.beta", 1.0),
    ],
)
def test_bounds_themselves_are_taken(name, value):
    check_limits(put(name, value))


@pytest.mark.parametrize(
    ("slots", "steps", "told"),
    [
        (40, 16, "Make it 32 or 48."),
        (33, 16, "Make it 32 or 48."),
        (20, 16, "Make it 32."),  # 16 alone would not hold a sequence beside what is written
        (16, 16, "Make it 32."),
        (1, 12, "Make it 24."),
    ],
)
def test_replay_that_does_not_hold_whole_stretches_names_what_does(slots, steps, told):
    with pytest.raises(UsageError, match=f"learning.replay_slots={slots} does not do") as refused:
        make_recipe(with_learning(replay_slots=slots, steps=steps))
    assert str(refused.value).endswith(told)


@given(st.integers(1, 300), st.integers(1, 40))
def test_slots_that_are_suggested_are_taken_and_the_nearest(slots, steps):
    """A slow search of all slots says which are the nearest that the ring takes."""
    config = with_learning(replay_slots=slots, steps=steps, unroll=1, horizon=1, batch=1)
    window = 3
    if steps < window:
        with pytest.raises(UsageError, match=r"Set learning\.steps=3 or more"):
            check_limits(config)
        return
    fits = [fit for fit in range(1, 400) if fit % steps == 0 and fit >= steps + window]
    if slots in fits:
        check_limits(config)
        return
    with pytest.raises(UsageError) as refused:
        check_limits(config)
    below, above = [fit for fit in fits if fit < slots][-1:], [fit for fit in fits if fit > slots]
    told = str(refused.value).rpartition("Make it ")[2].rstrip(".")
    assert [int(fit) for fit in told.split(" or ")] == below + above[:1]


def test_batch_that_replay_never_holds_is_refused():
    with pytest.raises(UsageError, match=r"learning\.batch=129 is larger .* are 128 rows"):
        make_recipe(with_learning(batch=129))


def test_batch_is_held_against_the_replay_of_chosen_levels_where_these_are_learned():
    """Two rounds of 32 lanes and 256 rows, however few worlds and slots a pool would have."""
    few = ["learning.worlds=1", "learning.replay_slots=1024", "curriculum.name=plr"]
    check_limits(change(RunConfig(), [*few, "learning.batch=16384"]))
    told = r"learning\.batch=16385 .* 2 rounds of levels\.lanes=32 times levels\.steps=256.* are 16384 rows"
    with pytest.raises(UsageError, match=told):
        check_limits(change(RunConfig(), [*few, "learning.batch=16385"]))
    check_limits(change(RunConfig(), [*few, "learning.batch=16385", "learner=ppo"]))


def test_balanced_batch_has_room_for_as_many_worlds_as_it_is_to_come_from():
    """The root of 1024 living worlds and of one for all that left is above 32; that of 32 lanes above 5."""
    pool = ["learning.balance=true", "curriculum.slots=1024"]
    check_limits(change(RunConfig(), [*pool, "learning.batch=33"]))
    check_limits(change(RunConfig(), ["curriculum.slots=1024", "learning.batch=32"]))
    told = r"learning\.batch=32 has no room for the 33 worlds .* curriculum\.slots=1024 .*batch=33 or more"
    with pytest.raises(UsageError, match=told):
        check_limits(change(RunConfig(), [*pool, "learning.batch=32"]))
    rounds = ["learning.balance=true", "curriculum.name=plr", "levels.lanes=32"]
    check_limits(change(RunConfig(), [*rounds, "learning.batch=6"]))
    with pytest.raises(UsageError, match=r"the 6 worlds .* levels\.lanes=32 "):
        check_limits(change(RunConfig(), [*rounds, "learning.batch=5"]))


@given(st.floats(0.0, 1.0), st.integers(1, 64))
def test_share_to_be_reanalysed_is_never_silently_none(share, batch):
    config = with_learning(reanalyse=share, batch=batch)
    try:
        recipe = make_recipe(config)
    except UsageError as refused:
        assert 0 < share * batch <= 0.5
        least = float(str(refused).rpartition("Give ")[2].partition(" or more")[0])
        assert make_recipe(with_learning(reanalyse=least, batch=batch)).reanalysed == 1
    else:
        assert (recipe.reanalysed > 0) == (share > 0)


def test_bar_that_no_world_can_pass_is_refused():
    config = put("curriculum.highest", 0.3, put("curriculum.lowest", 0.3))
    with pytest.raises(UsageError, match=r"lowest=0\.3 is not below curriculum\.highest=0\.3"):
        check_limits(config)


def test_sequences_for_ewc_must_be_whole_sets_when_it_is_on():
    with pytest.raises(
        UsageError, match=r"ewc_sequences=100 is no multiple of 16 .*Make it 96 or 112\."
    ):
        make_recipe(with_learning(ewc_weight=1.0, ewc_sequences=100))
    with pytest.raises(UsageError, match=r"Make it 16\."):
        make_recipe(with_learning(ewc_weight=1.0, ewc_sequences=3))
    check_limits(with_learning(ewc_weight=0.0, ewc_sequences=100))
