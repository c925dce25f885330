"""One interface for memories whose state can be cleared in the middle of a sequence.

A memory has three methods; `lanes` are sequences side by side, each with a state of its own:

- `start(lanes) -> carry`: the state that remembers nothing; lanes come first in every leaf.
- `memory(inputs, is_reset, carry) -> (outputs, carry)`: inputs of axes `time lanes features` to
  outputs of axes `time lanes width`, all steps at once. That is for learning.
- `memory.step(inputs, is_reset, carry) -> (outputs, carry)`: one step, without the axis `time`.
  That is for acting.

`is_reset` (`time lanes`) at a step clears the state *before* the input of that step, so that nothing
of an episode is left when the next one begins. Both ways give the same numbers.
"""

from jaxtyping import PRNGKeyArray

from alpha_factory.core.errors import unknown
from alpha_factory.nets.memory.gru import Gru
from alpha_factory.nets.memory.lstm import Lstm
from alpha_factory.nets.memory.s5 import S5

Memory = Lstm | Gru | S5
"""Any of them."""

MEMORIES = ("lstm", "gru", "s5")


def make_memory(kind: str, features: int, width: int, *, layers: int, key: PRNGKeyArray) -> Memory:
    """Draw the weights of a memory.

    Args:
        kind: "lstm", "gru" or "s5".
        width: features that come out; of S5 also the size of a layer's state.
        layers: of S5; the others have one.

    Raises:
        UsageError: there is no such memory, or S5 can't have that width.
    """
    match kind:
        case "lstm":
            return Lstm(features, width, key=key)
        case "gru":
            return Gru(features, width, key=key)
        case "s5":
            return S5(features, width, layers=layers, key=key)
    raise unknown("memory", kind, MEMORIES)
