import hashlib
import json
from importlib import resources
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core import AlphaFactoryError
from alpha_factory.evaluate import (
    corridors_suite,
    digest_levels,
    four_rooms_suite,
    freeze,
    limit_steps,
    perfect_medium_suite,
    perfect_xl_suite,
    public_suite,
    read_suite,
)
from alpha_factory.evaluate import suite as suite_module
from alpha_factory.evaluate.holdout import generated_suite, poet_suite
from alpha_factory.runs import suites as runs_suites
from alpha_factory.worlds import public_mazes, shortest_walk

SUITES = {
    "public-mazes-v1": (public_suite, 8, (250, 450), (13, 13), 32),
    "perfect-maze-medium-v1": (perfect_medium_suite, 100, (882,), (19, 19), 32),
    "perfect-maze-xl-v1": (perfect_xl_suite, 10, (21_218,), (101, 101), 101),
    "four-rooms-v1": (four_rooms_suite, 100, (100, 250), (17, 17), 32),
    "corridors-v1": (corridors_suite, 104, (450, 882), None, 32),
}
FROZEN_PLAINLY = ("perfect-maze-medium-v1", "perfect-maze-xl-v1", "corridors-v1", "four-rooms-v1")


def read_file(name):
    folder = resources.files("alpha_factory.evaluate")
    text = folder.joinpath(f"{name.replace('-', '_')}.json").read_text(encoding="utf-8")
    return json.loads(text)


@pytest.fixture(scope="module")
def generated():
    return generated_suite()


@pytest.mark.parametrize("name", SUITES)
def test_plain_suite_holds_different_plain_mazes(name):
    make, count, limits, size, side = SUITES[name]
    suite, levels = make(), make().levels
    assert (suite.name, suite.step_limits) == (name, limits)
    assert len(set(suite.names)) == len(suite.names) == count
    assert levels.tile.shape == (count, side, side)
    assert size is None or (np.asarray(levels.size) == size).all()
    assert set(np.unique(levels.tile)) == {0, 1, 2}
    assert set(levels.step_limit.tolist()) == {limits[0]}
    assert set(levels.reward.goal.tolist()) == {1.0}
    assert not np.asarray(levels.physics.slip).any()
    said = [np.asarray(part).reshape(count, -1) for part in (levels.tile, levels.start)]
    said += [np.asarray(levels.heading)[:, None]]
    assert len(np.unique(np.concatenate(said, axis=1), axis=0)) == count


def test_every_plain_level_can_be_solved_in_time():
    walk = jax.jit(jax.vmap(shortest_walk))
    for name in ("perfect-maze-medium-v1", "corridors-v1", "four-rooms-v1"):
        levels = SUITES[name][0]().levels
        lengths = np.asarray(walk(levels))
        assert (lengths > 0).all(), name
    # Mazes of 101 x 101: the cells on the only way; no cell takes more than a step and two turns.
    xl = perfect_xl_suite().levels
    cells = np.asarray(xl.distance)[np.arange(10), xl.start[:, 0], xl.start[:, 1]]
    assert ((cells > 0) & (3 * cells + 2 <= 21_218)).all(), cells.tolist()


@pytest.mark.parametrize("name", FROZEN_PLAINLY)
def test_plain_suite_is_what_freezing_it_gives(name):
    assert freeze.RECIPES[name]() == read_file(name)


@pytest.mark.parametrize("name", ["public-mazes-v1", "four-rooms-v1"])
def test_freezing_prints_a_suite_and_its_digest(name, capsys):
    assert freeze.main([name]) == 0
    printed, suite = capsys.readouterr(), SUITES[name][0]()
    data = json.loads(printed.out)
    assert printed.err.strip() == suite.digest
    assert digest_levels(data["levels"], data["step_limits"]) == suite.digest
    assert (data["name"], data["episodes"]) == (suite.name, suite.episodes)


