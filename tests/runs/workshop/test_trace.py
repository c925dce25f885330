import jax
import numpy as np
import pytest

from alpha_factory.runs.workshop.session import KEYS, Session
from alpha_factory.runs.workshop.trace import draw, trace
from alpha_factory.worlds.levels.file import parse_level

LEVEL = parse_level("step_limit = 60\n\n>.K#\n..DG\nH...\n")


def test_drawing_shows_what_the_map_does():
    told = draw(LEVEL)
    assert told.tiles == ["..K#", "..DG", "...."]
    assert (told.start, told.heading, told.goal, told.step_limit) == ((0, 0), 0, (1, 3), 60)
    assert [(one.kind, one.at, one.heading) for one in told.opponents] == [("patrol", (2, 0), 0)]


def test_trace_tells_a_played_episode_moment_by_moment():
    moments = Session(LEVEL, controls="turn", seed=0).play("FFRFLF")
    letters = KEYS["turn"]
    told = trace(
        LEVEL,
        jax.tree.map(lambda *leaves: np.stack(leaves), *(moment.state for moment in moments)),
        [letters.index(key) for key in "FFRFLF"],
        [moment.reward for moment in moments[1:]],
    )
    assert told.position == [(0, 0), (0, 1), (0, 2), (0, 2), (1, 2), (1, 2), (1, 3)]
    assert told.heading == [0, 0, 0, 1, 1, 0, 0]
    assert (told.has_key, told.is_open, told.offset) == ([2], [], None)
    assert told.changes == [(2, 0, 2, "."), (4, 1, 2, "'")], "the key is taken, the door opened"
    assert told.opponents[0][:3] == [(2, 0, 0), (2, 1, 0), (2, 2, 0)]
    assert told.actions[:3] == ["forward", "forward", "turn right"]
    assert told.reward == [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]


def test_trace_refuses_numbers_that_do_not_fit():
    start = Session(LEVEL, controls="turn", seed=0).start()
    with pytest.raises(ValueError, match="states=1, actions=1"):
        trace(LEVEL, jax.tree.map(lambda leaf: np.asarray(leaf)[None], start.state), [0], [0.0])
