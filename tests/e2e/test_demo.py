"""What `make demo` shows: every statement of docs/demo.sql answers, on the engine that the script promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = {"duckdb.memory_limit": "24MB", "duckdb.temp_limit": "1MB"}
"""So little that the sample of this test is as large to DuckDB as the demo's is to what the demo allows."""


def headgate(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process; fail with what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "repl", "--home", str(home), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.spark
def test_the_demo_script_answers_from_both_engines(tmp_path: Path, spark_remote: str) -> None:
    home = tmp_path / "home"
    headgate(home, "sample", "wells", "--rows", "400000")
    settings = [part for name, value in SMALL.items() for part in ("--set", f"{name}={value}")]

    done = headgate(home, *settings, "--set", f"spark.remote={spark_remote}", "--stats", "-q", "-f", "docs/demo.sql")

    stats = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [each["engine"] for each in stats] == ["duckdb", "duckdb", "catalog", "spark", "spark"]
    assert "needs about" in stats[3]["reason"]
    assert "percentile_approx" in stats[4]["reason"]
    assert all(each["rows"] for each in stats)
