"""Lines read while somebody writes them."""

from pathlib import Path

from alpha_factory.runs.steering import tail
from alpha_factory.runs.steering.tail import LONGEST_LINE, Tail


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
    assert reader.read_bytes == path.stat().st_size


def test_line_without_end_is_cut_and_the_next_ones_come(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tail, "_AT_ONCE", 2 * LONGEST_LINE)
    path = tmp_path / "acts.jsonl"
    path.write_bytes(b"x" * (5 * LONGEST_LINE) + b"\nlast\n")
    reader, texts = Tail(path), []
    for _ in range(20):
        texts += [line.text for line in reader.read()]
    assert texts[-1] == "last"
    assert all(len(text) <= LONGEST_LINE for text in texts)
    assert reader.read_bytes == path.stat().st_size


def test_what_cannot_be_read_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "acts.jsonl").mkdir()
    assert Tail(tmp_path / "acts.jsonl").read() == []
