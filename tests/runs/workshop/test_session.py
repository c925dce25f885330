import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.runs.workshop.session import (
    Session,
    describe_moment,
    find_rules_in_force,
    print_keys,
    read_keys,
)
from alpha_factory.worlds.levels.file import parse_level
from alpha_factory.worlds.scene import print_scene


def _play(text: str, keys: str, controls: str = "turn", seed: int = 0):
    session = Session(parse_level(text), controls=controls, seed=seed)
    return session, session.play(keys)


@pytest.mark.parametrize(
    ("text", "keys", "outcome"),
    [
        (">.G", "F", "not over after 1 step"),
        (">.G", "FFF", "solved in 2 steps"),
        ("step_limit = 3\n>.G", "LLLLL", "out of time after 3 steps"),
        (">?G", "FF", "took the decoy after 1 step"),
        (">~G", "FF", "fell into lava after 1 step"),
        (">TG", "FF", "sprang a trap after 1 step"),
        ("patrol_pace = 1\n>H#G", "FF", "was caught by an opponent after 1 step"),
    ],
)
def test_session_tells_how_it_ended(text, keys, outcome):
    session, moments = _play(text, keys)
    assert describe_moment(session, moments[-1])["outcome"] == outcome


def test_session_adds_up_the_reward():
    session, moments = _play("coin = 0.25\n>$G", "FF")
    assert [moment.reward for moment in moments] == [0.0, 0.25, 0.75]
    told = describe_moment(session, moments[-1])
    assert (told["return"], told["solved"], told["terminated"], told["truncated"]) == (
        1.0,
        True,
        True,
        False,
    )


def test_same_seed_and_keys_give_the_same_episode():
    text = "slip = 0.5\n" + ">" + "." * 20 + "G"

    def where(seed):
        return [int(moment.state.position[1]) for moment in _play(text, "F" * 12, seed=seed)[1]]

    assert where(1) == where(1)
    assert len({tuple(where(seed)) for seed in range(6)}) > 1


def test_rules_in_force_are_those_of_the_next_step():
    text = "rule = from step 2: fog falls\nrule = until step 1: fog falls\n" * 2 + ">...G"
    session, moments = _play(text, "FFF")
    in_force = [find_rules_in_force(session.level, moment.state) for moment in moments]
    assert in_force == [[1, 3], [], [0, 2], [0, 2]]


def test_keys_survive_their_log(tmp_path):
    _, moments = _play(">..G", "LRF")
    log = tmp_path / "keys.txt"
    log.write_text(print_keys(moments[-1], "a command"))
    assert log.read_text() == "# a command\nLRF\n"
    assert read_keys(str(log), "turn") == "LRF"


@pytest.mark.parametrize(
    ("given", "controls", "keys"),
    [("ffl r", "turn", "FFLR"), ("", "turn", ""), ("uRdL", "compass", "URDL")],
)
def test_keys_are_letters_in_any_case(given, controls, keys):
    assert read_keys(given, controls) == keys


def test_wrong_key_is_named_with_its_column():
    with pytest.raises(UsageError, match=r"'U' in column 3 is no key: L left, R right, F forward"):
        read_keys("FFU", "turn")
    with pytest.raises(UsageError, match="R right, D down, L left, U up"):
        read_keys("F", "compass")


def test_scene_shows_gates_opponents_and_what_is_known():
    session, moments = _play("patrol_pace = 9\n>!|G\n...H", "F")
    assert print_scene(session.level, moments[0].state) == ">!|G\n...H"
    assert print_scene(session.level, moments[1].state) == ".>:G\n...H"
    # The view faces right: what lies behind is known from before.
    session, moments = _play("rule = always: fog falls\n>...G", "FF")
    known = print_scene(session.level, moments[-1].state, is_known_only=True)
    assert known == "..>. "
