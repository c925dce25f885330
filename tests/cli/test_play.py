"""Playing keeps its log, whatever ends it; the program is interrupted without a traceback, however early."""

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time

import pytest

from alpha_factory.cli import main

MAZE = ">....G"
# What a shell runs in the background ignores Ctrl-C, and so would what it starts.
HEED = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
PROGRAM = "import sys\nfrom alpha_factory.cli.main import main\nsys.exit(main())\n"


def test_play_keeps_its_log_when_it_is_interrupted(tmp_path):
    (tmp_path / "level.txt").write_text(">K...G")
    log = tmp_path / "keys.txt"
    log.write_text("an older log, longer than what is to be written now\n" * 9)
    ours, theirs = pty.openpty()
    level = str(tmp_path / "level.txt")
    program = subprocess.Popen(
        [sys.executable, "-c", HEED + PROGRAM, "worlds", "play", level, "--log", log],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "LINES": "30", "COLUMNS": "100"},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        _read_until(ours, "q quit")
        os.write(ours, b"w")
        _read_until(ours, "key held")
        program.send_signal(signal.SIGINT)
        said = _read_until(ours, None)
        program.wait(timeout=60)
    finally:
        program.kill()
        program.wait()
        os.close(ours)
    assert program.returncode == 130, said
    assert "Interrupted." in said
    assert "Traceback" not in said
    assert log.read_text().splitlines()[1:] == ["F"]


def _read_until(terminal, words):
    """What a program shows until it has shown these words; None stands for its end."""
    said, end = "", time.monotonic() + 100
    while words is None or words not in said:
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        assert ready, f"no {words!r} in {said!r}"
        try:
            said += os.read(terminal, 4096).decode()
        except OSError as error:  # how Linux says that the other end is closed
            if words is not None:
                raise AssertionError(f"ended without {words!r}: {said!r}") from error
            break
    return said


def test_play_finds_a_log_that_cannot_be_written_before_it_plays(tmp_path, capsys):
    (tmp_path / "level.txt").write_text(MAZE)
    place = tmp_path / "no" / "such" / "place"
    arguments = [str(tmp_path / "level.txt"), "--keys", "F", "--log", str(place)]
    assert main.main(["worlds", "play", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"Cannot write {place}" in printed.err.replace("\n", "")


def test_play_writes_its_log_over_a_longer_one(tmp_path):
    (tmp_path / "level.txt").write_text(MAZE)
    log = tmp_path / "keys.txt"
    log.write_text("F" * 500)
    arguments = [str(tmp_path / "level.txt"), "--keys", "FF", "--log", str(log)]
    assert main.main(["worlds", "play", *arguments]) == 0
    assert log.read_text().splitlines()[1:] == ["FF"]


def test_play_quotes_the_source_in_its_log_for_a_shell(tmp_path):
    level = tmp_path / "my level; $HOME.txt"
    level.write_text(MAZE)
    log = tmp_path / "keys.txt"
    assert main.main(["worlds", "play", str(level), "--keys", "F", "--log", str(log)]) == 0
    words = shlex.split(log.read_text().splitlines()[0], comments=False)
    assert words[:5] == ["#", "alpha-factory", "worlds", "play", str(level)]


@pytest.mark.parametrize("module", ["tyro", "rich.console", "alpha_factory.cli.worlds"])
def test_interruption_while_modules_are_read_exits_130(module):
    """Whenever the module is asked for, the process gets what Ctrl-C sends."""
    script = (
        "import os, signal, sys\n"
        "class Interrupter:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupter())\n"
        "sys.argv = ['alpha-factory', 'worlds', 'schema']\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", HEED + script + PROGRAM],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "alpha-factory: Interrupted.\n")
    assert done.stdout == ""
