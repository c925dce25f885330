"""The eight mazes on which the field compares curricula, as ordinary levels of the grid engine."""

from importlib import resources

from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.levels.text import from_text

_FILE = "public_mazes.txt"
_COMMENT = ";"


def public_mazes() -> dict[str, GridLevel]:
    """The mazes by name, in the order of the file, which also says where they come from.

    Rewards are sparse, nothing slips, and the step limit is 250.
    """
    text = (
        resources.files("alpha_factory.worlds.levels").joinpath(_FILE).read_text(encoding="utf-8")
    )
    lines = [line for line in text.splitlines() if not line.startswith(_COMMENT)]
    mazes = {}
    for block in "\n".join(lines).strip().split("\n\n"):
        name, _, drawing = block.partition("\n")
        mazes[name] = from_text(drawing)
    return mazes