def test_freezing_generated_suite_says_how_it_was_made(capsys):
    assert freeze.main(["generated-v1"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "as version 0.1 decoded them" in printed.err


def test_every_suite_can_be_asked_how_it_was_made():
    assert {*freeze.RECIPES, *freeze.PAST} == set(runs_suites.SUITES)


@pytest.mark.parametrize("arguments", [[], ["four-rooms-v2"], ["four-rooms-v1", "poet-100-v1"]])
def test_freezing_nothing_known_is_misuse_and_lists_the_suites(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        freeze.main(arguments)
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert all(name in printed.err for name in runs_suites.SUITES)


def test_generated_suite_holds_256_different_levels(generated):
    assert generated.name == "generated-v1"
    assert generated.step_limits == (128,)
    assert len(set(generated.names)) == 256
    leaves = [
        np.asarray(leaf).reshape(256, -1).astype(float)
        for leaf in jax.tree.leaves(generated.levels)
    ]
    assert len(np.unique(np.concatenate(leaves, axis=1), axis=0)) == 256
    assert set(generated.levels.step_limit.tolist()) == {128}


def test_recorded_plan_of_every_generated_level_is_the_shortest(generated):
    rows = read_file("generated-v1")["levels"]
    found = jax.jit(jax.vmap(shortest_walk))(generated.levels)
    assert found.tolist() == [row["plan"] for row in rows]
    assert all(8 <= row["plan"] <= 64 for row in rows)


def test_old_settings_of_generated_levels_become_rules_and_rewards(generated):
    """Fields of version 0.1: two rules with a period each, one penalty."""
    rows, levels = read_file("generated-v1")["levels"], generated.levels
    for field, found in (
        ("dense", levels.reward.dense),
        ("trap_penalty", levels.reward.penalty),
        ("trap_odds", levels.trap_odds),
        ("slip", levels.physics.slip),
    ):
        np.testing.assert_allclose(found, [row[field] for row in rows], rtol=1e-6)
    effect, count = np.asarray(levels.rules.effect), np.asarray(levels.rules.number)
    for field, code in (("mirror_period", 1), ("fog_period", 12)):
        periods = np.where(effect == code, count, 0).sum(axis=1)
        assert periods.tolist() == [row[field] for row in rows]
    turns = np.asarray(levels.rules.trigger) == 3
    assert (turns == (effect > 0)).all()


def test_suite_that_says_something_else_is_refused_naming_both_digests():
    wrong, recorded = "0" * 64, read_file("four-rooms-v1")
    with pytest.raises(AlphaFactoryError) as caught:
        read_suite("four_rooms_v1.json", wrong)
    found = digest_levels(recorded["levels"], recorded["step_limits"])
    for part in ("four-rooms-v1", wrong, found):
        assert part in str(caught.value)


def damage(monkeypatch, folder, module, name, content):
    """Have `module` read `content` for the file of this name."""
    folder.joinpath(name).write_bytes(content)
    monkeypatch.setattr(module, "resources", SimpleNamespace(files=lambda package: folder))


def read_bytes(package, name):
    return resources.files(package).joinpath(name).read_bytes()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("corridors-v1", corridors_suite),
        ("four-rooms-v1", four_rooms_suite),
        ("generated-v1", generated_suite),
        ("perfect-maze-medium-v1", perfect_medium_suite),
        ("perfect-maze-xl-v1", perfect_xl_suite),
        ("poet-100-v1", poet_suite),
    ],
)
def test_every_file_is_refused_with_both_hashes_when_a_byte_differs(
    name, make, monkeypatch, tmp_path
):
    file = f"{name.replace('-', '_')}.json"
    content = read_bytes("alpha_factory.evaluate", file)
    damaged = content + b"\n"
    damage(monkeypatch, tmp_path, suite_module, file, damaged)
    with pytest.raises(AlphaFactoryError) as caught:
        make()
    for part in (f"Suite {name} ", sha256(content), sha256(damaged)):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"episodes": 4', b'"episodes": 5'),
        (b'"name": "four-rooms-v1"', b'"name": "four-rooms-v2"'),
        (b"minimax (250)", b"minimax (251)"),
        (b'"levels"', b'"labels"'),
        (b'"map"', b'"mop"'),
        (b"{", b"["),
        (b"#", b"\xff"),
        (b"\n", b"\r\n"),
    ],
)
def test_damage_of_any_kind_is_refused_with_both_hashes(old, new, monkeypatch, tmp_path):
    content = read_bytes("alpha_factory.evaluate", "four_rooms_v1.json")
    assert old in content
    for damaged in (content.replace(old, new, 1), content[:1000], b""):
        damage(monkeypatch, tmp_path, suite_module, "four_rooms_v1.json", damaged)
        with pytest.raises(AlphaFactoryError) as caught:
            four_rooms_suite()
        for part in ("Suite four-rooms-v1 ", sha256(content), sha256(damaged)):
            assert part in str(caught.value)


@pytest.mark.parametrize("new", [b"\xff", b"x", b"."])
def test_public_suite_is_refused_with_both_hashes_when_its_maps_are_damaged(
    new, monkeypatch, tmp_path
):
    from alpha_factory.evaluate import public

    content = read_bytes("alpha_factory.worlds.levels", "public_mazes.txt")
    damaged = content.replace(b"#", new, 1)
    damage(monkeypatch, tmp_path, public, "public_mazes.txt", damaged)
    with pytest.raises(AlphaFactoryError) as caught:
        public_suite()
    for part in ("Suite public-mazes-v1 ", sha256(content), sha256(damaged)):
        assert part in str(caught.value)


def test_digests_are_those_that_were_published():
    published = {
        generated_suite: "2beef10acd193b63aa0b12c4b7eed082e6a28ff8a927f3fa41598b7b50995983",
        poet_suite: "3c4085a0426283c59d0fefa74c5a334ad4e40a578f1f2287fa2775a08d3ffbd2",
        public_suite: "8041ac5ceffe36c200948a05c11e59a1d811055a900ad1ae110ccd5c4fefbdf9",
    }
    assert {make: make().digest for make in published} == published


def test_public_suite_is_refused_when_a_maze_was_changed(monkeypatch):
    from alpha_factory.evaluate import public

    mazes = public_mazes()
    mazes.pop("Labyrinth")
    monkeypatch.setattr(public, "public_mazes", lambda: mazes)
    frozen = "8041ac5ceffe36c200948a05c11e59a1d811055a900ad1ae110ccd5c4fefbdf9"
    with pytest.raises(AlphaFactoryError, match=frozen):
        public.public_suite()


def test_digest_tells_levels_and_step_limits_apart_and_not_their_layout():
    rows = [{"name": "a", "map": [">G"]}, {"name": "b", "map": ["G<"]}]
    digest = digest_levels(rows, [9])
    assert digest == digest_levels([dict(reversed(row.items())) for row in rows], (9,))
    others = [
        digest_levels(rows[::-1], [9]),
        digest_levels(rows[:1], [9]),
        digest_levels(rows, [10]),
        digest_levels([rows[0], rows[1] | {"map": ["G^"]}], [9]),
    ]
    assert len({digest, *others}) == 5


def test_limit_steps_changes_nothing_but_the_limit():
    mazes = public_suite().levels
    longer = limit_steps(mazes, 450)
    assert set(longer.step_limit.tolist()) == {450}
    back = eqx.tree_at(lambda levels: levels.step_limit, longer, mazes.step_limit)
    assert all(
        jnp.array_equal(one, other)
        for one, other in zip(jax.tree.leaves(mazes), jax.tree.leaves(back), strict=True)
    )
