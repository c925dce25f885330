"""What is measured: the shapes of every benchmark."""

from dataclasses import dataclass, field

from alpha_factory.runs.settings.config import RunConfig
from alpha_factory.runs.tasks.catalogue import TASKS


@dataclass(frozen=True)
class Sizes:
    """Shapes of the benchmarks. A number measured at other ones can't be compared."""

    worlds: int = 1024
    """Worlds stepped side by side (worlds)."""
    steps: int = 128
    """Steps of each world in a rollout; a measurement is one rollout, or more of mazes (worlds)."""
    rollouts: int = 128
    """Rollouts of mazes in a measurement, one after the other: a single one takes a millisecond (worlds)."""
    peer_rollouts: int = 4
    """The same of a peer's (worlds)."""
    pixel_worlds: int = 256
    """Worlds drawn side by side (worlds)."""
    pixel_steps: int = 32
    """Frames of each in a measurement (worlds)."""
    batches: tuple[int, ...] = (64, 256)
    """Positions searched side by side (search)."""
    simulations: int = 50
    """Expansions of the tree for each position (search)."""
    positions: int = 1024
    """Positions searched in a measurement, one batch after the other (search)."""
    updates: int = 16
    """Gradient steps in a measurement (learn)."""
    config: RunConfig = field(default_factory=RunConfig)
    """Network, learning and stretch of training: the demo's, unless others are asked for (learn, loop, rounds)."""
    cartpole: RunConfig = field(default_factory=lambda: TASKS["cartpole"].config)
    """Those of the task (cartpole)."""
    iterations: int = 8
    """Rounds of acting and updating in a measurement (cartpole)."""
    peer_steps: int = 64
    """Env steps of a peer's in a measurement, and on to the end of the episode (cartpole)."""
    peer_updates: int = 50
    """A peer's after each episode: muax's own (cartpole)."""
    peer_batch: int = 32
    """Sequences in each of them: those of the script in muax's README (cartpole)."""
