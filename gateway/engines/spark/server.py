"""The life of the local Spark Connect server: one per home and settings, shared by every process.

Starting takes a lock, so two shells that want Spark at once get one server. The server belongs to its
``supervisor``, not to who started it. Imports no pyspark.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from gateway import processes
from gateway.engines.java import Java, find_java
from gateway.engines.spark import launch
from gateway.engines.spark.supervisor import Address, Launch, write_private
from gateway.errors import EngineUnavailableError
from gateway.home import Home
from gateway.settings import Settings

_POLL_SECONDS = 0.05
_EXCEPTION = re.compile(r"(Exception in thread .*|Caused by: )?[\w.$]+(Exception|Error): ")
_STARTS = 3
"""How often a start is tried when another program takes the chosen port first."""


@dataclass(frozen=True)
class ServerStatus:
    """A local server of a home."""

    folder: Path
    """Holds its log."""
    address: Address
    ready: bool
    """False while it starts."""
    idle_for_seconds: float

    @property
    def pid(self) -> int:
        return int(self.address.java.split(" ")[1])

    @property
    def log(self) -> Path:
        return self.folder / "log"


def remote(address: Address) -> str:
    """Return the ``sc://`` URL of a local server; holds its token, so it is not for printing."""
    # The token goes as plain metadata: pyspark's own token parameter insists on TLS, which loopback does not need.
    return f"sc://127.0.0.1:{address.port}/;authorization={quote('Bearer ' + address.token)}"


def find(settings: Settings, home: Home) -> ServerStatus | None:
    """Return the running server that these settings would share, at once; None when there is none."""
    return _status(_folder(settings, home))


def status(home: Home) -> tuple[ServerStatus, ...]:
    """Return every server of the home that runs."""
    if not home.spark.is_dir():
        return ()
    found = (_status(folder) for folder in sorted(home.spark.iterdir()) if folder.is_dir())
    return tuple(server for server in found if server)


def start(settings: Settings, home: Home) -> Address:
    """Return the address of a server that answers, started if there is none.

    Raises: EngineUnavailableError when there is no Java or no Spark, or when it does not start in
    ``spark.start_timeout_seconds``; the message ends with what the log says.
    """
    folder = _folder(settings, home)
    deadline = time.monotonic() + settings.spark.start_timeout_seconds
    running = _status(folder)
    if running and running.ready:
        mark_used(folder)
        return running.address
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _lock(folder / "lock", deadline):
        for _ in range(_STARTS):
            mark_used(folder)  # before the supervisor looks
            if _status(folder) is None:
                _launch(settings, home, folder)
            address = _wait(folder, deadline, settings.spark.start_timeout_seconds)
            if address is not None:
                return address
            said = _log_tail(folder)
            if "BindException" not in said and "bind" not in said.lower():
                break
    raise EngineUnavailableError(f"Spark did not start: {said}", hint=f"see {folder / 'log'}")


def stop(home: Home, *, wait_seconds: float = 30.0) -> int:
    """Stop every server of the home and return how many there were, when they are gone."""
    servers = status(home)
    for server in servers:
        (server.folder / "address.json").unlink(missing_ok=True)
        _signal(server.address.supervisor)
    deadline = time.monotonic() + wait_seconds
    for server in servers:
        while lives(server.address.java) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        if lives(server.address.java):
            _signal(server.address.java, kill=True)
    return len(servers)


def mark_used(folder: Path, *, ahead_seconds: float = 0.0) -> None:
    """Say that the server is in use until so far ahead.

    It stops when nobody says so for ``spark.idle_seconds``, and soon when it works hard all the same. Engines say
    it while queries run; who hands the address to others says it for as long as they may use it.
    """
    with contextlib.suppress(OSError):
        (folder / "used").touch()
        if ahead_seconds:
            os.utime(folder / "used", (time.time() + ahead_seconds,) * 2)


def folder_of(settings: Settings, home: Home) -> Path:
    """Return the folder of the server that these settings share.

    Raises: EngineUnavailableError when there is no Java or no Spark.
    """
    return _folder(settings, home)


def _folder(settings: Settings, home: Home) -> Path:
    return home.spark / launch.fingerprint(settings, launch.find_spark(), find_java())


