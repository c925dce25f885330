import subprocess
import sys

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from alpha_factory.core.errors import InvalidGenome, InvalidLevel, UsageError
from alpha_factory.genome import random_genome, to_hex
from alpha_factory.worlds import decode, from_text
from alpha_factory.worlds.gym import ID, GridEnv, GridVectorEnv

GENOME = np.asarray(random_genome(key=jax.random.key(3)))
# Slippery, with a trap, and so short that worlds end and begin again within a test.
LEVEL = "step_limit = 9\nslip = 0.5\ntrap_odds = 0.5\npenalty = 0.25\n\n>.T\n..#\n.KG"
FORWARD = 2


@pytest.mark.parametrize(
    "choices",
    [
        {"genome": GENOME},
        {"level": LEVEL, "controls": "compass"},
        {"level": LEVEL, "observation": "view", "view": 7},
        {"level": LEVEL, "observation": "full"},
        {"genome": GENOME, "observation": "pixels"},
    ],
    ids=["symbolic", "compass", "view", "full", "pixels"],
)
def test_environment_passes_the_checks_of_gymnasium(choices):
    env = gymnasium.make(ID, **choices)
    check_env(env.unwrapped)  # warnings are errors here


def test_specification_survives_json():
    env = gymnasium.make(ID, genome=to_hex(GENOME), controls="compass")
    again = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert np.array_equal(again.reset(seed=2)[0], env.reset(seed=2)[0])
    assert again.action_space.n == 4


