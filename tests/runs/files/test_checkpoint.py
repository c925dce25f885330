import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import equinox as eqx
import hypothesis.extra.numpy as hnp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_factory.core.errors import CorruptCheckpoint, DiskFull, RunConflict
from alpha_factory.runs.files import checkpoint, durable

_DTYPES = [
    *("bool", "uint8", "uint32", "int8", "int32", "float16", "float32", "bfloat16"),
    *("int4", "float8_e4m3fn", "complex64", "int64", "float64", ">f4"),
]
_KINDS = st.sampled_from(["jax", "numpy", "scalar", "weak"])


@st.composite
def _leaves(draw):
    """Any leaf that a state may hold, made of arbitrary bits."""
    kind = draw(_KINDS)
    dtype = np.dtype(draw(st.sampled_from(_DTYPES)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    count = math.prod(shape)
    bits = np.frombuffer(draw(st.binary(min_size=count * 16, max_size=count * 16)), np.uint8)
    if dtype.name in ("bool", "int4"):
        array = (bits[:count] % 2).reshape(shape).astype(dtype)
    else:
        array = bits[: count * dtype.itemsize].view(dtype).reshape(shape)
    if kind == "jax" and dtype.name not in ("int64", "float64") and dtype.isnative:
        return jnp.array(array)
    if kind == "scalar":
        return array.reshape(-1)[0] if count else 1.5
    if kind == "weak":
        return jnp.full(shape, draw(st.sampled_from([0.1, -0.0, math.nan, 7])))
    return array


_NUMBERS = st.one_of(st.booleans(), st.integers(), st.floats())
_KEYS = st.builds(
    lambda impl, seed, shape: jax.random.split(jax.random.key(seed, impl=impl), shape),
    st.sampled_from(["threefry2x32", "rbg"]),
    st.integers(0, 99),
    st.sampled_from([(), (3,), (2, 2), (0,)]),
)
_TREES = st.recursive(
    st.one_of(_leaves(), _NUMBERS, _KEYS, st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from(["a", "b.c", "['d']", "é"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def _bits(leaf):
    """All that distinguishes one leaf from another."""
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return "key", str(jax.random.key_impl(leaf)), _bits(jax.random.key_data(leaf))
    if isinstance(leaf, jax.Array | np.ndarray | np.generic):
        kind = "jax" if isinstance(leaf, jax.Array) else type(leaf)
        is_weak = kind == "jax" and leaf.weak_type
        return kind, is_weak, leaf.dtype, leaf.shape, np.asarray(leaf).tobytes()
    return type(leaf), repr(leaf)


def _assert_same(got, expected):
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    assert list(map(_bits, jax.tree.leaves(got))) == list(map(_bits, jax.tree.leaves(expected)))


def _state(step: int):
    """A small tree that tells which step it is of."""
    return {
        "count": np.full((3,), step),
        "weights": np.arange(5, dtype=np.float32) * step,
        "n": step,
    }


@settings(max_examples=60, deadline=None)
@given(tree=_TREES, step=st.integers(0, 10**12))
def test_load_latest_returns_the_bits_that_were_saved(tree, step):
    with tempfile.TemporaryDirectory() as folder:
        extra = {
            "wall_s": 0.1,
            "frames": step,
            "nested": {"none": None, "list": [1, "é", "0" * 64]},
        }
        checkpoint.save(Path(folder), step, tree, extra)
        restored = checkpoint.load_latest(Path(folder), tree)
    assert restored is not None
    assert (restored.step, restored.extra, restored.skipped) == (step, extra, [])
    _assert_same(restored.tree, tree)


def test_load_latest_restores_a_network_from_its_shapes(tmp_path):
    def make(seed):
        return eqx.nn.MLP(2, 3, 4, 1, activation=jnp.tanh, key=jax.random.key(seed))

    saved = make(0)
    checkpoint.save(tmp_path, 7, saved, {})
    like = eqx.filter_eval_shape(make, 1)
    tree = checkpoint.load_latest(tmp_path, like).tree
    x = jnp.array([1.0, -2.0])
    assert tree(x).tolist() == saved(x).tolist()


def test_restored_arrays_can_be_donated_and_written(tmp_path):
    tree = {"device": jnp.arange(64.0), "host": np.arange(3)}
    checkpoint.save(tmp_path, 0, tree, {})
    got = checkpoint.load_latest(tmp_path, tree).tree
    bumped = jax.jit(lambda x: x + 1, donate_argnums=0)(got["device"])
    assert got["host"].flags.owndata  # it does not hold the whole file in memory
    got["host"][0] = 9
    assert bumped[:3].tolist() == [1.0, 2.0, 3.0]
    assert got["host"].tolist() == [9, 1, 2]


def test_save_takes_arrays_that_do_not_lie_in_c_order(tmp_path):
    grid = np.arange(24.0).reshape(4, 6)
    tree = [grid[:, 0], grid[::2, ::-1], np.asfortranarray(grid), np.broadcast_to(grid[0], (2, 6))]
    checkpoint.save(tmp_path, 1, tree, {})
    _assert_same(checkpoint.load_latest(tmp_path, tree).tree, tree)


def test_load_latest_is_none_when_there_is_no_checkpoint(tmp_path):
    assert checkpoint.load_latest(tmp_path, {}) is None
    assert checkpoint.load_latest(tmp_path / "nowhere", {}) is None


def test_save_keeps_the_newest(tmp_path):
    for step in (1, 2, 3, 4):
        checkpoint.save(tmp_path, step, _state(step), {}, keep=2)
    assert list(durable.list_checkpoints(tmp_path)) == [4, 3]


def test_save_drops_later_checkpoints_that_the_run_was_resumed_from_before(tmp_path):
    for step in (1, 2, 9):
        checkpoint.save(tmp_path, step, _state(step), {})
    (tmp_path / durable.name_checkpoint(9)).write_bytes(b"damaged")
    assert checkpoint.load_latest(tmp_path, _state(0)).step == 2
    checkpoint.save(tmp_path, 3, _state(3), {}, keep=1)
    assert list(durable.list_checkpoints(tmp_path)) == [3]


def test_save_removes_what_a_killed_save_left(tmp_path):
    leftover = tmp_path / f".{durable.name_checkpoint(1)}.tmp"
    leftover.write_bytes(b"half")
    path = checkpoint.save(tmp_path, 2, _state(2), {})
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_load_latest_names_damage_at_every_byte_and_uses_the_one_before(tmp_path, damage):
    checkpoint.save(tmp_path, 1, _state(1), {"step": 1})
    path = checkpoint.save(tmp_path, 2, _state(2), {"step": 2})
    whole = path.read_bytes()
    for at in range(len(whole)):
        cut = whole[:at]
        path.write_bytes(
            cut if damage == "truncate" else cut + bytes([whole[at] ^ 4]) + whole[at + 1 :]
        )
        restored = checkpoint.load_latest(tmp_path, _state(0))
        assert (restored.step, restored.extra) == (1, {"step": 1})
        assert len(restored.skipped) == 1
        assert restored.skipped[0].startswith(f"{path.name}: ")
    _assert_same(restored.tree, _state(1))


def test_load_latest_notices_bytes_added_at_the_end(tmp_path):
    path = checkpoint.save(tmp_path, 1, _state(1), {})
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(CorruptCheckpoint, match="SHA-256"):
        checkpoint.load_latest(tmp_path, _state(0))


def test_load_latest_says_how_much_is_left_of_a_truncated_file(tmp_path):
    path = checkpoint.save(tmp_path, 1, _state(1), {})
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CorruptCheckpoint, match=f"truncated at {size - 10} of {size} bytes"):
        checkpoint.load_latest(tmp_path, _state(0))


def test_load_latest_names_all_when_none_is_whole(tmp_path):
    paths = [checkpoint.save(tmp_path, step, _state(step), {}) for step in (1, 2, 3)]
    for path, content in zip(paths, (b"", b"\xff" * 8, b"\2\0\0\0\0\0\0\0[]"), strict=True):
        path.write_bytes(content)
    with pytest.raises(CorruptCheckpoint) as caught:
        checkpoint.load_latest(tmp_path, _state(0))
    assert all(path.name in str(caught.value) for path in paths)


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (
            {"a": [np.zeros((4, 2))], "b": 1},
            r"leaf \['a'\]\[0\] has shape \(3, 2\) .* \(4, 2\) here",
        ),
        (
            {"a": [np.zeros((3, 2), "f4")], "b": 1},
            r"leaf \['a'\]\[0\] has dtype float64 .* float32",
        ),
        ({"a": [np.zeros((3, 2))]}, r"leaf \['b'\] is only in the checkpoint"),
        ({"a": [np.zeros((3, 2)), 1], "b": 1}, r"leaf \['a'\]\[1\] is not in the checkpoint"),
        (
            {"a": [np.zeros((3, 2))], "b": np.zeros(2)},
            r"leaf \['b'\] has shape \(\) .* \(2,\) here",
        ),
    ],
)
def test_load_latest_refuses_another_tree_naming_the_leaf(tmp_path, like, message):
    checkpoint.save(tmp_path, 1, {"a": [np.zeros((3, 2))], "b": 1}, {})
    with pytest.raises(RunConflict, match=message):
        checkpoint.load_latest(tmp_path, like)


def test_load_latest_refuses_a_format_that_it_does_not_know(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "_FORMAT", "2")
    checkpoint.save(tmp_path, 1, _state(1), {})
    monkeypatch.undo()
    with pytest.raises(RunConflict, match="format 2"):
        checkpoint.load_latest(tmp_path, _state(0))


@pytest.mark.parametrize("leaf", ["text", np.array(["a", None]), np.zeros(2, [("x", "i4")])])
def test_save_refuses_what_is_not_an_array_naming_the_leaf(tmp_path, leaf):
    with pytest.raises(TypeError, match=r"\['inner'\]"):
        checkpoint.save(tmp_path, 1, {"inner": leaf}, {})
    assert not list(tmp_path.iterdir())


def test_save_refuses_to_keep_nothing(tmp_path):
    with pytest.raises(ValueError, match="keep=0"):
        checkpoint.save(tmp_path, 1, _state(1), {}, keep=0)


def test_save_leaves_the_last_checkpoint_when_the_disk_is_full(small_disk):
    tree = {"weights": np.ones(100_000, np.float32)}
    folder = small_disk / "checkpoints"
    for step in (1, 2):
        checkpoint.save(folder, step, tree, {})
    with pytest.raises(DiskFull, match="checkpoint-000000002") as caught:
        checkpoint.save(folder, 3, tree, {})
    assert caught.value.kept == folder / durable.name_checkpoint(2)
    assert sorted(entry.name for entry in folder.iterdir()) == [
        durable.name_checkpoint(1),
        durable.name_checkpoint(2),
    ]
    restored = checkpoint.load_latest(folder, tree)
    assert (restored.step, restored.skipped) == (2, [])
    _assert_same(restored.tree, tree)


def test_a_checkpoint_is_a_safetensors_file(tmp_path):
    tree = {
        "half": jnp.ones((2, 3), jnp.bfloat16),
        "odd": jnp.ones(4, jnp.int4),
        "key": jax.random.key(1),
    }
    content = checkpoint.save(tmp_path, 1, tree, {}).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    meta = header.pop("__metadata__")
    assert all(isinstance(value, str) for value in meta.values())
    assert header["['half']"]["dtype"] == "BF16"
    assert header["['half']"]["shape"] == [2, 3]
    assert header["['odd']"] | {"data_offsets": 0} == {
        "dtype": "U8",
        "shape": [4],
        "data_offsets": 0,
    }
    spans = sorted(entry["data_offsets"] for entry in header.values())
    assert [begin for begin, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == len(content) - 8 - length


_SAVE_FOR_EVER = """
import itertools, sys
from pathlib import Path
import numpy as np
from alpha_factory.runs.files import checkpoint
for step in itertools.count(1):
    checkpoint.save(Path(sys.argv[1]), step, {"x": np.full(200_000, step)}, {"step": step}, keep=2)
    print(step, flush=True)
"""


@pytest.mark.parametrize("delay_s", [0.0, 0.051, 0.113])
def test_load_latest_is_whole_when_the_process_was_killed_while_saving(tmp_path, delay_s):
    command = [sys.executable, "-c", _SAVE_FOR_EVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        child.stdout.readline()
        time.sleep(delay_s)
        child.kill()
        printed = child.stdout.read().split()
    restored = checkpoint.load_latest(tmp_path, {"x": np.zeros(200_000, int)})
    assert restored.skipped == []
    assert restored.step >= int(printed[-1] if printed else 1)
    assert restored.extra == {"step": restored.step}
    assert (restored.tree["x"] == restored.step).all()