def _status(folder: Path) -> ServerStatus | None:
    try:
        address = Address(**json.loads((folder / "address.json").read_text("utf-8")))
        idle_for = time.time() - (folder / "used").stat().st_mtime
    except (OSError, ValueError, TypeError):
        return None
    if not lives(address.java):
        return None
    return ServerStatus(folder, address, _answers(address.port), max(0.0, idle_for))


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def lives(identity: str) -> bool:
    """Return True when the process of that identity runs; one that ended unreaped does not."""
    if processes.is_gone(identity):
        return False
    try:
        state = Path(f"/proc/{identity.split(' ')[1]}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return not processes.is_gone(identity)
    return state not in "ZX"


def _signal(identity: str, *, kill: bool = False) -> None:
    import signal

    # Its start time is checked first, so a process that got the number later is never hit.
    if lives(identity):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(identity.split(" ")[1]), signal.SIGKILL if kill else signal.SIGTERM)


@contextlib.contextmanager
def _lock(path: Path, deadline: float) -> Iterator[None]:
    with open(path, "w", encoding="utf-8") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EngineUnavailableError(
                        "another process starts Spark and does not get done", hint=f"see {path.parent / 'log'}"
                    ) from None
                time.sleep(_POLL_SECONDS)
        yield


def _launch(settings: Settings, home: Home, folder: Path) -> None:
    """Write what is to be started and start the supervisor; returns before Java answers."""
    java, spark = find_java(), launch.find_spark()
    port, token = _free_port(), secrets.token_urlsafe(24)
    properties = launch.spark_properties(settings, port=port, folder=folder)
    archive = launch.class_archive(home, spark, java)
    draft = archive.with_name(f"{archive.stem}-{token[:8]}{archive.suffix}")
    recording = not archive.exists()
    archive.parent.mkdir(parents=True, exist_ok=True)
    options = launch.jvm_options(java, settings.spark.effective_driver_memory_bytes)
    options += launch.archive_options(java, archive, record_to=draft if recording else None)
    (folder / "tmp").mkdir(exist_ok=True)
    options.append(f"-Djava.io.tmpdir={folder / 'tmp'}")
    direct = not launch.needs_submit(settings.spark.master)
    write_private(folder / "arguments", launch.argument_file(options, properties, direct=direct))
    write_private(folder / "properties", launch.properties_file(properties))
    write_private(
        folder / "launch.json",
        json.dumps(
            asdict(
                Launch(
                    command=_command(java, spark, folder, direct=direct),
                    environment={launch.TOKEN_VARIABLE: token, "SPARK_HOME": str(spark.home)},
                    port=port,
                    token=token,
                    idle_seconds=settings.spark.idle_seconds,
                    archive_from=str(draft) if recording else "",
                    archive_to=str(archive) if recording else "",
                )
            )
        ),
    )
    _run_supervisor(folder)


def _command(java: Java, spark: launch.SparkInstallation, folder: Path, *, direct: bool) -> list[str]:
    command = [java.executable, f"@{folder / 'arguments'}", "-cp", spark.classpath]
    if direct:
        return [*command, launch.MAIN_CLASS]
    # A cluster's own preparations (YARN's and Kubernetes' uploads) are SparkSubmit's work.
    submit = ["org.apache.spark.deploy.SparkSubmit", "--properties-file", str(folder / "properties")]
    return [*command, *submit, "--class", launch.MAIN_CLASS, "spark-internal"]


def _run_supervisor(folder: Path) -> None:
    log = folder / "log"
    if log.exists():
        log.replace(folder / "log.1")
    source = str(Path(__file__).resolve().parents[3])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))}
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
        subprocess.run(
            [sys.executable, "-P", "-m", "gateway.engines.spark.supervisor", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=environment,
            start_new_session=True,
            check=True,
        )


def _wait(folder: Path, deadline: float, timeout_seconds: float) -> Address | None:
    """Return the address once it answers; None when Java ended first."""
    while time.monotonic() < deadline:
        mark_used(folder)
        server = _status(folder)
        if server and server.ready:
            return server.address
        if server is None and not (folder / "launch.json").exists():  # the supervisor's last act
            return None
        time.sleep(_POLL_SECONDS)
    raise EngineUnavailableError(
        f"Spark did not start within {timeout_seconds:g} seconds",
        hint=f"see {folder / 'log'}, or raise spark.start_timeout_seconds",
    )


def ran_out_of_memory(folder: Path) -> bool:
    """Return True when the folder's last server ended for want of memory."""
    try:
        with open(folder / "log", "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 4096))
            return b"Terminating due to java.lang.OutOfMemoryError" in log.read()
    except OSError:
        return False


def _log_tail(folder: Path) -> str:
    """Return the first exception that the log names, which is the cause; later ones follow from it."""
    try:
        lines = (folder / "log").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return "it left no log"
    named = [line for line in lines if _EXCEPTION.match(line)]
    complaints = named or [line for line in lines if "ERROR" in line or line.startswith("Error")]
    return (complaints or lines or ["its log is empty"])[0].strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
