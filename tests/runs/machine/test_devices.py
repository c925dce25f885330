"""One device or eight, one process or two: the same run."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alpha_factory.core.errors import UsageError
from alpha_factory.replay import Ring
from alpha_factory.runs.build import make_practice
from alpha_factory.runs.files.directory import create_run, read_config
from alpha_factory.runs.files.metrics import read_metrics
from alpha_factory.runs.machine.devices import LANES, check_split, make_mesh
from alpha_factory.runs.machine.processes import agree, connect, follow_run, gather, together
from alpha_factory.runs.settings.text import from_json
from runs import spread, tiny

pytestmark = [pytest.mark.implicit_promotion, pytest.mark.usefixtures("quick_compilation")]

TESTS = Path(__file__).parents[2]


def start_process(devices: int, *arguments: object) -> subprocess.Popen[str]:
    environment = os.environ | {
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": str(TESTS),
        # Compiled in less time, which is most of what these tests take.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    command = [sys.executable, spread.__file__, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def finish_process(process: subprocess.Popen[str]) -> str:
    """The last line that it wrote; Gloo has a word to say before."""
    out, told = process.communicate(timeout=280)
    assert process.returncode == 0, told
    return out.splitlines()[-1] if out else out


@pytest.fixture(scope="module")
def stretches(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], ...]:
    """Arrays of two stretches on one device and on eight, flops of one, and what is told of eight."""
    file = tmp_path_factory.mktemp("devices") / "eight"
    process = start_process(8, "stretch", file)
    arrays, compiled = spread.train_twice(1)
    one = {name: np.asarray(leaf) for name, leaf in arrays.items()}
    finish_process(process)
    told = json.loads(file.with_suffix(".json").read_text())
    with np.load(file.with_suffix(".npz")) as eight:
        return one, dict(eight), told, {"flops": compiled.cost_analysis()["flops"]}


def test_eight_devices_play_the_same_episodes_as_one(stretches) -> None:
    one, eight, _, _ = stretches
    assert one.keys() == eight.keys()
    whole = {name for name, leaf in one.items() if leaf.dtype != np.float32}
    played = {f"[0].ring.{name}" for name in ("obs", "action", "reward", "world", "is_last")}
    episodes = {name for name in one if re.search(r"actors|episodes", name)}
    assert len(whole) > 30
    assert "[1][1].episodes.frames" in episodes
    for name in whole | played | episodes:
        np.testing.assert_array_equal(one[name], eight[name], err_msg=name)
    assert one["[0].ring.action"].any()
    assert one["[0].ring.reward"].any()


def test_eight_devices_learn_the_same_as_one_up_to_rounding(stretches) -> None:
    one, eight, _, _ = stretches
    for name, leaf in one.items():
        np.testing.assert_allclose(leaf, eight[name], rtol=1e-5, atol=1e-5, err_msg=name)
    assert one["[1][1].losses.value"].all()
    held = [name for name in one if "consolidation.fisher" in name]
    assert held
    assert all(one[name].any() for name in held)
    assert one["[1][1].losses.ewc"].any()
    assert (
        one["[0].ring.world"].max() == spread.SPREAD.curriculum.slots
    )  # rows of the world that left


def test_lanes_are_spread_over_eight_devices_and_the_rest_is_on_one(stretches) -> None:
    told = stretches[2]
    assert told["devices"] == 8
    lanes = {f"[0].ring.{name}" for name in LANES}
    lanes |= {name for name in told["shards"] if name.startswith("[0].actors")}
    assert len(lanes) > 20
    for name, shards in told["shards"].items():
        assert len(shards) == (8 if name in lanes else 1), name
        assert name not in lanes or all(shard[0] == 1 for shard in shards), name


def test_each_of_eight_devices_does_its_share_and_none_sees_all_observations(stretches) -> None:
    _, _, told, one = stretches
    # What is left beside an eighth is the optimiser's step, which each does whole.
    assert told["flops"] < one["flops"] / 4
    gathered = re.findall(r"= (\S+) all-gather", told["program"])
    assert gathered
    assert not [shape for shape in gathered if shape.startswith("u8[8,2048")]
    assert not [shape for shape in gathered if shape.startswith("f32[8,2048,")]


def test_lanes_are_the_ring_fields_whose_first_axis_is_lanes() -> None:
    shapes = {
        name: kind.dim_str for name, kind in Ring.__annotations__.items() if name != "is_packed"
    }
    assert set(LANES) == {name for name, shape in shapes.items() if shape.startswith("lanes ")}


def test_devices_that_are_not_there_are_refused_and_one_needs_no_mesh() -> None:
    assert make_mesh(None) is None
    with pytest.raises(UsageError, match=r"--devices 2: JAX sees 1 .*Give 1 to 1"):
        make_mesh(2)
    with pytest.raises(UsageError, match=r"--devices 0"):
        make_mesh(0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, r"learning\.worlds is 4, .* 8 devices \(4 left over\)\. Make it 8,"),
        ({"worlds": 8, "batch": 20}, r"learning\.batch is 20, .*Make it 16 or 24,"),
        (
            {"worlds": 8, "batch": 16, "reanalyse": 0.25},
            r"learning\.reanalyse of learning\.batch is 4, .*Make it 8,",
        ),
    ],
)
def test_what_does_not_divide_over_the_devices_is_named(changes: dict[str, Any], told: str) -> None:
    practice = make_practice(tiny.with_learning(**changes))
    check_split(1, practice)
    with pytest.raises(UsageError, match=told):
        check_split(8, practice)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((None, 2, 0), "need --coordinator"),
        (("nowhere", 2, 0), "nowhere is no address"),
        (("localhost:1", None, 0), "--processes None"),
        (("localhost:1", 2, 2), "--process 2"),
    ],
)
def test_processes_that_cannot_meet_are_told_what_is_missing(asked: tuple, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        connect(*asked)


def test_process_alone_agrees_with_itself() -> None:
    connect(None, None, None)
    assert agree(True)
    assert not agree(False)
    tree = {"whole": np.arange(3)}
    assert gather(tree) is tree
    assert together(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        together(lambda: 1 // 0)


def test_other_process_goes_on_from_a_copy_that_it_removes(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with create_run(path, {"seed": 0}):
        (path / "worlds.sqlite").write_text("worlds")
        (path / "metrics.jsonl").write_text("{}\n")
        with follow_run(path, {"seed": 0}, is_resuming=True) as copy:
            assert copy.worlds.read_text() == "worlds"
            assert copy.checkpoints == path / "checkpoints"
            copy.worlds.write_text("other worlds")
        assert not copy.path.exists()
        assert (path / "worlds.sqlite").read_text() == "worlds"


def test_two_processes_make_the_same_run_as_one(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    alone = start_process(2, "run", tmp_path / "one")
    both = [start_process(1, "run", tmp_path / "two", address, process) for process in (0, 1)]
    told = [json.loads(finish_process(process)) for process in (alone, *both)]

    # Only the second process was interrupted, and neither went on to evaluate.
    assert [summary["interrupted"] for summary in told] == [True] * 3
    assert told[0]["frames"] > 100
    rows = []
    for name in ("one", "two"):
        rows.append(
            [
                row.model_dump(exclude={"wall_s", "compile_s"})
                for row in read_metrics(tmp_path / name)
            ]
        )
        for row in rows[-1]:
            row["values"].pop("frames_per_s")
            row["values"].pop("train_s")
    assert len(rows[0]) == 2
    for row, other in zip(*rows, strict=True):
        assert row.pop("values") == pytest.approx(other.pop("values"), abs=1e-5)
        assert row == other

    # Process 1 left nothing beside what process 0 wrote, and one device goes on from there.
    assert Path(told[1]["run"]) == tmp_path / "two"
    assert not Path(told[2]["run"]).exists()
    config = from_json(read_config(tmp_path / "two"))
    resumed = tiny.open_run(tmp_path / "two", is_resuming=True, config=config)
    assert resumed.counters.frames == told[1]["frames"]
    tiny.finish(resumed, frames=told[1]["frames"] + 1)
    assert resumed.counters.frames > told[1]["frames"]
