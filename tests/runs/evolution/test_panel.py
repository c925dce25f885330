"""Who is played at a look, how, and what is kept of it."""

from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.core.types import Outcome, World
from alpha_factory.nets import Model
from alpha_factory.records import WorldCard
from alpha_factory.rollout import as_player
from alpha_factory.runs.build import make_model
from alpha_factory.runs.evolution import panel
from alpha_factory.runs.files.archive import Archive
from alpha_factory.runs.seed_world import seed_genome
from alpha_factory.runs.workshop.source import decode_genome
from alpha_factory.search import make_prior
from runs import tiny

EVERY = 4  # cycles between two looks


def _card(number: int, cycle: int, **other) -> WorldCard:
    card = {
        "id": number,
        "genome": f"{number:0128x}",
        "parents": [0],
        "operator": "mutate",
        "cycle": cycle,
        "frames": 100 * cycle,
        "verdict": "accepted",
    }
    return WorldCard(**card | other)


def _archive(path: Path, cards: list[WorldCard]) -> Archive:
    archive = Archive(path / "worlds.sqlite")
    archive.record(worlds=[_card(0, 0, parents=[], operator="seed"), *cards])
    return archive


@pytest.mark.parametrize(
    ("looks", "chosen"),
    [
        (1, [0]),
        (4, [0, 1, 2, 3]),
        (5, [0, 2, 3, 4]),  # of 1 and 3, alike, the older goes
        (7, [0, 2, 4, 6]),
        (8, [0, 2, 4, 6]),  # 7 does not join: all others are divided by 2
        (10, [0, 4, 6, 8]),
        (1000, [0, 256, 512, 768]),
    ],
)
def test_looks_divided_by_larger_powers_of_two_stay_on_the_panel(
    looks: int, chosen: list[int]
) -> None:
    assert panel.choose_looks(looks, 4) == chosen


@pytest.mark.parametrize("most", [1, 3, 16])
def test_panel_is_full_spans_the_run_and_takes_nobody_back(most: int) -> None:
    before: set[int] = set()
    for looks in range(1, 300):
        chosen = panel.choose_looks(looks, most)
        assert len(chosen) == min(looks, most)
        assert chosen[0] == 0
        assert set(chosen) <= before | {looks - 1}
        if most > 1:
            assert max(np.diff([*chosen, looks])) <= max(4 * looks / most, 1)
        before = set(chosen)


def test_newcomers_are_the_first_worlds_accepted_in_the_looks_own_cycle(tmp_path: Path) -> None:
    cards = [
        _card(1, 0),
        _card(2, 0, verdict="too hard"),
        _card(3, 0, specialist_score=0.5),
        _card(4, 0),
        _card(5, 0),
        _card(6, 2),
        _card(7, 4, verdict="not chosen"),
        _card(8, 4),
    ]
    with _archive(tmp_path, cards) as archive:
        first = panel.pick_panel(archive, cycle=0, every=EVERY)
        second = panel.pick_panel(archive, cycle=4, every=EVERY)
        third = panel.pick_panel(archive, cycle=8, every=EVERY)
    assert [card.id for card in first.members] == [1, 4]
    assert first.newcomers == first.members
    assert [card.id for card in second.members] == [1, 4, 8]
    assert [card.id for card in second.newcomers] == [8]
    assert third.members == second.members
    assert third.newcomers == []


def test_panel_of_a_long_run_is_full_and_has_no_more(tmp_path: Path) -> None:
    looks = 50
    cards = [
        _card(1 + 3 * look + extra, EVERY * look) for look in range(looks) for extra in range(3)
    ]
    with _archive(tmp_path, cards) as archive:
        now = panel.pick_panel(archive, cycle=EVERY * (looks - 1), every=EVERY)
    assert len(now.members) == panel.MEMBERS
    chosen = panel.choose_looks(looks, panel.MEMBERS // panel.NEWCOMERS)
    assert sorted({card.cycle // EVERY for card in now.members}) == chosen


@pytest.mark.parametrize("numbers", [(), (5,), (5, 6, 7)])
def test_levels_are_laid_out_in_turn_and_the_first_world_stands_for_none(
    numbers: tuple[int, ...],
) -> None:
    cards = [_card(number, 0) for number in numbers]
    got = panel.lay_out(cards, lanes=7)
    alone = [panel.lay_out([card], lanes=1) for card in cards] or [
        jax.tree.map(lambda leaf: leaf[None], decode_genome(seed_genome()))
    ]
    for leaf, *leaves in zip(*map(jax.tree.leaves, (got, *alone)), strict=True):
        for lane in range(7):
            assert np.array_equal(leaf[lane], leaves[lane % len(leaves)][0])


class Bandit(NamedTuple):
    """The state of a world of one step, which is solved by the action that is its level."""

    is_terminated: Any
    is_truncated: Any


def _pull(level, state, action, *, key):
    del state, key
    is_solved = action == level
    outcome = Outcome(is_solved.astype(jnp.float32), jnp.bool_(True), jnp.bool_(False), is_solved)
    return Bandit(jnp.bool_(True), jnp.bool_(False)), outcome


BANDIT = World(
    reset=lambda level, *, key: Bandit(jnp.bool_(False), jnp.bool_(False)),
    step=_pull,
    observe=lambda level, state: jnp.zeros(4),
    actions=3,
    features=4,
)


def _insist(action: int) -> Model:
    """A model whose policy head takes one action, whatever it sees."""
    model = make_model(tiny.TINY, (4,), BANDIT.actions)
    certain = jnp.where(jnp.arange(BANDIT.actions) == action, 1e4, 0.0)
    return eqx.tree_at(lambda tree: tree.prediction.policy.layers[-1].bias, model, certain)


def test_fresh_levels_are_played_by_the_untrained_model_and_the_others_by_the_other() -> None:
    first, second, fresh = (
        jnp.array(levels, jnp.int32) for levels in ([0, 2, 2], [2, 0], [0, 0, 2])
    )

    @eqx.filter_jit
    def play(model, untrained, key):
        player = as_player(make_prior())
        return panel.play_both(BANDIT, player, model, (first, second), untrained, fresh, key=key)

    got = play(_insist(2), _insist(0), jax.random.key(0))
    assert got.tolist() == [False, True, True, True, False, True, True, False]


def test_rates_are_those_of_each_worlds_own_episodes() -> None:
    members = [_card(4, 0), _card(7, 8), _card(9, 8)]
    taken = panel.write_looks(
        panel.Panel(members, members[1:]),
        np.array([1, 0, 0, 1, 1, 0, 1, 0], bool),  # 4 7 9 4 7 9 4 7
        np.array([1, 0, 0, 0], bool),  # 7 9 7 9
        cycle=8,
        frames=900,
    )
    assert [(look.world, look.cycle, look.frames) for look in taken] == [
        (4, 8, 900),
        (7, 8, 900),
        (9, 8, 900),
    ]
    assert [look.episodes for look in taken] == [3, 3, 2]
    assert [look.solve_rate for look in taken] == [1.0, pytest.approx(1 / 3), 0.0]
    assert [look.untrained for look in taken] == [None, 0.5, 0.0]


def test_look_at_nobody_leaves_nothing() -> None:
    nobody = panel.Panel([], [])
    solved = np.ones(4, bool)
    assert panel.write_looks(nobody, solved, solved, cycle=0, frames=0) == []
