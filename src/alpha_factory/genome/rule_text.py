"""Rules as text: `every 7 steps: left and right swap` to a `Rule` and back, on the host."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from alpha_factory.core.errors import InvalidLevel, InvalidRule
from alpha_factory.genome.rules import (
    DIRECTIONS,
    EFFECTS,
    HALVES,
    LARGEST_NUMBER,
    TILES,
    TRIGGERS,
    Phrase,
    Rule,
)

_NUMBER = "{n}"
_NUMERAL = re.compile("[1-9][0-9]{0,2}")  # up to LARGEST_NUMBER
_NAMES: Mapping[str, Mapping[str, int]] = {
    "{tile}": TILES,
    "{half}": {name: code for code, name in enumerate(HALVES)},
    "{direction}": {name: code for code, name in enumerate(DIRECTIONS)},
}


def parse_rule(text: str) -> Rule:
    """The rule that a text such as `from step 40: darkness falls` says.

    Words are in lower case, with any white space between and around them.

    Raises:
        InvalidRule: with the column of the first word that no rule has there, and what could stand
            there instead.
    """
    words = [_Word(match.group(), match.start() + 1) for match in re.finditer(r":|[^\s:]+", text)]
    trigger, rest = _read(words, TRIGGERS, ":", text)
    effect, _ = _read(rest, EFFECTS, "", text)
    return Rule(
        trigger.code, trigger.number, trigger.named, effect.code, effect.number or effect.named
    )


def print_rule(rule: Rule) -> str:
    """The text of a rule; `parse_rule` gives the rule back.

    Raises:
        InvalidLevel: for codes or numbers that no text stands for, an empty slot's among them.
    """
    trigger = _fill("trigger", TRIGGERS, rule.trigger, rule.number, rule.where)
    effect = _fill("effect", EFFECTS, rule.effect, rule.amount, rule.amount)
    text = f"{trigger}: {effect}"
    if (stands_for := parse_rule(text)) != rule:
        field = next(
            name for name in Rule._fields if getattr(stands_for, name) != getattr(rule, name)
        )
        raise InvalidLevel(f"rules.{field}", f"0 in {text!r}", getattr(rule, field))
    return text


class _Word(NamedTuple):
    text: str
    column: int  # from 1


class _Reading(NamedTuple):
    """One thing that a phrase can say: its words, `{n}` for any number, and what they stand for."""

    words: tuple[str, ...]
    code: int
    named: int  # code of the tile, half or direction in it
    number: int = 0  # in place of `{n}`, once read


def _readings(phrases: tuple[Phrase, ...]) -> Iterator[_Reading]:
    for code, (phrase, _) in enumerate(phrases):
        slot = next((slot for slot in _NAMES if slot in phrase), None)
        if slot:
            for name, named in _NAMES[slot].items():
                yield _Reading(tuple(phrase.replace(slot, name).split()), code, named)
        elif phrase:
            yield _Reading(tuple(phrase.split()), code, 0)


def _read(
    words: list[_Word], phrases: tuple[Phrase, ...], end: str, text: str
) -> tuple[_Reading, list[_Word]]:
    """The reading of one of the phrases that stands first in `words`, and the words after `end`.

    `end` is the word after the phrase, or "" where the text has to end.
    """
    alive = [reading._replace(words=(*reading.words, end)) for reading in _readings(phrases)]
    ending = _Word("", len(text) + 1)
    for place, word in enumerate([*words, ending]):
        fits = [_fit(reading, place, word.text) for reading in alive]
        fitting = [reading for reading in fits if reading is not None]
        if not fitting:
            expected = _listed(reading.words[place] for reading in alive)
            raise InvalidRule(word.column, expected, word.text, text)
        alive = fitting
        if word.text == end:
            return alive[0], words[place + 1 :]
    raise AssertionError("no phrase holds the empty word, so the ending ends or fits nothing")


def _fit(reading: _Reading, place: int, word: str) -> _Reading | None:
    """The reading if its word in this place is this one, with the number if it is one."""
    if reading.words[place] == _NUMBER:
        return reading._replace(number=int(word)) if _NUMERAL.fullmatch(word) else None
    return reading if reading.words[place] == word else None


def _listed(words: Iterable[str]) -> str:
    """What could stand in a place, for a person."""
    names = {
        "": "the end",
        ":": "a colon",
        _NUMBER: f"a number from 1 to {LARGEST_NUMBER}",
    }
    shown = [names.get(word, f'"{word}"') for word in dict.fromkeys(words)]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _fill(field: str, phrases: tuple[Phrase, ...], code: int, number: int, named: int) -> str:
    """The phrase of a code with its number or name in place."""
    if not 1 <= code < len(phrases):
        raise InvalidLevel(f"rules.{field}", f"a code from 1 to {len(phrases) - 1}", code)
    phrase = phrases[code].text
    if _NUMBER in phrase and not 1 <= number <= LARGEST_NUMBER:
        raise InvalidLevel(f"rules.{_PLACES[field][0]}", f"from 1 to {LARGEST_NUMBER}", number)
    for slot, codes in _NAMES.items():
        if slot in phrase:
            names = {code: name for name, code in codes.items()}
            if named not in names:
                known = ", ".join(map(str, names))
                raise InvalidLevel(f"rules.{_PLACES[field][1]}", f"one of {known}", named)
            phrase = phrase.replace(slot, names[named])
    return phrase.replace(_NUMBER, str(number))


_PLACES = {"trigger": ("number", "where"), "effect": ("amount", "amount")}
"""The fields of `Rule` that hold the number and the name in a phrase."""
