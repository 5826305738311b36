"""`make bench`: run every benchmark in a process of its own, then write docs/benchmarks.md from what they kept.

python -m benchmarks [NAME…] [--report-only]
"""

import argparse
import json
from pathlib import Path

from benchmarks.figures import RESULTS, run_module

MODULES = ("startup", "in_process", "planning", "load", "export", "spark_overhead")
"""In the order of docs/benchmarks.md."""
REPORT = Path(__file__).parent.parent / "docs" / "benchmarks.md"

INTRODUCTION = """# Benchmarks

Written by `make bench`. Each figure is a median of several runs, or a ratio of medians measured in one run
beside the bare engine; machines are noisy, ratios less so.
"""


def main() -> int:
    """Run the named benchmarks, all by default; return 1 when one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--report-only", action="store_true", help="write the report from kept results")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in MODULES]
    if unknown:
        parser.error(f"unknown benchmark {', '.join(unknown)}; there are {', '.join(MODULES)}")
    failed = []
    if not arguments.report_only:
        failed = [name for name in arguments.names or MODULES if run_module(name, []) != 0]
    REPORT.write_text(report())
    print(f"wrote {REPORT}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def report() -> str:
    """Return docs/benchmarks.md made of the kept results."""
    parts = [INTRODUCTION]
    for name in MODULES:
        file = RESULTS / f"{name}.json"
        if file.exists():
            parts.append(section(name, json.loads(file.read_text())))
    return "\n".join(parts)


def section(name: str, content: dict[str, object]) -> str:
    """Return one benchmark's table."""
    machine, figures = content["machine"], content["figures"]
    assert isinstance(machine, dict)
    assert isinstance(figures, list)
    libraries = ", ".join(f"{library} {release}" for library, release in machine["libraries"].items())
    lines = [
        f"## {name.replace('_', ' ').capitalize()}",
        "",
        f"{content['measured_at']} · {machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB ·"
        f" Python {machine['python']}, {libraries}",
        "",
        "| what | reached | goal | | how |",
        "|---|---|---|---|---|",
    ]
    verdicts = {True: "reached", False: "**missed**", None: ""}
    for figure in figures:
        cells = (figure["what"], figure["reached"], figure["goal"], verdicts[figure["met"]], figure["note"])
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    raise SystemExit(main())
