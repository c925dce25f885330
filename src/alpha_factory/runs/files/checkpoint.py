"""Checkpoints: a pytree in, one verified file out, and back to the same bits.

A checkpoint is a safetensors file, which many tools open without this package. Its metadata holds what that format
has no word for: the step, the extra values, each leaf's kind, and a SHA-256 of the whole file. Nothing is pickled.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alpha_factory.core.errors import CorruptCheckpoint, RunConflict
from alpha_factory.runs.files.durable import (
    explain_disk_full,
    list_checkpoints,
    name_checkpoint,
    write_whole,
)

_FORMAT = "1"
_NO_DIGEST = b"0" * 64  # stands where the digest goes while the digest is computed
_SAFETENSORS = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "uint16": "U16",
    "int16": "I16",
    "uint32": "U32",
    "int32": "I32",
    "uint64": "U64",
    "int64": "I64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
}


class Restored(NamedTuple):
    """A checkpoint read back."""

    step: int
    tree: Any
    extra: dict[str, Any]
    skipped: list[str]  # newer checkpoints that could not be used, each with the reason


class _Unreadable(Exception):
    """The file is not a whole checkpoint; the message says in what."""


def save(directory: Path, step: int, tree: Any, extra: dict[str, Any], keep: int = 3) -> Path:
    """Write the checkpoint of `step`, whole or not at all, and drop the oldest beyond `keep`.

    Checkpoints of later steps are dropped too: they are what a run left that was resumed from before them.

    Args:
        tree: leaves are arrays, PRNG keys, Python numbers, or functions (which are not saved: `load_latest` takes
            those of `like`).
        extra: anything that JSON holds. It comes back as JSON does: tuples as lists.

    Returns:
        The new file.

    Raises:
        DiskFull: no space was left. The checkpoints before it are untouched.
        TypeError: a leaf is something else; the message names its path.
    """
    if keep < 1:
        raise ValueError(f"keep={keep} would drop the checkpoint just written. Use keep >= 1.")
    leaves = [(_name(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)]
    forms = [_describe(name, leaf) for name, leaf in leaves]
    arrays = _to_host(
        {n: leaf for (n, leaf), form in zip(leaves, forms, strict=True) if "dtype" in form}
    )
    header = _encode_header(step, extra, forms, arrays)
    size, data = len(header).to_bytes(8, "little"), list(map(_to_bytes, arrays.values()))
    digest = _digest(size, header, *data)
    header = header.replace(_NO_DIGEST, digest.encode(), 1)

    path = directory / name_checkpoint(step)
    with explain_disk_full(path, directory):
        directory.mkdir(parents=True, exist_ok=True)
        write_whole(path, [size, header, *data])
    saved = list_checkpoints(directory)
    kept = [other for other in saved if other <= step][:keep]
    for other in saved.keys() - set(kept):
        saved[other].unlink()
    for leftover in directory.glob(".checkpoint-*.tmp"):  # of a process that was killed
        leftover.unlink()
    return path


def load_latest(directory: Path, like: Any) -> Restored | None:
    """Read the newest whole checkpoint; None when there is no checkpoint at all.

    Leaves come back as they were saved: JAX arrays (weak types and PRNG keys included), NumPy arrays, Python numbers.

    Args:
        like: a tree of the structure that was saved. Of its leaves only shapes and dtypes matter, so
            `jax.eval_shape` gives one without computing anything.

    Raises:
        CorruptCheckpoint: there are checkpoints and none is whole; the message names each with what is wrong.
        RunConflict: the checkpoint is whole and holds another tree than `like`.
    """
    skipped: list[str] = []
    saved = list_checkpoints(directory)
    for path in saved.values():
        try:
            return _load(path, like)._replace(skipped=skipped)
        except _Unreadable as why:
            skipped.append(f"{path.name}: {why}")
    if skipped:
        newest = next(iter(saved.values()))
        raise CorruptCheckpoint(
            newest, f"no checkpoint in {directory} is whole: {'; '.join(skipped)}"
        )
    return None


def load(path: Path, like: Any) -> Restored:
    """Read one checkpoint; arguments and errors are those of `load_latest`."""
    try:
        return _load(path, like)
    except _Unreadable as why:
        raise CorruptCheckpoint(path, str(why)) from why


def _load(path: Path, like: Any) -> Restored:
    meta, payload = _read(path)
    if meta["format"] != _FORMAT:
        raise RunConflict(
            f"{path} has checkpoint format {meta['format']}; this version of alpha-factory reads "
            f"format {_FORMAT}. Resume with the version that wrote it."
        )
    tree = _rebuild(path, json.loads(meta["leaves"]), payload, like)
    return Restored(int(meta["step"]), tree, json.loads(meta["extra"]), [])


def _describe(name: str, leaf: Any) -> dict[str, Any]:
    """What must be known to restore a leaf, besides its bytes."""
    if type(leaf) in (bool, int, float):
        return {"name": name, "kind": "python", "value": leaf}
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        impl, bits = str(jax.random.key_impl(leaf)), list(jax.random.key_data(leaf).shape)
        return {"name": name, "kind": "key", "impl": impl, "bits": bits, **_form(leaf)}
    if isinstance(leaf, jax.Array):
        return {"name": name, "kind": "jax", "weak": bool(leaf.weak_type), **_form(leaf)}
    if (
        isinstance(leaf, np.ndarray | np.generic)
        and not leaf.dtype.hasobject
        and not leaf.dtype.names
    ):
        kind = "numpy" if isinstance(leaf, np.ndarray) else "numpy scalar"
        return {"name": name, "kind": kind, **_form(leaf)}
    if callable(leaf):
        return {"name": name, "kind": "function"}
    raise TypeError(
        f"Cannot save leaf {name}: {type(leaf).__name__} is not an array, a PRNG key or a number. "
        "Make it a static field, or put it into `extra`."
    )


def _form(leaf: Any) -> dict[str, Any]:
    """Dtype and shape of an array or of its ShapeDtypeStruct; nothing for a number or a function."""
    if not isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct):
        return {}
    return {"dtype": str(leaf.dtype), "shape": list(leaf.shape)}


def _to_host(arrays: dict[str, Any]) -> dict[str, np.ndarray]:
    """The bits of arrays and keys, by name. All leave the device in one go."""
    bits = {
        name: jax.random.key_data(array)
        if jnp.issubdtype(array.dtype, jax.dtypes.prng_key)
        else array
        for name, array in arrays.items()
    }
    return {name: np.asarray(array) for name, array in jax.device_get(bits).items()}


def _to_bytes(array: np.ndarray) -> memoryview:
    """An array's bytes in C order; copied only if they do not lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _encode_header(
    step: int, extra: dict[str, Any], forms: list[dict[str, Any]], arrays: dict[str, np.ndarray]
) -> bytes:
    """A safetensors header. The digest comes first, so that its place is the first run of 64 zeros."""
    meta = {
        "sha256": _NO_DIGEST.decode(),
        "format": _FORMAT,
        "step": str(step),
        "extra": json.dumps(extra),
        "leaves": json.dumps(forms),
    }
    header: dict[str, Any] = {"__metadata__": meta}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        known = _SAFETENSORS.get(str(array.dtype))
        header[name] = {
            "dtype": known or "U8",
            "shape": list(array.shape) if known else [array.nbytes],
            "data_offsets": [begin, end],
        }
    return json.dumps(header).encode()


