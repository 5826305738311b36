"""How long `headgate -c 'select 1'` takes as a whole process, and what of that is which import.

python -m benchmarks.startup [RUNS]
"""

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from benchmarks.figures import Figure, save, show

GOAL_SECONDS = 0.6
HEADGATE = [sys.executable, "-m", "repl", "-q", "-c", "select 1"]
NEVER = ("pyspark", "pandas", "flask", "prompt_toolkit")
IMPORTS = {
    "Python itself": "pass",
    "duckdb": "import duckdb",
    "pyarrow (with numpy)": "import pyarrow",
    "sqlglot with its Spark dialect": "from sqlglot.dialects.spark import Spark",
    "all three": "import pyarrow, duckdb; from sqlglot.dialects.spark import Spark",
    "pyiceberg's SQL catalog": "import pyiceberg.catalog.sql",
}


@dataclass(frozen=True)
class Cost:
    """Medians over several runs of one process."""

    wall_seconds: float
    cpu_seconds: float


def cost(command: list[str], runs: int) -> Cost:
    """Return what a command costs from start to end, after one run that warms the disk."""
    walls, cpus = [], []
    for run in range(runs + 1):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed: {done.stderr}")
        if run:
            walls.append(wall)
            cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Cost(statistics.median(walls), statistics.median(cpus))


def loaded_modules() -> list[str]:
    """Return the heavy modules that the command loads and must not."""
    timed = subprocess.run(
        [sys.executable, "-X", "importtime", *HEADGATE[1:]], capture_output=True, text=True, check=True
    )
    loaded = re.findall(r"\| +([\w.]+)$", timed.stderr, re.MULTILINE)
    # A package alone is a try that failed; one that is loaded brings its modules.
    return [name for name in NEVER if any(each.startswith(f"{name}.") for each in loaded)]


def main() -> None:
    """Measure, print and keep."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as home:
        os.environ["HEADGATE_HOME"] = home
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a checkout that never keeps bytecode compiles every time
        whole = cost(HEADGATE, runs)
        loaded = loaded_modules()
    parts = {name: cost([sys.executable, "-c", script], runs) for name, script in IMPORTS.items()}
    figures = [
        Figure(
            "`headgate -c 'select 1'`, whole process, warm disk",
            f"{whole.wall_seconds:.2f} s",
            goal=f"≤ {GOAL_SECONDS} s",
            met=whole.wall_seconds <= GOAL_SECONDS,
            note=f"median of {runs}; {whole.cpu_seconds:.2f} s CPU",
        ),
        Figure(
            f"modules among {', '.join(NEVER)} that it loads", ", ".join(loaded) or "none", goal="none", met=not loaded
        ),
        *(
            Figure(f"of which: {name}", f"{part.wall_seconds:.2f} s", note=f"alone; {part.cpu_seconds:.2f} s CPU")
            for name, part in parts.items()
        ),
    ]
    show(figures)
    save("startup", figures)


if __name__ == "__main__":
    main()
