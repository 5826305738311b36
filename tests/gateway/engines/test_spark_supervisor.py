"""The supervisor over a process that stands for Java; see test_spark_server for the real one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from gateway.engines.spark import server
from gateway.engines.spark.supervisor import Address, Launch, Runaway, cpu_seconds, is_idle
from gateway.home import Home, open_home

ROOT = Path(__file__).parents[3]


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)


def supervise(home: Home, *, idle_seconds: float) -> Address:
    folder = home.spark / "f"
    folder.mkdir(parents=True)
    (folder / "used").touch()
    os.utime(folder / "used", (time.time() + 3600,) * 2)  # however long the start takes
    (folder / "tmp").mkdir()
    (folder / "tmp" / "spill").write_text("x")
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    launch = Launch(command, {"MARK": "1"}, port=1, token="t", idle_seconds=idle_seconds)
    (folder / "launch.json").write_text(json.dumps(asdict(launch)))
    subprocess.run(
        [sys.executable, "-m", "gateway.engines.spark.supervisor", str(folder)],
        cwd=ROOT,
        start_new_session=True,
        check=True,
        timeout=30,
    )
    eventually(lambda: server.status(home))
    (running,) = server.status(home)
    assert not running.ready
    return running.address


def pid(identity: str) -> int:
    return int(identity.split(" ")[1])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def test_an_idle_server_stops_and_leaves_nothing(home: Home) -> None:
    address = supervise(home, idle_seconds=1)
    os.utime(home.spark / "f" / "used", (0, 0))
    eventually(lambda: not server.status(home) and not server.lives(address.supervisor))
    assert not server.lives(address.java)
    assert {path.name for path in (home.spark / "f").iterdir()} <= {"used", "log"}


def test_stop_ends_the_server_and_its_supervisor(home: Home) -> None:
    address = supervise(home, idle_seconds=600)
    assert server.stop(home) == 1
    assert not server.lives(address.java)
    assert server.status(home) == ()
    eventually(lambda: not server.lives(address.supervisor))
    assert server.stop(home) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_a_killed_supervisor_takes_java_along(home: Home) -> None:
    address = supervise(home, idle_seconds=600)
    os.kill(pid(address.supervisor), signal.SIGKILL)
    eventually(lambda: not server.lives(address.java))
    assert server.status(home) == ()


def test_a_process_that_got_the_number_later_is_never_hit(home: Home) -> None:
    host, _, start = server.processes.identity().split(" ")
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        folder = home.spark / "f"
        folder.mkdir(parents=True)
        (folder / "used").touch()
        stale = f"{host} {bystander.pid} {int(start) - 1}"
        address = Address(1, "t", java=stale, supervisor=stale, started_at=0, idle_seconds=1)
        (folder / "address.json").write_text(json.dumps(asdict(address)))
        assert server.status(home) == ()
        assert server.stop(home) == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_idleness_is_the_age_of_the_mark(tmp_path: Path) -> None:
    mark = tmp_path / "used"
    assert is_idle(mark, 10, now=0)
    mark.touch()
    os.utime(mark, (100, 100))
    assert not is_idle(mark, 10, now=110)
    assert is_idle(mark, 10, now=110.5)


def test_a_server_that_works_for_nobody_is_seen() -> None:
    runaway = Runaway()
    seen = [runaway.is_seen(now, 0.0, cpu_seconds=now * 2) for now in range(0, 100, 10)]
    assert seen.index(True) == 8  # unused for 45 s at 50, busy for 30 s more at 80


@pytest.mark.parametrize(("used_every", "cores"), [(15, 2.0), (10_000, 0.1)])
def test_a_used_or_quiet_server_is_not_taken_for_a_runaway(used_every: int, cores: float) -> None:
    runaway = Runaway()
    assert not any(runaway.is_seen(now, now - now % used_every, now * cores) for now in range(0, 1000, 5))


def test_cpu_time_is_told_where_it_can_be() -> None:
    assert cpu_seconds(2**30) is None
    if sys.platform == "linux":
        assert (cpu_seconds(os.getpid()) or 0) > 0
