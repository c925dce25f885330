"""Pages elsewhere that a run's numbers are shown on: what was asked for in, what shows them out."""

import contextlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alpha_factory.core.errors import UsageError

if TYPE_CHECKING:
    from alpha_factory.service.wandb.board import WandbBoard


def make_boards(
    wandb: Sequence[str] | None, stack: contextlib.ExitStack
) -> Callable[[Path, dict[str, Any], Callable[[str], None]], "Sequence[WandbBoard]"]:
    """What opens the boards of a run, until `stack` closes them.

    Args:
        wandb: what stood after `--wandb`: nothing, or the project; None where it was not given.

    Raises:
        UsageError: W&B is not installed, or more than one project was named.
    """
    if wandb is None:
        return lambda run, settings, say: ()
    if len(wandb) > 1:
        raise UsageError(f"--wandb takes one project, and {' '.join(wandb)} are {len(wandb)}.")
    found = importlib.util.find_spec("wandb")
    # A folder `wandb`, as the library leaves where it works, is found as a module without an origin.
    if found is None or found.origin is None:
        raise UsageError(
            "--wandb needs Weights & Biases, which the core does without. "
            'Run `pip install "alpha-factory[wandb]"`.'
        )
    project = wandb[0] if wandb else None

    def open_boards(
        run: Path, settings: dict[str, Any], say: Callable[[str], None]
    ) -> "Sequence[WandbBoard]":
        from alpha_factory.service.wandb.board import WandbBoard

        return [stack.enter_context(WandbBoard(run, settings, project=project, say=say))]

    return open_boards
