"""A measured figure, the goal it is held against, and the machine it was measured on."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("duckdb", "pyspark", "sqlglot", "pyiceberg", "pyarrow")


@dataclass(frozen=True)
class Figure:
    """One row of docs/benchmarks.md."""

    what: str
    """What was measured, with its size."""
    reached: str
    """The figure, with its unit: a median, or a ratio of medians."""
    goal: str = ""
    """What it must reach, as the design says; empty when there is none."""
    met: bool | None = None
    """None when there is no goal."""
    note: str = ""
    """How it was measured, what bounds it."""


@dataclass(frozen=True)
class Machine:
    """Where figures come from."""

    cores: int
    memory_gb: float
    processor: str
    system: str
    python: str
    libraries: dict[str, str]


def machine() -> Machine:
    """Return what this machine is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(memory, 1),
        processor=_processor(),
        system=platform.system(),
        python=platform.python_version(),
        libraries={name: version(name) for name in LIBRARIES},
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else "unknown"


def save(name: str, figures: Iterable[Figure]) -> Path:
    """Keep a benchmark's figures as JSON, with machine, versions and time; return the file."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}.json"
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    content = {"measured_at": measured_at, "machine": asdict(machine()), "figures": [asdict(each) for each in figures]}
    file.write_text(json.dumps(content, indent=1) + "\n")
    return file


def show(figures: Iterable[Figure]) -> None:
    """Print figures as they are kept."""
    for figure in figures:
        verdict = {True: "reached", False: "MISSED", None: ""}[figure.met]
        goal = f" (goal {figure.goal}: {verdict})" if figure.goal else ""
        print(f"{figure.what}: {figure.reached}{goal}" + (f" — {figure.note}" if figure.note else ""))


def run_module(name: str, arguments: list[str]) -> int:
    """Run a benchmark in a process of its own, so that none measures the other's memory; return its exit code."""
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=False).returncode