def test_module_prefix_registers_without_an_import():
    script = (
        "import gymnasium\n"
        f"env = gymnasium.make('alpha_factory.worlds.gym:{ID}', level='>.G')\n"
        "env.reset(seed=0)\n"
        "assert [env.step(2)[2] for _ in range(2)] == [False, True]\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=120)


def test_genome_is_taken_as_digits_words_and_array():
    by_array = GridEnv(genome=GENOME).reset(seed=1)[0]
    for genome in (to_hex(GENOME), GENOME.tolist(), jax.numpy.asarray(GENOME)):
        assert np.array_equal(GridEnv(genome=genome).reset(seed=1)[0], by_array)


def test_level_is_taken_as_text_and_as_it_is():
    ours = GridEnv(level=from_text(">.G"), observation="full").reset(seed=0)[0]
    assert np.array_equal(GridEnv(level=">.G", observation="full").reset(seed=0)[0], ours)


def test_termination_and_truncation_are_apart():
    env = GridEnv(level="step_limit = 2\n>.G")
    env.reset(seed=0)
    assert env.step(FORWARD)[1:] == (0.0, False, False, {"is_solved": False})
    # Reached by the last step that the limit allows: an end of its own.
    assert env.step(FORWARD)[1:] == (1.0, True, False, {"is_solved": True})
    env.reset()
    env.step(0)
    assert env.step(0)[1:] == (0.0, False, True, {"is_solved": False})


def test_honeypot_pays_only_where_asked():
    paid = []
    for pays_hidden in (False, True):
        env = GridEnv(level="honeypot = yes\n>G", pays_hidden=pays_hidden)
        env.reset(seed=0)
        paid.append(env.step(FORWARD)[1])
    assert paid == [0.0, 1.0]


def test_same_seed_gives_the_same_episode_and_another_one_does_not():
    def play(seed):
        env = GridEnv(level=LEVEL.replace("step_limit = 9", "step_limit = 64"))
        rows = [env.reset(seed=seed)[0]]
        for action in [FORWARD, 0] * 20:
            rows.append(env.step(action)[0])
        return np.stack(rows)

    first = play(5)
    assert np.array_equal(first, play(5))
    assert any(not np.array_equal(first, play(seed)) for seed in range(6, 9))


def test_rendering_shows_the_moment():
    env = GridEnv(level=">.G\n.#H", render_mode="ansi")
    assert env.render() is None
    env.reset(seed=0)
    env.step(FORWARD)
    assert env.render() == ".>G\n.#H"
    picture = GridEnv(level=">.G", render_mode="rgb_array")
    picture.reset(seed=0)
    before = picture.render()
    assert before.dtype == np.uint8
    assert before.shape[1] > before.shape[0]
    picture.step(FORWARD)
    assert not np.array_equal(picture.render(), before)


@pytest.mark.parametrize(
    ("choices", "error", "said"),
    [
        ({}, UsageError, "either genome=… or level=…"),
        ({"genome": GENOME, "level": ">G"}, UsageError, "not both"),
        ({"genome": "ab"}, InvalidGenome, "128 hexadecimal digits"),
        ({"genome": GENOME[:3]}, InvalidGenome, "16 words"),
        ({"genome": [2**40] * 16}, InvalidGenome, "2\\^32"),
        ({"level": ">."}, InvalidLevel, "goal"),
        ({"level": 3}, InvalidLevel, "GridLevel"),
        ({"level": ">G", "observation": "view", "view": 4}, UsageError, "view=4"),
        ({"level": ">G", "render_mode": "human"}, UsageError, "rgb_array"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, dict) else "",
)
def test_misuse_is_named(choices, error, said):
    with pytest.raises(error, match=said):
        GridEnv(**choices)


def test_step_before_reset_is_refused():
    with pytest.raises(UsageError, match="call `reset`"):
        GridEnv(level=">G").step(0)
    with pytest.raises(UsageError, match="call `reset`"):
        GridVectorEnv(level=">G", num_envs=2).step(np.zeros(2, int))


@pytest.mark.parametrize("observation", ["symbolic", "full"])
def test_vector_does_what_single_worlds_do_under_the_same_seeds(observation):
    worlds, choices = 5, {"level": LEVEL, "observation": observation, "controls": "compass"}
    vector = gymnasium.make_vec(ID, num_envs=worlds, **choices)
    singles = SyncVectorEnv([lambda: GridEnv(**choices) for _ in range(worlds)])
    assert isinstance(vector, GridVectorEnv)
    assert vector.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP is singles.autoreset_mode
    assert vector.observation_space == singles.observation_space
    assert vector.action_space == singles.action_space
    vector.action_space.seed(0)
    ours, theirs = vector.reset(seed=7), singles.reset(seed=7)
    ends = np.zeros(2, int)
    for _ in range(60):
        assert np.array_equal(ours[0], theirs[0])
        assert ours[0].dtype == theirs[0].dtype
        assert ours[0] in vector.observation_space
        for mine, other in zip(ours[1:-1], theirs[1:-1], strict=True):
            assert mine.dtype == other.dtype
            assert np.array_equal(mine, other)
        assert np.array_equal(ours[-1]["is_solved"], theirs[-1]["is_solved"])
        if len(ours) == 5:
            ends += ours[2].sum(), ours[3].sum()
        actions = vector.action_space.sample()
        ours, theirs = vector.step(actions), singles.step(actions)
    assert (ends > 0).all(), "some worlds came to their own end, others met the limit"


def test_vector_keeps_what_it_returned():
    """Gymnasium's check that environments return new data, on a vector: it has no check of its own for one."""
    vector = GridVectorEnv(num_envs=2, level=LEVEL)
    first, _ = vector.reset(seed=0)
    kept = first.copy()
    second = vector.step(np.full(2, FORWARD))
    third = vector.step(np.full(2, FORWARD))
    assert np.array_equal(first, kept)
    arrays = [first, *second[:4], *third[:4]]
    for at, array in enumerate(arrays):
        assert array.flags.writeable
        assert not any(np.shares_memory(array, other) for other in arrays[at + 1 :])


def test_wrappers_of_gymnasium_go_over_the_vector():
    level = "step_limit = 3\n>.G"
    vector = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        gymnasium.make_vec(ID, num_envs=2, level=level)
    )
    vector.reset(seed=0)
    vector.step(np.array([FORWARD, 0]))
    *_, info = vector.step(np.array([FORWARD, 0]))
    assert info["episode"]["r"][0] == 1.0
    assert info["episode"]["l"][0] == 2
    *_, info = vector.step(np.array([FORWARD, 0]))
    assert info["episode"]["l"][1] == 3


def test_vector_takes_a_source_for_each_world():
    genomes = [np.asarray(random_genome(key=jax.random.key(one))) for one in range(3)]
    for given in (genomes, np.stack(genomes), [to_hex(one) for one in genomes]):
        vector = GridVectorEnv(num_envs=3, genome=given, render_mode="ansi")
        vector.reset(seed=0)
        assert vector.render() == tuple(
            _first_scene(decode(jax.numpy.asarray(one))) for one in genomes
        )
    pair = GridVectorEnv(num_envs=2, level=[">.G", from_text("v.G")], render_mode="ansi")
    pair.reset(seed=0)
    assert pair.render() == (">.G", "v.G")


def test_vector_refuses_sources_that_do_not_fit():
    with pytest.raises(UsageError, match="num_envs=3 worlds have 2 sources"):
        GridVectorEnv(num_envs=3, level=[">G", ">G"])
    with pytest.raises(UsageError, match="different sizes"):
        GridVectorEnv(num_envs=2, level=[">G", ">" + "." * 40 + "G"])
    with pytest.raises(UsageError, match="num_envs=0"):
        GridVectorEnv(num_envs=0, level=">G")


def _first_scene(level) -> str:
    env = GridEnv(level=level, render_mode="ansi")
    env.reset(seed=0)
    return env.render()


@pytest.mark.parametrize("action", [3, -1, 2.7, 2.0, [1], "F", None], ids=str)
def test_action_outside_the_space_is_refused(action):
    env = GridEnv(level=">.G")
    env.reset(seed=0)
    with pytest.raises(UsageError, match="0 to 2"):
        env.step(action)


@pytest.mark.parametrize("actions", [[0, 3], [-1, 0], [0.0, 1.0], [0], 0, [[0], [0]]], ids=str)
def test_vector_refuses_actions_outside_the_space(actions):
    vector = GridVectorEnv(num_envs=2, level=">.G")
    vector.reset(seed=0)
    with pytest.raises(UsageError, match="0 to 2"):
        vector.step(actions)


def test_action_is_taken_as_any_whole_number():
    seen = []
    for action in (FORWARD, np.int64(FORWARD), np.array(FORWARD), jax.numpy.uint8(FORWARD)):
        env = GridEnv(level=">..G", observation="full")
        env.reset(seed=0)
        seen.append(env.step(action)[0])
    assert all(np.array_equal(one, seen[0]) for one in seen)


def test_values_of_the_wrong_type_are_named():
    """In a process of its own, where no annotation is checked: as users meet it."""
    script = (
        "import gymnasium\n"
        "import alpha_factory.worlds.gym\n"
        "from alpha_factory.core.errors import UsageError\n"
        "for make in (gymnasium.make, gymnasium.make_vec):\n"
        "    for view in (5.0, 'x'):\n"
        "        try:\n"
        f"            make('{ID}', level='>G', view=view)\n"
        "        except UsageError as error:\n"
        "            assert f'view={view!r}' in str(error), error\n"
        "        else:\n"
        "            raise AssertionError(view)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


@pytest.mark.parametrize(
    ("choices", "error"),
    [({"level": 5}, InvalidLevel), ({"genome": 5}, InvalidGenome), ({"level": {}}, InvalidLevel)],
    ids=str,
)
def test_vector_names_what_is_no_source(choices, error):
    with pytest.raises(error, match=r"got (5|\{\})"):
        gymnasium.make_vec(ID, num_envs=2, **choices)


def test_vector_takes_digits_and_words_side_by_side():
    vector = GridVectorEnv(num_envs=2, genome=[GENOME, to_hex(GENOME)], render_mode="ansi")
    vector.reset(seed=0)
    first, second = vector.render()
    assert first == second


def _both_vectors(worlds):
    """Ours and Gymnasium's own of single worlds, before a reset."""
    singles = SyncVectorEnv([lambda: GridEnv(level=LEVEL) for _ in range(worlds)])
    return GridVectorEnv(num_envs=worlds, level=LEVEL), singles


def _assert_alike(ours, theirs):
    for mine, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert np.array_equal(mine, other)
    assert np.array_equal(ours[-1]["is_solved"], theirs[-1]["is_solved"])


def test_vector_reset_takes_a_seed_for_each_world_and_a_mask_as_gymnasium_does():
    vector, singles = _both_vectors(3)
    resets = {
        0: ([4, 9, 4], None),
        5: (None, [True, False, True]),
        12: ([None, 7, None], None),
        21: ([1, 2, None], [True, False, False]),
        30: (3, [False, True, True]),
    }
    actions = np.random.default_rng(0).integers(0, 3, (40, 3))
    for time in range(40):
        if time in resets:
            seed, mask = resets[time]
            # Gymnasium takes the mask out of the options that it is given.
            ours, theirs = (
                env.reset(
                    seed=seed, options=None if mask is None else {"reset_mask": np.array(mask)}
                )
                for env in (vector, singles)
            )
            _assert_alike(ours, theirs)
        _assert_alike(vector.step(actions[time]), singles.step(actions[time]))


def test_vector_reset_leaves_the_options_to_wrappers():
    vector = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        GridVectorEnv(num_envs=2, level="step_limit = 3\n>.G")
    )
    vector.reset(seed=0)
    vector.step(np.array([0, 0]))
    vector.reset(options={"reset_mask": np.array([True, False])})
    assert vector.episode_lengths.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"seed": [1]}, "num_envs=2 worlds have 1 seeds"),
        ({"options": {"reset_mask": np.zeros(2, bool)}}, "one or more of them True"),
        ({"options": {"reset_mask": np.ones(3, bool)}}, "2 booleans"),
        ({"options": {"reset_mask": np.array([0, 1])}}, "2 booleans"),
    ],
    ids=str,
)
def test_vector_reset_refuses_what_does_not_fit(arguments, said):
    vector = GridVectorEnv(num_envs=2, level=">.G")
    vector.reset(seed=0)
    with pytest.raises(UsageError, match=said):
        vector.reset(**arguments)


def test_vector_reset_of_some_needs_worlds_that_began():
    vector = GridVectorEnv(num_envs=2, level=">.G")
    with pytest.raises(UsageError, match="no state yet"):
        vector.reset(options={"reset_mask": np.array([True, False])})
