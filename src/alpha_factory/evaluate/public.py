"""`public-mazes-v1`: the eight hand-made mazes that the field reports."""

from alpha_factory.evaluate.suite import Suite, check_digest, digest_levels, stack_levels
from alpha_factory.worlds import public_mazes, to_text

DIGEST = "8041ac5ceffe36c200948a05c11e59a1d811055a900ad1ae110ccd5c4fefbdf9"


def public_suite() -> Suite:
    """The mazes, at both step limits that libraries use: 250 (jaxued) and 450 (minimax, DCD).

    Raises:
        AlphaFactoryError: the mazes have another digest; both are named.
    """
    mazes, step_limits = public_mazes(), (250, 450)
    rows = [{"name": name, "map": to_text(level).splitlines()} for name, level in mazes.items()]
    found = digest_levels(rows, step_limits)
    check_digest("public-mazes-v1", found, DIGEST)
    return Suite(
        name="public-mazes-v1",
        levels=stack_levels(list(mazes.values())),
        names=tuple(mazes),
        step_limits=step_limits,
        episodes=32,
        digest=DIGEST,
    )
