"""The local server with a real Java; see test_spark_supervisor for its supervisor alone."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.engines.base import EngineQuery, Health
from gateway.engines.spark import SparkEngine, server
from gateway.errors import EngineDiedError, EngineUnavailableError, OutOfMemoryError
from gateway.home import Home, open_home
from gateway.settings import Settings, resolve

pytestmark = pytest.mark.spark
ROOT = Path(__file__).parents[3]
OPTIONS = {"spark.driver_memory": "1GB", "spark.start_timeout": "300s"}
STARTER = f"""
from gateway.engines.spark import server
from gateway.home import open_home
from gateway.settings import resolve
print(server.start(resolve({OPTIONS!r}), open_home(__import__("sys").argv[1])).port)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = open_home(tmp_path_factory.mktemp("home"))
    yield home
    server.stop(home)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return resolve(OPTIONS)


def answer(engine: SparkEngine) -> list[dict[str, object]]:
    return [row for batch in engine.start(EngineQuery("SELECT 1 AS a")).batches() for row in batch.to_pylist()]


def test_two_processes_share_one_server_that_survives_them_and_its_own_death(
    home: Home, settings: Settings, tmp_path: Path
) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", STARTER, str(home.root)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ports = [int(starter.communicate(timeout=360)[0]) for starter in starters]
    assert ports[0] == ports[1]
    (first,) = server.status(home)
    assert first.ready
    assert list(tmp_path.iterdir()) == []  # no spark-warehouse, no metastore_db

    engine = SparkEngine(settings, home)
    assert engine.status().health is Health.READY
    assert answer(engine) == [{"a": 1}]
    run = engine.start(EngineQuery("SELECT count(*) FROM range(1000000000000000)"))
    killer = threading.Timer(1.0, os.kill, [first.pid, signal.SIGKILL])
    killer.start()
    with pytest.raises(EngineDiedError):
        list(run.batches())
    assert answer(engine) == [{"a": 1}]
    (second,) = server.status(home)
    assert second.pid != first.pid
    engine.close()
    assert server.status(home) != ()


def test_a_server_without_memory_is_replaced_and_the_query_told(home: Home, settings: Settings) -> None:
    engine = SparkEngine(settings, home)
    with pytest.raises(OutOfMemoryError):
        list(engine.start(EngineQuery("SELECT repeat('a', 2000000000 + CAST(id AS INT)) FROM range(1)")).batches())
    assert answer(engine) == [{"a": 1}]
    engine.close()


def test_files_of_the_server_are_the_owners_alone(home: Home, settings: Settings) -> None:
    server.start(settings, home)
    folder = server.folder_of(settings, home)
    for name in ("address.json", "arguments", "launch.json", "properties", "log"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
    command = Path(f"/proc/{server.status(home)[0].pid}/cmdline")
    if command.exists():
        assert server.status(home)[0].address.token not in command.read_text()


def test_a_stranger_without_the_token_is_refused(home: Home, settings: Settings, tmp_path: Path) -> None:
    address = server.start(settings, home)
    stranger = SparkEngine(resolve({"spark.remote": f"sc://127.0.0.1:{address.port}"}), open_home(tmp_path / "h"))
    with pytest.raises(EngineUnavailableError, match="token"):
        stranger.start(EngineQuery("SELECT 1"))
    stranger.close()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    settings = resolve(OPTIONS | {"spark.conf": {"sql.extensions": "", "serializer": "no.such.Class"}})
    engine = SparkEngine(settings, open_home(tmp_path / "home"))
    with pytest.raises(EngineUnavailableError, match=r"no\.such\.Class"):
        engine.start(EngineQuery("SELECT 1"))
    status = engine.status()
    assert status.health is Health.UNAVAILABLE
    assert "no.such.Class" in status.detail
    engine.close()


def test_without_java_the_engine_says_so_and_status_does_not_wait(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    engine = SparkEngine(resolve({}), open_home(tmp_path / "home"))
    assert engine.status().health is Health.UNAVAILABLE
    with pytest.raises(EngineUnavailableError, match="JAVA_HOME"):
        engine.start(EngineQuery("SELECT 1"))
    engine.close()
