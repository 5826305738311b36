"""What every test may use."""

import os
import signal
from collections.abc import Iterator

import pytest

from gateway.engines.spark import server
from gateway.home import open_home
from gateway.settings import resolve

# A job in the background of a script without job control ignores Ctrl-C, and so would every process that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def spark_remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the ``sc://`` URL of a Spark Connect server that lives as long as the test session.

    HEADGATE_TEST_SPARK=sc://host:port uses a running one instead.
    """
    running = os.environ.get("HEADGATE_TEST_SPARK")
    if running:
        yield running
        return
    home = open_home(tmp_path_factory.mktemp("spark-home"))
    settings = resolve({"spark.driver_memory": "1GB", "spark.start_timeout": "300s", "spark.idle": "60s"})
    try:
        address = server.start(settings, home)
        server.mark_used(
            server.folder_of(settings, home), ahead_seconds=2400
        )  # a killed test session leaves it no longer
        yield server.remote(address)
    finally:
        server.stop(home)
