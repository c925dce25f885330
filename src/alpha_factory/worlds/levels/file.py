"""A level as a text file: lines `name = value` for what a map can't show, then the map.

    step_limit = 60
    gravity = 2 0
    rule = in turns of 7 steps: left and right swap

    >.K#
    ..DG

The names are those of `worlds.levels.settings.Settings`; `rule` comes up to four times. Blank lines
before the map count for nothing, those after it neither, nor does a byte-order mark. Host code.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from alpha_factory.core.errors import InvalidLevel, InvalidRule
from alpha_factory.genome import SLOTS, parse_rule
from alpha_factory.worlds.levels.level import GridLevel
from alpha_factory.worlds.levels.settings import Settings, to_settings
from alpha_factory.worlds.levels.text import LARGEST_SIDE, from_text, split_map, to_text
from alpha_factory.worlds.levels.walls import SIDE

_RULE = "rule"
_TRUTHS = {"yes": True, "no": False}
_DEFAULTS = {one.name: getattr(Settings(), one.name) for one in fields(Settings)}
_NAMES = (*(name for name in _DEFAULTS if name != "rules"), _RULE)
_LINE_NUMBER = re.compile(r"\bline (\d+)")
_BYTE_ORDER_MARK = "\ufeff"
_SETTING = re.compile(r"\s*\w[\w\s-]*=")
"""How a line with a setting begins. Known or not, its name is of words; a map's row seldom is."""
_COUNTED = ("agent", "goal", "teleporters", "opponents")  # whose wrong values name lines


class _Value(NamedTuple):
    """The text of a setting's value and where it stands, both counted from 1."""

    text: str
    line: int
    column: int

    @property
    def place(self) -> str:
        return f"line {self.line}, column {self.column}"


def parse_level(text: str) -> GridLevel:
    """The level that a file says, in arrays of `SIDE` cells a side, or more where the map needs them.

    Raises:
        InvalidLevel: naming the line and the column, both counted from 1, the rule and the value.
    """
    lines = text.removeprefix(_BYTE_ORDER_MARK).splitlines()
    top = next(
        (at for at, line in enumerate(lines) if line.strip() and not _SETTING.match(line)),
        len(lines),
    )
    values, rules = _read_head(lines[:top])
    settings: dict[str, Any] = {name: _read_value(name, value) for name, value in values.items()}
    drawing = "\n".join(lines[top:])
    side = _fitting_side(split_map(drawing))
    try:
        return from_text(drawing, side=side, rules=tuple(rule.text for rule in rules), **settings)
    except InvalidLevel as error:
        if error.field in values:
            value = values[error.field]
            raise InvalidLevel(f"{error.field} ({value.place})", error.rule, value.text) from error
        raise _move_lines(error, top) from error


def print_level(level: GridLevel) -> str:
    """The text of a level's file, which ends in a line break.

    `parse_level` makes a level of it that plays alike, and whose text is the same. Its numbers are the
    same to the last bit but for the goal's pay, which is what dense reward, coins and hints leave of 1 and
    may be rounded otherwise, by less than 1e-6. Opponents and teleporters come in the order of the map,
    rules fill the first slots in their own order, and what is nobody's or nothing's is 0 or 1.

    What a file can't say is lost, though no genome says it: opponents stand on floor, a patrol's first
    heading is right or down, all patrols have the pace of the last and all chasers too, and dense reward
    goes by the way or, where the distances are any others, by the crow.

    Raises:
        InvalidLevel: the agent stands on something else than floor, which a map has no symbol for.
    """
    settings = to_settings(level)
    rules = settings.pop("rules", [])
    head = [f"{name} = {_print_value(value)}" for name, value in settings.items()]
    head += [f"{_RULE} = {rule}" for rule in rules]
    return "\n".join([*head, *([""] if head else []), to_text(level), ""])


def _read_head(lines: Sequence[str]) -> tuple[dict[str, _Value], list[_Value]]:
    """The settings but the rules by name, and the rules, which are checked."""
    values: dict[str, _Value] = {}
    rules: list[_Value] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        before, _, after = line.partition("=")
        name, start = before.strip(), len(before) - len(before.lstrip()) + 1
        value = _Value(after.strip(), number, len(before) + 2 + len(after) - len(after.lstrip()))
        where = f"line {number}, column {start}"
        if name not in _NAMES:
            close = difflib.get_close_matches(name, _NAMES, n=1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise InvalidLevel(where, f"one of the settings {', '.join(_NAMES)}{hint}", name)
        if name in values:
            raise InvalidLevel(
                where, f"a setting not given before in line {values[name].line}", name
            )
        if name == _RULE:
            if len(rules) == SLOTS:
                raise InvalidLevel(where, f"the map, since a level has at most {SLOTS} rules", name)
            _check_rule(value)
            rules.append(value)
        else:
            values[name] = value
    return values, rules


def _check_rule(value: _Value) -> None:
    try:
        parse_rule(value.text)
    except InvalidRule as error:
        place = f"line {value.line}, column {value.column + error.column - 1}"
        raise InvalidLevel(place, error.expected, error.got or "the end of the line") from error


def _read_value(name: str, value: _Value) -> Any:
    """A setting's value as `from_text` takes it, which sees to its bounds."""
    default = _DEFAULTS[name]
    try:
        if isinstance(default, bool):
            return _TRUTHS[value.text]
        if isinstance(default, tuple):
            rows, columns = (int(word) for word in value.text.split())
            return rows, columns
        return type(default)(value.text)
    except (KeyError, ValueError) as error:
        kinds = {
            bool: "yes or no",
            int: "a whole number",
            float: "a number",
            tuple: "two whole numbers, for rows and columns",
        }
        raise InvalidLevel(f"{name} ({value.place})", kinds[type(default)], value.text) from error


def _print_value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _fitting_side(lines: Sequence[str]) -> int:
    width = max(map(len, lines), default=0)
    if max(len(lines), width) > LARGEST_SIDE:
        raise InvalidLevel(
            "map",
            f"at most {LARGEST_SIDE} x {LARGEST_SIDE} cells (rows x columns)",
            f"{len(lines)} x {width}",
        )
    return max(SIDE, len(lines), width)


def _move_lines(error: InvalidLevel, top: int) -> InvalidLevel:
    """The same error with lines of the map counted from the top of the file."""

    def moved(text: str) -> str:
        return _LINE_NUMBER.sub(lambda match: f"line {int(match[1]) + top}", text)

    is_counted = error.field in _COUNTED and isinstance(error.value, str)
    value = moved(str(error.value)) if is_counted else error.value
    return InvalidLevel(moved(error.field), moved(error.rule), value)
