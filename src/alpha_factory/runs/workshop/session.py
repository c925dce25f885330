"""An episode that a person or a key log plays, step by step on the host."""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import UsageError
from alpha_factory.genome import SLOTS
from alpha_factory.worlds import GridLevel, make_grid
from alpha_factory.worlds.grid.force import find_force
from alpha_factory.worlds.grid.state import GridState
from alpha_factory.worlds.levels import tiles

KEYS = {"turn": "LRF", "compass": "RDLU"}
"""Letters of a key log by control scheme, in the order of the actions."""

_COMMENT = "#"
_CAUGHT = "was caught by an opponent"
_ENDS = {
    tiles.DECOY: "took the decoy",
    tiles.LAVA: "fell into lava",
    tiles.TRAP: "sprang a trap",
}


class Moment(NamedTuple):
    """Where a played episode stands; all on the host."""

    state: GridState
    keys: str  # pressed so far
    reward: float  # of the last step
    total: float
    is_solved: bool

    @property
    def is_over(self) -> bool:
        """Whether the episode has ended."""
        return bool(self.state.is_terminated) or bool(self.state.is_truncated)

    def tell_end(self, level: GridLevel) -> str:
        """How the episode ended or stands, in a few words."""
        return tell_end(level, self.state, steps=len(self.keys), is_solved=self.is_solved)


class Session:
    """Plays one level; the same seed and keys give the same episode."""

    def __init__(self, level: GridLevel, *, controls: str, seed: int) -> None:
        self.level, self.controls = level, controls
        self._reset, self._step = _compile(controls)
        self._key = jax.random.key(seed)

    def start(self) -> Moment:
        """The first moment of an episode."""
        state = jax.device_get(self._reset(self.level, key=self._key))
        return Moment(state, "", 0.0, 0.0, is_solved=False)

    def press(self, moment: Moment, key: str) -> Moment:
        """The moment after a key of `KEYS`; the same one if the episode is over."""
        if moment.is_over:
            return moment
        action = np.int32(KEYS[self.controls].index(key))
        key_step = jax.random.fold_in(self._key, len(moment.keys))
        state, outcome = jax.device_get(self._step(self.level, moment.state, action, key=key_step))
        reward = float(outcome.reward)
        return Moment(
            state, moment.keys + key, reward, moment.total + reward, bool(outcome.is_solved)
        )

    def play(self, keys: str) -> list[Moment]:
        """All moments of an episode, up to its end or that of the keys; the start is the first."""
        moments = [self.start()]
        for key in keys:
            if moments[-1].is_over:
                break
            moments.append(self.press(moments[-1], key))
        return moments


def read_keys(given: str, controls: str) -> str:
    """The keys of a log, given as letters or as the name of its file.

    White space counts for nothing, nor do lines that begin with `#`.

    Raises:
        UsageError: naming the line and column of the first letter that is no key, or the file can't be read.
    """
    path = Path(given)
    try:
        is_file = path.is_file()
        text = path.read_text(encoding="utf-8") if is_file else given
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Cannot read the keys in {given[:80]!r}: {error}.") from error
    keys = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(_COMMENT):
            continue
        for column, letter in enumerate(line, start=1):
            if letter.isspace():
                continue
            if letter.upper() not in KEYS[controls]:
                where = (
                    f"line {number}, column {column} of {given!r}"
                    if is_file
                    else f"column {column}"
                )
                raise UsageError(
                    f"{letter!r} in {where} is no key: {_tell_keys(controls)}. "
                    "Give letters, or the name of a file that holds them."
                )
            keys.append(letter.upper())
    return "".join(keys)


def print_keys(moment: Moment, command: str) -> str:
    """The text of a log: the command that plays it again as a comment, and the keys."""
    return f"{_COMMENT} {command}\n{moment.keys}\n"


def tell_end(level: GridLevel, state: GridState, *, steps: int, is_solved: bool) -> str:
    """How an episode ended or stands, in a few words."""
    taken = f"{steps} {'step' if steps == 1 else 'steps'}"
    if is_solved:
        hidden = " (a honeypot: the goal pays in evaluation only)"
        return f"solved in {taken}{hidden if bool(level.reward.is_hidden) else ''}"
    if bool(state.is_truncated):
        return f"out of time after {taken}"
    if not bool(state.is_terminated):
        return f"not over after {taken}"
    position = np.asarray(state.position)
    places = np.asarray(state.opponent)[np.asarray(level.opponent) != tiles.NOBODY]
    is_met = (places == position).all(axis=1).any()
    under = int(np.asarray(state.tile)[tuple(position)])
    return f"{_CAUGHT if is_met else _ENDS.get(under, _CAUGHT)} after {taken}"


def describe_moment(session: Session, moment: Moment) -> dict[str, Any]:
    """What came of an episode, as plain data."""
    return {
        "outcome": moment.tell_end(session.level),
        "solved": moment.is_solved,
        "terminated": bool(moment.state.is_terminated),
        "truncated": bool(moment.state.is_truncated),
        "steps": len(moment.keys),
        "return": moment.total,
        "keys": moment.keys,
        "rules_in_force": find_rules_in_force(session.level, moment.state),
    }


def find_rules_in_force(level: GridLevel, state: GridState) -> list[int]:
    """The slots whose rule the next step will meet."""
    return [slot for slot, holds in enumerate(np.asarray(_in_force(level, state))) if holds]


@jax.jit
def _in_force(level: GridLevel, state: GridState) -> jax.Array:
    """Whether the rule of each slot is in force: the effects of a level that has this rule alone."""

    def has_effect(slot: jax.Array) -> jax.Array:
        effect = jnp.where(jnp.arange(SLOTS) == slot, level.rules.effect, 0)
        alone = eqx.tree_at(lambda tree: tree.rules.effect, level, effect)
        words = find_force(alone, state).words
        # Bit 0 stands for no effect.
        return (words[0] > 1) | (words[1] > 0)

    return jax.vmap(has_effect)(jnp.arange(SLOTS))


@functools.cache
def _compile(controls: str) -> tuple[Any, Any]:
    world = make_grid(controls=controls)
    return jax.jit(world.reset), jax.jit(world.step)


def _tell_keys(controls: str) -> str:
    names = {
        "turn": ("left", "right", "forward"),
        "compass": tiles.HEADINGS,
    }[controls]
    return ", ".join(f"{letter} {name}" for letter, name in zip(KEYS[controls], names, strict=True))
