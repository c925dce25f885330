"""The screen of `alpha-factory worlds play`: curses draws a moment, keys make the next.

Nothing but ASCII is written, so that every terminal shows it.
"""

import contextlib
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from alpha_factory.core.errors import UsageError
from alpha_factory.genome import Rule, print_rule
from alpha_factory.runs.workshop.session import Moment, Session, find_rules_in_force
from alpha_factory.worlds.grid.view import (
    AGENT_SHOWN,
    CHASER_SHOWN,
    HIDDEN,
    OPEN_GATE_SHOWN,
    PATROL_SHOWN,
)
from alpha_factory.worlds.levels import tiles
from alpha_factory.worlds.scene import NAMES, SYMBOLS, show_scene

_NARROWEST = 40  # columns that the text below the map needs
_LETTERS = {"up": "kw", "down": "js", "left": "ha", "right": "ld"}
_KEY_OF = {
    "turn": {"up": "F", "left": "L", "right": "R"},
    "compass": {"up": "U", "down": "D", "left": "L", "right": "R"},
}
_AGAIN, _QUIT = "r", "q"
_YELLOW = (tiles.KEY, tiles.DOOR, tiles.OPEN_DOOR, tiles.COIN, tiles.BOX)
_RED = (tiles.TRAP, tiles.LAVA, PATROL_SHOWN, CHASER_SHOWN)
_GREEN = (tiles.GOAL, tiles.DECOY)
_BLUE = (tiles.WALL,)
_MAGENTA = (tiles.TELEPORT, tiles.BUTTON, tiles.GATE, OPEN_GATE_SHOWN)
_COLOURS = ("yellow", "red", "green", "blue", "magenta", "cyan")


class Row(NamedTuple):
    """A line of the screen: pieces of text, each with its colour, "" for none and "bold" for what stands out."""

    pieces: Sequence[tuple[str, str]]


def play_in_terminal(
    session: Session,
    title: str,
    *,
    is_known_only: bool,
    shown: Callable[[Moment], object] = lambda moment: None,
) -> Moment:
    """Play until q is pressed; the last moment of the last episode.

    Args:
        shown: told of every moment before it is drawn, so that an interruption loses none.

    Raises:
        UsageError: the terminal can't be drawn on, or is too small for the world.
    """
    try:
        import curses
    except ImportError as error:
        raise UsageError(
            "This Python has no curses, which playing in a terminal needs. Give --keys instead."
        ) from error
    moment = session.start()
    # The first step compiles, which would look like a terminal that hangs.
    first = session.press(moment, _KEY_OF[session.controls]["up"])
    lay_out(session, first, title, is_known_only=is_known_only, columns=_NARROWEST)
    try:
        return curses.wrapper(_Screen(session, title, is_known_only, shown).play)
    except curses.error as error:
        raise UsageError(
            f"This terminal can't be drawn on ({error}). Give --keys to play without one."
        ) from error


def lay_out(
    session: Session, moment: Moment, title: str, *, is_known_only: bool, columns: int
) -> list[Row]:
    """The rows of the screen: the map, where the episode stands, the rules, a legend, and the keys."""
    level = session.level
    shown = show_scene(level, moment.state, is_known_only=is_known_only)
    gap = " " if 2 * shown.shape[1] <= columns else ""
    rows = [Row([(SYMBOLS[code] + gap, _colour(code)) for code in line]) for line in shown.tolist()]
    left = int(level.step_limit) - int(moment.state.time)
    status = f"time left {left}  reward {moment.reward:+.3f}  score {moment.total:.3f}"
    held = "  key held" if bool(moment.state.has_key) else ""
    end = moment.tell_end(level) if moment.is_over else ""
    rows += [Row([(_plain(title), "bold")]), Row([(status + held, "")]), Row([(end, "bold")])]
    rows += _wrap_rules(session, moment, columns)
    present = [code for code in np.unique(shown).tolist() if code < AGENT_SHOWN and code != HIDDEN]
    legend = "  ".join(f"{SYMBOLS[code]} {NAMES[code]}" for code in present)
    rows += [Row([(line, "")]) for line in textwrap.wrap(legend, columns)]
    moves = "up forward, left and right turn" if session.controls == "turn" else "arrows move"
    keys = f"{moves} (or hjkl, wasd)  {_AGAIN} again  {_QUIT} quit"
    return rows + [Row([(line, "")]) for line in textwrap.wrap(keys, columns)]


