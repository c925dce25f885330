"""A round: the levels asked for are played, scored and, if it is one of practice, learned from."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alpha_factory.curriculum import Choice, Lesson, Selector, Size, play_rounds
from alpha_factory.learn import PpoRecipe, make_ppo_craft, start_ppo
from alpha_factory.methods import scores
from alpha_factory.nets import ActorCritic
from alpha_factory.worlds import (
    from_text,
    make_grid,
    make_maze,
    measure_maze,
    pack_unchecked,
    shortest_walk,
)

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

MAPS = (">G...\n.....", ">#G..\n...#.", "v....\n..#.G", "#>#..\n###.G")  # the last has no way
LANES, STEPS, LIMIT = len(MAPS), 32, 10
BITS = make_grid(observation="bits")
NAMES = ("pvl", "l1", "maxmc", "learnability", "mna", "regret")


def make_levels():
    made = [from_text(text, side=5, step_limit=LIMIT) for text in MAPS]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *made)


LEVELS = make_levels()


class Notes(eqx.Module):
    """What the stub of a selector remembers: how many rounds there were, and the last findings."""

    rounds: jax.Array
    findings: list


def choose(state, *, key):
    """The second round is one of practice, on levels of slots; the best returns are known of two."""
    del key
    slot = jnp.where(state.rounds == 1, jnp.arange(LANES), -1).astype(jnp.int32)
    known = jnp.array([0.5, 3.0, -jnp.inf, -jnp.inf])
    return state, Choice(LEVELS, slot, known, state.rounds == 1)


def take(state, choice, findings):
    del choice
    return Notes(state.rounds + 1, [findings.visit, findings.mean_return, findings.value_loss])


def compare_starts(evidence):
    """Rows that begin an episode and do not show the start of the level that was asked for."""
    state = jax.vmap(lambda level: BITS.reset(level, key=jax.random.key(0)))(evidence.level)
    start = jax.vmap(BITS.observe)(evidence.level, state)
    is_other = jnp.any(evidence.rows.obs != start[None], axis=2) & evidence.rows.is_reset
    return jnp.sum(is_other, axis=0).astype(jnp.float32)


def judge(evidence):
    """All the scores at once, in place of one."""
    told = [scores.METHOD["Scorer"][name](evidence) for name in NAMES]
    return jnp.stack([*told, compare_starts(evidence)])


@pytest.fixture(scope="module")
def played(quick_compilation):
    """Two rounds, and what is told of them; all scores of a round lie in one."""
    net = ActorCritic((54,), 3, memory="gru", width=6, embed=8, head=6, key=jax.random.key(0))
    recipe = PpoRecipe(lanes=LANES, steps=STEPS, epochs=1, learning_rate=1e-2)
    told = {}

    def score(evidence):
        told["scores"] = judge(evidence)
        return told["scores"][0]

    def take_scores(state, choice, findings):
        return eqx.tree_at(
            lambda notes: notes.findings,
            take(state, choice, findings),
            [told["scores"], findings.mean_return, findings.value_loss],
        )

    def begin(*, key):
        del key
        nothing = [jnp.zeros((len(NAMES) + 1, LANES)), jnp.zeros(LANES), jnp.zeros(LANES)]
        return Notes(jnp.int32(0), nothing)

    lesson = Lesson(
        world=make_maze(observation="bits"),
        pack=pack_unchecked,
        measure=lambda level: Size(*measure_maze(level)),
        selector=Selector(begin, choose, take_scores, lambda state: {}, "pvl"),
        scorer=score,
        craft=make_ppo_craft(recipe, lambda *, key: net),
    )

    @eqx.filter_jit
    def play(learner, notes, key):
        return play_rounds(lesson, learner, notes, rounds=1, key=key)

    learner, notes = start_ppo(net, recipe), begin(key=None)
    steps = []
    for turn in range(2):
        before = learner
        learner, notes, brought = play(learner, notes, jax.random.key(turn))
        steps.append((before, learner, notes, brought))
    return steps


def is_same(one, other):
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(left, right) for left, right in pairs if eqx.is_array(left))


def test_every_episode_starts_on_the_level_asked_for(played):
    for _, _, notes, brought in played:
        assert notes.findings[0][-1].tolist() == [0] * LANES
        assert int(brought.ended[0]) >= 2 * LANES  # 32 rows of at most 10 + 1 an episode


def test_learner_moves_in_rounds_of_practice_alone(played):
    (first, kept, *_, still), (_, moved, *_, practised) = played
    assert is_same(first, kept)
    assert not is_same(kept.net, moved.net)
    assert int(moved.updates) == 1
    assert [bool(still.is_practised[0]), bool(practised.is_practised[0])] == [False, True]
    assert np.isnan(still.report.losses.value).all()
    assert not np.asarray(still.report.losses.in_a_row).any()
    assert np.isfinite(practised.report.losses.value).all()


def test_what_a_round_brought_is_summed_up(played):
    brought = played[1][-1]
    assert [int(brought.played[0]), int(brought.replayed[0]), int(brought.lost[0])] == [4, 4, 1]
    walls = [text.count("#") for text in MAPS]
    assert float(brought.walls[0]) == pytest.approx(np.mean(walls))
    paths = [1, 4, 5]  # cells, by hand
    assert float(brought.path[0]) == pytest.approx(np.mean(paths))
    assert np.isnan(played[0][-1].walls[0])
    assert 0 < int(brought.frames[0]) < LANES * STEPS
    assert int(brought.solved[0]) <= int(brought.ended[0])


def test_scores_have_the_best_return_ever_known_and_the_optimum(played):
    notes = played[0][2]
    told = dict(zip(NAMES, np.asarray(notes.findings[0]), strict=False))
    mean_return = np.asarray(notes.findings[1])
    # A best return of 3, which no rollout brings, is what the method remembered.
    assert told["maxmc"][1] > 2
    steps = np.asarray(jax.jit(jax.vmap(shortest_walk))(LEVELS))
    assert steps[3] == -1
    best = np.where(steps > 0, 0.995 ** (steps - 1.0), 0)
    assert (told["regret"] <= best + 1e-6).all()
    assert told["regret"][3] == 0
    # Discounted by at most nine steps, an episode that was solved is worth nearly 1.
    assert np.abs(told["regret"] - (best - mean_return)).max() < 0.05
    np.testing.assert_allclose(told["learnability"], mean_return * (1 - mean_return), atol=1e-6)
    np.testing.assert_allclose(told["l1"], notes.findings[2], atol=1e-6)
    assert (told["pvl"] <= told["l1"] + 1e-6).all()
    assert (told["mna"][mean_return == 0] == 0).all()