def _read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Metadata and the bytes of each array of a file that is exactly as it was written."""
    content = np.fromfile(path, np.uint8)
    length = int.from_bytes(content[:8].tobytes(), "little")
    if content.size < 8 + length:
        raise _Unreadable(f"its header is cut off at {content.size} bytes")
    raw, payload = content[8 : 8 + length].tobytes(), content[8 + length :]
    try:
        header = json.loads(raw)
        meta = header.pop("__metadata__")
        digest = meta["sha256"]
        spans = {name: entry["data_offsets"] for name, entry in header.items()}
        whole = max((end for _, end in spans.values()), default=0)
        is_short = payload.size < whole
        is_digest = re.fullmatch("[0-9a-f]{64}", digest) is not None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_digest = False
    if not is_digest:
        raise _Unreadable("its header is damaged")
    if is_short:
        raise _Unreadable(f"truncated at {content.size} of {8 + length + whole} bytes")
    blank = raw.replace(digest.encode(), _NO_DIGEST, 1)
    if digest != _digest(content[:8].data, blank, payload.data):
        raise _Unreadable("its SHA-256 differs from the one it was written with")
    return meta, {name: payload[begin:end] for name, (begin, end) in spans.items()}


def _digest(*chunks: bytes | memoryview) -> str:
    """SHA-256 of the chunks, one after the other."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _rebuild(
    path: Path, forms: list[dict[str, Any]], payload: dict[str, np.ndarray], like: Any
) -> Any:
    """The saved leaves in the structure of `like`, which they must fit."""
    expected, structure = jax.tree_util.tree_flatten_with_path(like)
    here = {_name(where): leaf for where, leaf in expected}
    wrong = _differences({form["name"]: form for form in forms}, here)
    if wrong:
        listed = "; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise RunConflict(
            f"{path} does not fit this run: {listed}. Resume with the settings and the version that it "
            "was saved with, or start a new run with another --out."
        )
    by_name = {form["name"]: _restore(form, payload, here) for form in forms}
    return jax.tree_util.tree_unflatten(structure, [by_name[name] for name in here])


def _differences(forms: dict[str, dict[str, Any]], here: dict[str, Any]) -> list[str]:
    """Every way in which the saved leaves do not fit those of this run, each naming the leaf."""
    wrong = [f"leaf {name} is not in the checkpoint" for name in here if name not in forms]
    wrong += [f"leaf {name} is only in the checkpoint" for name in forms if name not in here]
    for name in sorted(here.keys() & forms.keys()):
        saved, asked = forms[name], _form(here[name])
        was, now = tuple(saved.get("shape", [])), tuple(asked.get("shape", []))
        if was != now:
            wrong.append(f"leaf {name} has shape {was} in the checkpoint and {now} here")
        elif "dtype" in saved and "dtype" in asked and saved["dtype"] != asked["dtype"]:
            was, now = saved["dtype"], asked["dtype"]
            wrong.append(f"leaf {name} has dtype {was} in the checkpoint and {now} here")
    return wrong


def _restore(form: dict[str, Any], payload: dict[str, np.ndarray], here: dict[str, Any]) -> Any:
    """One leaf as it was saved."""
    name, kind = form["name"], form["kind"]
    if kind == "python":
        return form["value"]
    if kind == "function":
        return here[name]
    if kind == "key":
        words = jnp.array(payload[name].view(np.uint32).reshape(form["bits"]))
        return jax.random.wrap_key_data(words, impl=form["impl"])
    array = payload[name].view(np.dtype(form["dtype"])).reshape(form["shape"])
    if kind == "numpy":
        return array.copy()
    if kind == "numpy scalar":
        return array[()]
    if form["weak"]:
        weak = jnp.full(array.shape, array.dtype.type(0).item())
        return weak.at[...].set(array)  # what is written into a weakly typed array stays weak
    return jnp.array(array)


def _name(path: tuple[Any, ...]) -> str:
    """A leaf's path as Python would write it; the root of the tree is a dot."""
    return jax.tree_util.keystr(path) or "."
