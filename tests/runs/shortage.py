"""A device whose memory does not suffice."""

from typing import Any, NoReturn

import jax

SHORT = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes.")


def fall_short(*args: Any, **kwargs: Any) -> NoReturn:
    """In the place of a function that takes memory."""
    raise SHORT
