"""Lines read while somebody writes them."""

import os
from pathlib import Path

import pytest

from alpha_factory.runs.steering import tail
from alpha_factory.runs.steering.tail import LONGEST_LINE, MOST_LINES, Tail


def test_lines_come_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "acts.jsonl"
    reader = Tail(path)
    assert reader.read() == []
    path.write_bytes(b"one\ntw")
    assert [(line.number, line.end, line.text) for line in reader.read()] == [(1, 4, "one")]
    assert reader.read() == []
    with path.open("ab") as file:
        file.write(b"o\r\n\nbroken \xff\n")
    assert [(line.number, line.end, line.text) for line in reader.read()] == [
        (2, 9, "two"),
        (3, 10, ""),
        (4, 19, "broken �"),
    ]


@pytest.mark.parametrize("at_once", [2 * LONGEST_LINE, 10 * LONGEST_LINE])
def test_line_that_is_too_long_is_told_once_and_the_next_ones_come(
    tmp_path: Path, monkeypatch, at_once: int
) -> None:
    monkeypatch.setattr(tail, "_AT_ONCE", at_once)
    path = tmp_path / "acts.jsonl"
    path.write_bytes(b"first\n" + b"x" * (5 * LONGEST_LINE) + b"\nlast\n")
    reader, lines = Tail(path), []
    for _ in range(20):
        lines += reader.read()
    assert [(line.number, line.text) for line in lines] == [(1, "first"), (2, ""), (3, "last")]
    assert "at most 64 KiB" in lines[1].fault
    assert lines[2].end == path.stat().st_size


def test_flood_comes_in_parts_and_what_is_beyond_the_most_is_not_read(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(tail, "MOST_ACT_BYTES", 2_001)
    path = tmp_path / "acts.jsonl"
    path.write_bytes(b"x\n" * 2_000)
    reader = Tail(path)
    parts = [reader.read() for _ in range(10)]
    assert [len(part) for part in parts[:4]] == [MOST_LINES] * 4
    *_, torn, end = [line for part in parts for line in part]
    assert (torn.number, torn.end) == (1_001, 2_001)
    assert "not read" in end.fault
    assert sum(map(len, parts)) == 1_002
    with path.open("ab") as file:
        file.write(b"more\n")
    assert reader.read() == []


def test_file_that_another_took_the_place_of_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "acts.jsonl"
    path.write_text("one\ntwo\n")
    reader = Tail(path)
    assert len(reader.read()) == 2
    path.write_text("new\n")
    assert [(line.number, line.text) for line in reader.read()] == [(1, "new")]


def test_pipe_in_place_of_the_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "acts.jsonl")
    assert Tail(tmp_path / "acts.jsonl").read() == []


def test_what_cannot_be_read_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "acts.jsonl").mkdir()
    assert Tail(tmp_path / "acts.jsonl").read() == []
