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
