import os
import sys
import time

import pytest

from alpha_factory.service.effects import Child, ChildFailed, find_own_address, listen

ECHO = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"


def python(code):
    return [sys.executable, "-I", "-c", code]


def test_child_answers_every_line_in_order():
    with Child(python(ECHO)) as child:
        assert [child.ask(line, 60.0) for line in ("one", "zwölf", "")] == ["ONE", "ZWÖLF", ""]


def test_child_is_heard_before_it_is_asked():
    with Child(python("print('ready', flush=True)\n" + ECHO)) as child:
        assert child.hear(60.0) == "ready"
        assert child.ask("go", 60.0) == "GO"


def test_child_that_leaves_is_told_with_its_status_and_last_words():
    with Child(python("import sys; sys.stderr.write('no luck'); sys.exit(3)")) as child:
        with pytest.raises(ChildFailed, match=r"left with status 3\. It wrote: no luck"):
            child.hear(60.0)
        with pytest.raises(ChildFailed, match="left with status 3"):
            child.ask("again", 60.0)


def test_child_that_says_nothing_is_told_in_time():
    started = time.monotonic()
    with (
        Child(python("import sys; sys.stdin.read()")) as child,
        pytest.raises(ChildFailed, match=r"said nothing for 0\.1 s"),
    ):
        child.ask("hello", 0.1)
    assert time.monotonic() - started < 30.0


def test_child_that_does_not_leave_is_killed(monkeypatch):
    monkeypatch.setattr("alpha_factory.service.effects._GRACE_S", 0.2)
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with Child(python(code)) as child:
        process = int(child.hear(60.0))
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_child_gets_the_environment_that_it_is_given():
    code = "import os, sys; print(os.environ.get('SAID'), flush=True); sys.stdin.read()"
    with Child(python(code), environment={"SAID": "this"}) as child:
        assert child.hear(60.0) == "this"


def test_child_takes_arguments_as_they_are():
    code = "import sys; print(sys.argv[1], flush=True)"
    with Child([*python(code), "$HOME; echo *"]) as child:
        assert child.hear(60.0) == "$HOME; echo *"


def test_child_complains_at_length_without_stopping():
    code = "import sys; sys.stderr.write('x' * 1_000_000); print('done', flush=True)"
    with Child(python(code)) as child:
        assert child.hear(60.0) == "done"


def test_child_can_be_closed_twice():
    child = Child(python(ECHO))
    child.close()
    child.close()


def test_child_is_asked_one_line_at_a_time():
    with Child(python(ECHO)) as child, pytest.raises(ValueError, match="no line end inside"):
        child.ask("one\ntwo", 60.0)


def test_program_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ChildFailed, match=r"nothing can't be started: No such file"):
        Child([str(tmp_path / "nothing")])


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_own_address_is_one_that_this_machine_can_listen_at(host):
    own = find_own_address(host)
    if own is None:
        pytest.skip("this machine is in no network")
    assert own not in ("0.0.0.0", "::", "127.0.0.1", "::1")
    with listen(own, 0) as (sockets, port):
        assert sockets[0].getsockname()[:2] == (own, port)
