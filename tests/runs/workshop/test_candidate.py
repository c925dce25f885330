import pytest

from alpha_factory.core.errors import AlphaFactoryError
from alpha_factory.runs.workshop.candidate import read_candidate


def test_level_and_genome_are_read():
    drawn = read_candidate(">G", None)
    assert drawn.genome is None
    assert drawn.level.size.tolist() == [1, 2]
    born = read_candidate(None, "0" * 127 + "1")
    assert born.genome is not None
    assert born.level.tile.shape == drawn.level.tile.shape


@pytest.mark.parametrize(
    ("level", "genome", "why"),
    [
        (None, "0" * 128, "zeros, which stand for no genome"),
        (">G" + "." * 40, None, "at most 32 x 32 cells .* got '1 x 42'"),
        (">.", None, "goal must be shown exactly once"),
        ("G.", None, "agent"),
    ],
    ids=["zeros", "large", "without a goal", "without an agent"],
)
def test_what_can_be_no_world_of_a_run_is_refused(level, genome, why):
    with pytest.raises(AlphaFactoryError, match=why):
        read_candidate(level, genome)
