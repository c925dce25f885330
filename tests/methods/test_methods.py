import importlib.metadata
import re
import tomllib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.cli import doctor
from alpha_factory.core import UsageError
from alpha_factory.curriculum import Mutator
from alpha_factory.genome import OPERATORS
from alpha_factory.methods import (
    accel,
    degen,
    dr,
    mna,
    paired,
    plr,
    poet,
    random_worlds,
    samplr,
    scores,
    sfl,
)
from alpha_factory.runs.resolve import (
    SLOTS,
    list_failed,
    list_names,
    resolve,
    resolve_curriculum,
)

MUTATORS = {"poet": poet, "random_worlds": random_worlds}
SELECTORS = {
    "accel": accel,
    "degen": degen,
    "dr": dr,
    "mna": mna,
    "paired": paired,
    "plr": plr,
    "samplr": samplr,
    "sfl": sfl,
}
BUNDLED = MUTATORS | SELECTORS | {"scores": scores}


class Entry:
    """An entry point that need not be installed."""

    def __init__(self, name, load):
        self.name, self.load, self.value = name, load, f"{name}_package:METHOD"


@pytest.fixture
def install(monkeypatch):
    """Make these the only methods that are installed."""

    def replace(**loaders):
        entries = [Entry(name, load) for name, load in loaders.items()]

        def entry_points(*, group):
            assert group == "alpha_factory.methods"
            return entries

        monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)

    return replace


def test_bundled_methods_are_those_of_the_project_file(pytestconfig):
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text())["project"]
    listed = project["entry-points"]["alpha_factory.methods"]
    assert listed == {name: f"{module.__name__}:METHOD" for name, module in BUNDLED.items()}


@pytest.mark.parametrize("name", BUNDLED)
def test_method_fills_known_slots_and_names_its_source(name):
    module = BUNDLED[name]
    assert set(module.METHOD) <= set(SLOTS)
    assert name in ("poet", "random_worlds") or re.search(r"et al\. 20\d\d", module.__doc__)


@pytest.mark.parametrize("name", SELECTORS)
def test_method_that_chooses_levels_has_a_page_with_its_published_settings(name, pytestconfig):
    """Every number that the method's file gives as published is in the page's table."""
    page = (pytestconfig.rootpath / "docs" / "methods" / f"{name}.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `levels\.(\w+)` \| ([^|]+?) \|", page, re.M))
    published = SELECTORS[name].PUBLISHED._asdict()
    told = {setting: str(value) for setting, value in published.items() if value is not None}
    assert rows == told


@pytest.mark.parametrize("module", MUTATORS.values(), ids=MUTATORS)
def test_mutators_make_children_by_named_operators(module):
    for mutator in module.METHOD["Mutator"].values():
        assert isinstance(mutator, Mutator)
        parent = jnp.arange(16, dtype=jnp.uint32)
        child, operator = jax.jit(mutator.mutate)(parent, key=jax.random.key(0))
        assert child.shape == (16,)
        assert child.dtype == jnp.uint32
        assert mutator.operators[int(operator)]


def test_poet_mutates_by_the_four_operators_of_the_paper():
    assert poet.METHOD["Mutator"]["poet"].operators == OPERATORS
    assert len(OPERATORS) == 4


def test_random_worlds_inherit_nothing():
    mutate = jax.jit(random_worlds.METHOD["Mutator"]["random"].mutate)
    parents = jnp.zeros(16, jnp.uint32), jnp.full(16, 0xFFFFFFFF, jnp.uint32)
    children = [np.asarray(mutate(parent, key=jax.random.key(5))[0]) for parent in parents]
    np.testing.assert_array_equal(*children)
    ones = sum(int(word).bit_count() for word in children[0])
    assert 180 < ones < 332  # 256 and six standard deviations
    other = np.asarray(mutate(parents[0], key=jax.random.key(6))[0])
    assert (other != children[0]).any()


def test_resolve_finds_a_method_by_its_name(install):
    install(poet=lambda: poet.METHOD, random_worlds=lambda: random_worlds.METHOD)
    assert resolve("Mutator", "poet") is poet.METHOD["Mutator"]["poet"]
    assert resolve("Mutator", "random") is random_worlds.METHOD["Mutator"]["random"]


def test_names_of_a_slot_are_those_of_the_methods_that_load(install):
    def break_down():
        raise ImportError("no module named torch")

    install(broken=break_down, scores=lambda: scores.METHOD, poet=lambda: poet.METHOD)
    assert list_names("Scorer") == ["l1", "learnability", "maxmc", "mna", "pvl", "regret"]
    assert list_names("Guard") == []