class _Screen:
    """What is on the terminal, and the loop over keys."""

    def __init__(
        self,
        session: Session,
        title: str,
        is_known_only: bool,
        shown: Callable[[Moment], object],
    ) -> None:
        self._session, self._title, self._is_known_only = session, title, is_known_only
        self._shown = shown
        self._colours: dict[str, int] = {}

    def play(self, window: Any) -> Moment:
        """Show a moment, wait for a key, go on."""
        import curses

        self._start_colours()
        moment = self._session.start()
        self._draw(window, moment, is_first=True)
        directions = self._directions()
        while True:
            key = window.getch()
            letter = chr(key).lower() if 0 <= key < 128 else ""
            if letter == _QUIT or key < 0:
                return moment
            if letter == _AGAIN:
                moment = self._session.start()
            elif (pressed := directions.get(letter or key)) is not None:
                moment = self._session.press(moment, pressed)
            elif key != curses.KEY_RESIZE:
                continue
            self._draw(window, moment)

    def _directions(self) -> dict[str | int, str]:
        """The key of `session.KEYS` for each key of the keyboard."""
        import curses

        arrows = {
            "up": curses.KEY_UP,
            "down": curses.KEY_DOWN,
            "left": curses.KEY_LEFT,
            "right": curses.KEY_RIGHT,
        }
        pairs: dict[str | int, str] = {}
        for way, pressed in _KEY_OF[self._session.controls].items():
            pairs |= dict.fromkeys([arrows[way], *_LETTERS[way]], pressed)
        return pairs

    def _start_colours(self) -> None:
        import curses

        self._colours = {"": curses.A_NORMAL, "bold": curses.A_BOLD}
        self._colours |= dict.fromkeys(_COLOURS, curses.A_NORMAL)
        with contextlib.suppress(curses.error):  # a terminal that can't hide its cursor shows it
            curses.curs_set(0)
        if curses.has_colors():
            curses.use_default_colors()
            for number, name in enumerate(_COLOURS, start=1):
                curses.init_pair(number, getattr(curses, f"COLOR_{name.upper()}"), -1)
                self._colours[name] = curses.color_pair(number)

    def _draw(self, window: Any, moment: Moment, *, is_first: bool = False) -> None:
        self._shown(moment)
        height, width = window.getmaxyx()
        rows = lay_out(
            self._session,
            moment,
            self._title,
            is_known_only=self._is_known_only,
            columns=max(width - 1, _NARROWEST),
        )
        cells = sum(len(text) for text, _ in rows[0].pieces)
        needed = len(rows), max(cells, _NARROWEST) + 1
        window.erase()
        if height < needed[0] or width < needed[1]:
            small = (
                f"The terminal has {height} rows and {width} columns, and this world needs "
                f"{needed[0]} and {needed[1]}."
            )
            if is_first:
                raise UsageError(f"{small} Make it larger, or give --keys to play without one.")
            window.addnstr(0, 0, small, width - 1)
            window.refresh()
            return
        for at, row in enumerate(rows):
            column = 0
            for text, colour in row.pieces:
                fitting = text[: width - 1 - column]
                window.addstr(at, column, fitting, self._colours[colour])
                column += len(fitting)
        window.refresh()


def _wrap_rules(session: Session, moment: Moment, columns: int) -> list[Row]:
    """A line for each rule of the level, those in force now marked and bold."""
    parts = session.level.rules
    codes = (parts.trigger, parts.number, parts.where, parts.effect, parts.amount)
    slots = zip(*(np.asarray(part).tolist() for part in codes), strict=True)
    in_force = find_rules_in_force(session.level, moment.state)
    rows = []
    for slot, numbers in enumerate(slots):
        rule = Rule(*numbers)
        if rule.trigger and rule.effect:
            holds = slot in in_force
            lines = textwrap.wrap(f"{'*' if holds else ' '} {print_rule(rule)}", columns)
            rows += [Row([(line, "bold" if holds else "")]) for line in lines]
    return rows


def _colour(code: int) -> str:
    if code >= AGENT_SHOWN:
        return "bold"
    groups = (_YELLOW, _RED, _GREEN, _BLUE, _MAGENTA)
    for name, group in zip(_COLOURS[:-1], groups, strict=True):
        if code in group:
            return name
    return "" if code in (tiles.FLOOR, HIDDEN) else "cyan"


def _plain(text: str) -> str:
    return text.encode("ascii", "replace").decode()
