import json
import math

import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import RecordWriter

from alpha_factory.core.errors import DiskFull, RunConflict
from alpha_factory.records import MetricRow
from alpha_factory.runs.files.metrics import MetricWriter, read_metrics


def _row(frames: int, **values) -> MetricRow:
    return MetricRow(
        frames=frames,
        updates=frames // 10,
        wall_s=frames / 7,
        compile_s=1.5,
        worlds_accepted=1,
        worlds_rejected=2,
        solve_rate=0.25,
        values=values,
    )


def _write(folder, *frames: int) -> None:
    with MetricWriter(folder) as writer:
        for frame in frames:
            writer.write(_row(frame))


def _events(path) -> list[Event]:
    """The events of a TensorBoard file: length, its checksum, the event, its checksum."""
    content, events = path.read_bytes(), []
    while content:
        size = int.from_bytes(content[:8], "little")
        events.append(Event.FromString(content[12 : 12 + size]))
        content = content[16 + size :]
    return events


def test_read_metrics_returns_the_rows_written(tmp_path):
    rows = [_row(10, loss=0.1), _row(20, loss=None, entropy=1 / 3)]
    with MetricWriter(tmp_path) as writer:
        for row in rows:
            writer.write(row)
            assert read_metrics(tmp_path)[-1] == row
    assert read_metrics(tmp_path) == rows


def test_read_metrics_is_empty_when_nothing_was_logged(tmp_path):
    assert read_metrics(tmp_path) == []


def test_write_makes_what_is_not_finite_null(tmp_path):
    with MetricWriter(tmp_path) as writer:
        writer.write(_row(1, loss=math.nan, ratio=math.inf))
    line = (tmp_path / "metrics.jsonl").read_text()
    assert json.loads(line, parse_constant=pytest.fail)["values"] == {"loss": None, "ratio": None}


def test_a_torn_last_line_is_passed_over_then_dropped(tmp_path):
    _write(tmp_path, 10, 20)
    path = tmp_path / "metrics.jsonl"
    whole = path.read_bytes()
    for cut in range(1, len(whole) // 2):
        path.write_bytes(whole[:-cut])
        assert [row.frames for row in read_metrics(tmp_path)] == [10]
    _write(tmp_path, 30)
    assert [row.frames for row in read_metrics(tmp_path)] == [10, 30]


def test_read_metrics_names_a_broken_line_that_is_not_the_last(tmp_path):
    _write(tmp_path, 10, 20)
    path = tmp_path / "metrics.jsonl"
    path.write_text(path.read_text().replace('"frames":10', '"frames":-10'))
    with pytest.raises(RunConflict, match="line 1: frames: "):
        read_metrics(tmp_path)


@pytest.mark.parametrize(
    ("frames", "kept"), [(-1, []), (9, []), (10, [10]), (29, [10, 20]), (99, [10, 20, 30])]
)
def test_rewind_keeps_rows_up_to_the_checkpoint(tmp_path, frames, kept):
    _write(tmp_path, 10, 20, 30)
    with MetricWriter(tmp_path) as writer:
        writer.rewind(frames)
        assert [row.frames for row in read_metrics(tmp_path)] == kept
        writer.write(_row(100))
    assert [row.frames for row in read_metrics(tmp_path)] == [*kept, 100]


def test_tensorboard_gets_every_number_and_hides_what_was_rewound(tmp_path):
    with MetricWriter(tmp_path) as writer:
        writer.write(_row(10, loss=0.5, undefined=None))
        writer.write(_row(20))
    with MetricWriter(tmp_path) as writer:
        writer.rewind(10)
        writer.write(_row(15))
    first, second = sorted((tmp_path / "tensorboard").iterdir(), key=lambda path: path.suffix)
    version, *rows = _events(first)
    assert version.file_version == "brain.Event:2"
    assert [event.step for event in rows] == [10, 20]
    assert {value.tag: value.simple_value for value in rows[0].summary.value} == {
        "updates": 1,
        "cycle": 0,
        "wall_s": pytest.approx(10 / 7),
        "compile_s": 1.5,
        "worlds_accepted": 1,
        "worlds_rejected": 2,
        "solve_rate": 0.25,
        "loss": 0.5,
    }
    _, start, row = _events(second)
    assert (start.step, start.session_log.status) == (11, 1)
    assert row.step == 15


@pytest.mark.parametrize("free", [0, 1, 50])
def test_write_leaves_whole_rows_when_the_disk_is_full(tmp_path, limit_writes, free):
    _write(tmp_path, 10)
    before = (tmp_path / "metrics.jsonl").read_bytes()
    with MetricWriter(tmp_path) as writer:
        limit_writes(free)
        with pytest.raises(DiskFull, match=r"metrics\.jsonl"):
            writer.write(_row(20))
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


def test_write_says_that_the_disk_is_full_when_only_tensorboard_notices(tmp_path, monkeypatch):
    with MetricWriter(tmp_path) as writer:
        writer.write(_row(10))

        def refuse(*_):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(RecordWriter, "flush", refuse)
            with pytest.raises(DiskFull):
                writer.write(_row(20))
    assert [row.frames for row in read_metrics(tmp_path)] == [10]