def test_resolve_lists_the_choices_for_an_unknown_name(install):
    install(poet=lambda: poet.METHOD, random_worlds=lambda: random_worlds.METHOD)
    with pytest.raises(UsageError) as caught:
        resolve("Mutator", "peot")
    assert str(caught.value) == (
        "Unknown mutator 'peot'. Did you mean 'poet'? Choices: poet, random."
    )
    assert caught.value.exit_code == 2


def test_resolve_says_so_when_no_method_fills_the_slot(install):
    install(poet=lambda: poet.METHOD)
    with pytest.raises(UsageError, match=r"Unknown guard 'x'\. Choices: none is installed\."):
        resolve("Guard", "x")


def test_broken_method_is_named_and_the_others_still_work(install):
    def break_down():
        raise ImportError("no module named torch")

    install(broken=break_down, poet=lambda: poet.METHOD)
    assert resolve("Mutator", "poet") is poet.METHOD["Mutator"]["poet"]
    with pytest.raises(UsageError) as caught:
        resolve("Mutator", "x")
    assert "Choices: poet." in str(caught.value)
    assert "broken (no module named torch)" in str(caught.value)


@pytest.mark.parametrize("error", [ImportError("no torch"), SystemExit("no torch")])
def test_method_that_fails_to_load_is_a_problem_that_doctor_tells(install, error):
    """Also one that ends the process that imports it."""

    def break_down():
        raise error

    install(broken=break_down, poet=lambda: poet.METHOD)
    assert list_failed() == ["broken (no torch)"]
    problems = doctor.find_broken_methods()
    assert [problem["what"] for problem in problems] == [
        "a method fails to load: broken (no torch)"
    ]


def test_method_with_an_unknown_slot_is_named_and_left_out(install):
    install(poet=lambda: poet.METHOD, strange=lambda: {"Mutator": {"odd": 1}, "Mutant": {}})
    with pytest.raises(UsageError) as caught:
        resolve("Mutator", "odd")
    assert "Choices: poet." in str(caught.value)
    assert "strange (no slot is called Mutant)" in str(caught.value)


def test_method_that_is_no_table_of_slots_is_named_and_left_out(install):
    install(poet=lambda: poet.METHOD, number=lambda: 7)
    assert resolve("Mutator", "poet") is poet.METHOD["Mutator"]["poet"]
    with pytest.raises(UsageError, match=r"number \(its METHOD is no mapping from slots\)"):
        resolve("Mutator", "x")


def test_method_whose_slot_is_no_table_of_names_is_named_and_left_out(install):
    install(poet=lambda: poet.METHOD, bare=lambda: {"Mutator": 7})
    assert list_names("Mutator") == ["poet"]
    with pytest.raises(UsageError, match=r"bare \(what it puts into Mutator is no mapping"):
        resolve("Mutator", "x")


def test_name_that_two_methods_take_is_refused_and_both_are_named(install):
    """Whichever comes first: neither is taken in place of the other."""
    shared = {"Mutator": {"poet": 1, "mine": 2}, "Scorer": {"pvl": 3}}
    for names in (("poet", "zebra"), ("aardvark", "poet")):
        install(
            **{name: lambda name=name: poet.METHOD if name == "poet" else shared for name in names}
        )
        listed = ", ".join(f"{name}_package:METHOD" for name in names)
        with pytest.raises(UsageError) as caught:
            resolve("Mutator", "poet")
        assert f"Several installed methods call their mutator 'poet': {listed}." in str(
            caught.value
        )
        assert caught.value.exit_code == 2
        # What is called otherwise, or the same in another slot, can be had.
        assert (resolve("Mutator", "mine"), resolve("Scorer", "pvl")) == (2, 3)
        assert list_names("Mutator") == ["mine", "poet"]


def test_curriculum_that_takes_the_name_of_the_one_in_the_core_is_refused(install):
    install(other=lambda: {"Selector": {"poet": lambda ground, wishes: None}})
    with pytest.raises(UsageError, match=r"their curriculum 'poet': other_package:METHOD, alpha_f"):
        resolve_curriculum("poet", "ppo")
    install()
    assert resolve_curriculum("poet", "ppo") is None


def test_method_that_is_listed_twice_is_one(install, monkeypatch):
    entries = [Entry("poet", lambda: poet.METHOD)] * 2
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: entries)
    assert resolve("Mutator", "poet") is poet.METHOD["Mutator"]["poet"]


def test_installed_methods_include_the_bundled_ones():
    """By the door that anyone's method enters; `make test` installs the package."""
    assert resolve("Mutator", "poet") is poet.METHOD["Mutator"]["poet"]
    assert resolve("Mutator", "random") is random_worlds.METHOD["Mutator"]["random"]
