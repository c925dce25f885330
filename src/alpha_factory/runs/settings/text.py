"""Settings as text: the JSON of a config, and `section.name=value` as people write it."""

import contextlib
import dataclasses
import json
import math
import typing
from collections.abc import Sequence
from typing import Any

from alpha_factory.core.errors import UsageError, unknown
from alpha_factory.runs.settings.config import RunConfig

_NOT_CHANGED = ("preset", "seed")  # what the config was taken from, and what has a flag of its own


def change(config: RunConfig, changes: Sequence[str]) -> RunConfig:
    """The config with settings given as `section.name=value`, the value as in JSON or a bare word.

    Raises:
        UsageError: one is not of that form, names no setting or has no such value.
    """
    kinds = list_settings(config)
    for text in changes:
        name, equals, written = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text!r} is no NAME=VALUE, such as learning.batch=512.")
        if name not in kinds:
            raise unknown("setting", name, kinds)
        try:
            value = json.loads(written)
        except json.JSONDecodeError:
            value = None if written == "None" else written
        try:
            value = _read(value, kinds[name])
        except TypeError:
            raise UsageError(
                f"--set {name} must be {_tell(kinds[name])}; got {written!r}."
            ) from None
        if not all(map(math.isfinite, _numbers(value))):
            raise UsageError(f"--set {name}={written}: a number must be finite.")
        if any(type(one) is int and one < 1 for one in _numbers(value)):
            raise UsageError(f"--set {name}={written}: a size must be 1 or more.")
        section, _, leaf = name.rpartition(".")
        changed: dict[str, Any] = {leaf: value}
        if section:
            changed = {section: dataclasses.replace(getattr(config, section), **changed)}
        config = dataclasses.replace(config, **changed)
    return config


def list_settings(config: RunConfig) -> dict[str, Any]:
    """The type of every setting by its name, such as `learning.batch`."""
    kinds: dict[str, Any] = {}
    for setting in dataclasses.fields(config):
        section = getattr(config, setting.name)
        if dataclasses.is_dataclass(section):
            for inner in dataclasses.fields(section):
                kinds[f"{setting.name}.{inner.name}"] = inner.type
        elif setting.name not in _NOT_CHANGED:
            kinds[setting.name] = setting.type
    return kinds


def _numbers(value: Any) -> list[int | float]:
    inner = value if isinstance(value, tuple) else [value]
    return [one for one in inner if isinstance(one, int | float) and not isinstance(one, bool)]


def to_json(config: RunConfig) -> dict[str, Any]:
    """The content of `config.json`."""
    return dataclasses.asdict(config)


def from_json(data: dict[str, Any]) -> RunConfig:
    """Inverse of `to_json`.

    Raises:
        UsageError: a setting is unknown or missing, as in a file of another version.
    """
    return _read_section(RunConfig, data, "")


def _read_section(kind: Any, data: Any, prefix: str) -> Any:
    if not isinstance(data, dict):
        where = f"Section {prefix.rstrip('.')} of config.json" if prefix else "config.json"
        raise UsageError(f"{where} must be a JSON object. Restore the file, or start a new run.")
    names = {setting.name: setting for setting in dataclasses.fields(kind)}
    for name in sorted(names.keys() ^ data.keys()):
        state = "is missing" if name in names else "is unknown"
        raise UsageError(
            f"Setting {prefix}{name} {state} in config.json: it was written by another version. "
            "Resume with that version, or start a new run."
        )
    values = {}
    for name, setting in names.items():
        if dataclasses.is_dataclass(setting.type):
            values[name] = _read_section(setting.type, data[name], f"{prefix}{name}.")
            continue
        try:
            values[name] = _read(data[name], setting.type)
        except TypeError:
            raise UsageError(
                f"Setting {prefix}{name} in config.json must be {_tell(setting.type)}; "
                f"got {data[name]!r}. Restore the file, or start a new run."
            ) from None
    return kind(**values)


def _read(value: object, kind: Any) -> Any:
    """A JSON value as a setting of this type: no bool is a number, an int becomes a float where one is wanted.

    Raises:
        TypeError: it can't be one.
    """
    if typing.get_origin(kind) is tuple:
        items = typing.get_args(kind)
        if isinstance(value, list | tuple):
            if items[-1] is Ellipsis:
                items = items[:1] * len(value)
            if len(items) == len(value):
                return tuple(map(_read, value, items))
    elif choices := typing.get_args(kind):
        for choice in choices:
            with contextlib.suppress(TypeError):
                return _read(value, choice)
    elif kind is float and type(value) is int:
        return float(value)
    elif type(value) is kind:
        return value
    raise TypeError(f"{value!r} is no {_tell(kind)}")


def _tell(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)
