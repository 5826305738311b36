"""The parent of a local Spark server: starts Java, notices idleness, and takes Java along when it goes.

Runs as ``python -m gateway.engines.spark.supervisor FOLDER`` in a session of its own, so that it outlives the
shell that wanted Spark and no Ctrl-C reaches it. It talks to others through files of its folder only:

    launch.json    what to start; written by the starter, readable by its owner only
    address.json   where the server is; there while it runs (``Address`` in ``server``)
    used           its modification time is the last use; deleting it stops the server
    log            what Java prints

Imports nothing heavy: it stays as long as the server does.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.processes import identity

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 20.0
"""How long Java may take to end by itself; writing the class archive is part of it."""
_ARCHIVE_SECONDS = 180.0
_UNUSED_SECONDS = 45.0
"""Clients with a running query mark the server as used at least every 15 seconds."""
_BUSY_SECONDS = 30.0
_BUSY_CORES = 0.5


@dataclass(frozen=True)
class Launch:
    """What the supervisor is to start."""

    command: list[str]
    environment: dict[str, str]
    """Added to the supervisor's own."""
    port: int
    token: str
    idle_seconds: float
    archive_from: str = ""
    """The class archive that this run writes when it ends idle; empty when there is one already."""
    archive_to: str = ""


@dataclass(frozen=True)
class Address:
    """Where a running server is."""

    port: int
    token: str
    java: str
    """``gateway.processes.identity`` of the server."""
    supervisor: str
    started_at: float
    """Seconds since the epoch."""
    idle_seconds: float


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def is_idle(used: Path, idle_seconds: float, now: float) -> bool:
    """Return True when the last use is too long ago, or the mark is gone."""
    try:
        return now - used.stat().st_mtime > idle_seconds
    except OSError:
        return True


class Runaway:
    """Notices a server that works hard for nobody: a task that its cancelled query left behind.

    Such a task never ends and holds its slot, so that the next query waits for ever (Spark 4.3.0, local).
    """

    def __init__(self) -> None:
        self._since: tuple[float, float] | None = None

    def is_seen(self, now: float, used_at: float, cpu_seconds: float | None) -> bool:
        """Return True when the server was unused and busy for long enough; asked again and again."""
        if cpu_seconds is None or now - used_at < _UNUSED_SECONDS:
            self._since = None
            return False
        if self._since is None:
            self._since = (now, cpu_seconds)
        elapsed = now - self._since[0]
        if elapsed < _BUSY_SECONDS:
            return False
        busy = (cpu_seconds - self._since[1]) / elapsed > _BUSY_CORES
        self._since = (now, cpu_seconds)
        return busy


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time that a process has used; None where the system does not tell. Source: proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Supervisor:
    """Starts one Java process and stays until it has ended."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._launch = Launch(**json.loads((folder / "launch.json").read_text("utf-8")))
        self._asked = False

    def run(self) -> int:
        """Return Java's exit code, after it ended by itself, was idle, or we were told to end."""
        wake, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        java = self._start()
        try:
            self._watch(java, wake)
            return self._end(java)
        finally:
            self._clean()

    def _stop(self, *_: object) -> None:
        self._asked = True

    def _start(self) -> "subprocess.Popen[bytes]":
        with open(self._folder / "log", "ab") as log:
            java = subprocess.Popen(
                self._launch.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=os.environ | self._launch.environment,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - has no threads
            )
        address = Address(
            port=self._launch.port,
            token=self._launch.token,
            java=identity(java.pid),
            supervisor=identity(),
            started_at=self._clock(),
            idle_seconds=self._launch.idle_seconds,
        )
        write_private(self._folder / "address.json", json.dumps(asdict(address)))
        return java

    def _watch(self, java: "subprocess.Popen[bytes]", wake: int) -> None:
        interval = min(10.0, max(0.05, self._launch.idle_seconds / 4))
        used = self._folder / "used"
        runaway = Runaway()
        while java.poll() is None and not self._asked and not is_idle(used, self._launch.idle_seconds, self._clock()):
            with contextlib.suppress(FileNotFoundError):
                self._asked = runaway.is_seen(self._clock(), used.stat().st_mtime, cpu_seconds(java.pid))
            if not self._asked and select.select([wake], [], [], interval)[0]:
                os.read(wake, 4096)

    def _end(self, java: "subprocess.Popen[bytes]") -> int:
        # From here on a newcomer starts a server of its own.
        (self._folder / "address.json").unlink(missing_ok=True)
        if java.poll() is None and self._asked and self._launch.archive_from:
            java.kill()  # somebody waits; the archive will be written by a server that ends idle
        if java.poll() is None:
            java.terminate()
        try:
            code = java.wait(_ARCHIVE_SECONDS if self._launch.archive_from else _GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            java.kill()
            code = java.wait()
        self._keep_archive()
        return code

    def _keep_archive(self) -> None:
        if self._launch.archive_from and not self._asked:
            with contextlib.suppress(OSError):
                os.replace(self._launch.archive_from, self._launch.archive_to)

    def _clean(self) -> None:
        for left in ("address.json", "launch.json", "arguments", "properties"):
            with contextlib.suppress(OSError):
                (self._folder / left).unlink(missing_ok=True)
        for left in ("tmp", "warehouse", "artifacts"):
            shutil.rmtree(self._folder / left, ignore_errors=True)
        if self._launch.archive_from:
            Path(self._launch.archive_from).unlink(missing_ok=True)


def _die_with_parent() -> None:
    """Have the kernel end Java when the supervisor is killed, which no handler sees. Source: prctl(2)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Run the supervisor of a folder, as a grandchild that init adopts; the child ends at once."""
    if os.fork():
        return 0
    return Supervisor(Path(arguments[0])).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
