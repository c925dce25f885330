"""The open suites: mazes that the field reports, and plain families like its own."""

from importlib import resources

from alpha_factory.evaluate.suite import (
    Row,
    Suite,
    check_digest,
    check_file,
    digest_levels,
    read_suite,
    stack_levels,
)
from alpha_factory.worlds import public_mazes, to_text

XL_SIDE = 101

_PUBLIC_FILE = "8afc0e52715a579ef14ebe094c36d66483dc06a0f7e3f27fff70ba75f7fb7b82"
"""SHA-256 of the bytes of the file of maps."""
_PUBLIC = "8041ac5ceffe36c200948a05c11e59a1d811055a900ad1ae110ccd5c4fefbdf9"
_MEDIUM = "1a6f762573cf87c404e6b27d6bb06d4de76cdd096abb817263d09144bb9464d8"
_XL = "9809ef6abb409513514c73812adca5311e4816b64ff697eecbf02ff4a79fdb4c"
_CORRIDORS = "3c960d50652aed582a976cecccf997c72826a2c648a5c017e7625a0b67cb9f92"
_FOUR_ROOMS = "69082083626368ef06c4a9f75c5ddd39bd8cc9c35fe7a23ef74a8a1aef52427c"


def public_suite() -> Suite:
    """`public-mazes-v1`: the eight hand-made mazes, at both step limits that libraries use.

    250 is jaxued's, 450 that of minimax and DCD.

    Raises:
        AlphaFactoryError: the file of maps, or the mazes, have another digest; both are named.
    """
    maps = resources.files("alpha_factory.worlds.levels").joinpath("public_mazes.txt").read_bytes()
    check_file("public-mazes-v1", maps, _PUBLIC_FILE)
    mazes, step_limits = public_mazes(), (250, 450)
    check_digest("public-mazes-v1", digest_levels(public_rows(), step_limits), _PUBLIC)
    return Suite(
        name="public-mazes-v1",
        levels=stack_levels(list(mazes.values())),
        names=tuple(mazes),
        step_limits=step_limits,
        episodes=32,
        digest=_PUBLIC,
    )


def public_rows() -> list[Row]:
    """The eight hand-made mazes as rows of a file, which they have none of."""
    return [
        {"name": name, "map": to_text(level).splitlines()} for name, level in public_mazes().items()
    ]


def perfect_medium_suite() -> Suite:
    """`perfect-maze-medium-v1`: 100 mazes of 19 x 19, as in minimax and, without its border, DCD."""
    return read_suite("perfect_maze_medium_v1.json", _MEDIUM)


def perfect_xl_suite() -> Suite:
    """`perfect-maze-xl-v1`: 10 mazes of 101 x 101, as in minimax; DCD's are 99 x 99 in a border."""
    return read_suite("perfect_maze_xl_v1.json", _XL, side=XL_SIDE)


def corridors_suite() -> Suite:
    """`corridors-v1`: the small and the large corridors, every goal and every first heading."""
    return read_suite("corridors_v1.json", _CORRIDORS)


def four_rooms_suite() -> Suite:
    """`four-rooms-v1`: 100 times four rooms of 17 x 17 in all, as in MiniGrid and minimax."""
    return read_suite("four_rooms_v1.json", _FOUR_ROOMS)
