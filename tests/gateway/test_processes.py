import os
import subprocess
import sys

from gateway import processes


def test_this_process_is_there() -> None:
    assert not processes.is_gone(processes.identity())


def test_a_process_that_ended_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    identity = processes.identity(child.pid)
    assert not processes.is_gone(identity)

    assert child.stdin is not None
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert processes.is_gone(identity), "ended, but its parent has not asked how"
    child.wait()
    assert processes.is_gone(identity)


def test_an_id_that_was_given_to_another_process_is_gone() -> None:
    host, pid, start = processes.identity().split(" ")
    assert pid == str(os.getpid())
    assert start, "this system tells no start times"

    assert processes.is_gone(f"{host} {pid} {int(start) - 1}")


def test_a_process_of_another_machine_is_in_doubt() -> None:
    assert not processes.is_gone("elsewhere 999999999 1")
