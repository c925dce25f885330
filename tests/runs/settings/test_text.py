"""Settings as text: what is written is what is meant, and nothing else is taken."""

import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.settings.presets import PRESETS
from alpha_factory.runs.settings.text import change, from_json, list_settings, to_json

DEMO = PRESETS["demo"]


def test_each_setting_named_is_changed_and_no_other():
    changed = change(
        DEMO,
        [
            "learning.batch=64",
            "learning.balance=true",
            "learning.discount=0.5",
            "network.widths=[32, 16]",
            "network.encoder=transformer",
            "search.value_range=null",
            "search.depth=4",
            "checkpoint_cycles=3",
        ],
    )
    before, after = to_json(DEMO), to_json(changed)
    wanted = {
        "learning": {"batch": 64, "balance": True, "discount": 0.5},
        "network": {"widths": (32, 16), "encoder": "transformer"},
        "search": {"value_range": None, "depth": 4},
    }
    for section, values in wanted.items():
        assert after[section] == before[section] | values
    assert after["checkpoint_cycles"] == 3
    assert after["curriculum"] == before["curriculum"]
    assert from_json(after) == changed


def test_whole_numbers_are_taken_where_fractions_are_meant():
    changed = change(
        DEMO, ["learning.ewc_weight=0", "levels.temperature=2", "search.value_range=[0, 1]"]
    )
    told = [changed.learning.ewc_weight, changed.levels.temperature, *changed.search.value_range]
    assert told == [0, 2, 0, 1]
    assert {type(one) for one in told} == {float}
    before = to_json(DEMO)
    before["learning"]["discount"] = 1
    assert type(from_json(before).learning.discount) is float


def test_every_setting_but_the_preset_and_the_seed_can_be_changed():
    data = to_json(DEMO)
    dotted = {
        f"{section}.{name}"
        for section, held in data.items()
        if isinstance(held, dict)
        for name in held
    }
    assert set(list_settings(DEMO)) == dotted | {"checkpoint_cycles", "learner"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("learning.batch", r"'learning\.batch' is no NAME=VALUE"),
        ("learning.bach=3", r"Unknown setting 'learning\.bach'.*Did you mean 'learning\.batch'"),
        ("learning.batch=many", r"learning\.batch must be int; got 'many'"),
        ("learning.batch=1.5", r"learning\.batch must be int; got '1\.5'"),
        ("learning.batch=true", r"learning\.batch must be int; got 'true'"),
        ("learning.batch=0", r"learning\.batch=0: a size must be 1 or more"),
        ("learning.discount=NaN", r"learning\.discount=NaN: a number must be finite"),
        ("search.value_range=[0, -Infinity]", r"Infinity\]: a number must be finite"),
        ("network.widths=[0]", r"network\.widths=\[0\]: a size must be 1 or more"),
        ("seed=3", "Unknown setting 'seed'"),
    ],
)
def test_what_is_no_setting_is_refused_with_the_reason(text, told):
    with pytest.raises(UsageError, match=told):
        change(DEMO, [text])
