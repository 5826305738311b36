"""``headgate load``: files into a table."""

import argparse
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gateway.units import human_bytes, human_duration, plural
from repl.exits import DONE
from repl.progress import ProgressLine
from repl.running import interruptible
from repl.subcommands.opening import opened_gateway
from repl.terminal import Terminal

if TYPE_CHECKING:
    from gateway.loading import LoadProgress, LoadReport, LoadRequest
    from gateway.loading.requests import OnProgress
    from gateway.service import Gateway

T = TypeVar("T")
MODES = ("create", "append", "replace")
"""`gateway.loading.LoadMode`'s values, which are not imported for ``--help``; a test compares them."""
SOURCE_FORMATS = ("csv", "tsv", "json", "parquet", "xlsx")
ON_ERROR = ("fail", "skip")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="files, folders or globs; gzip and zstd too")
    parser.add_argument("--table", metavar="NAME", required=True, help="[catalog.][schema.]table")
    parser.add_argument(
        "--partition-by", metavar="SPEC", default="", help="e.g. 'state, month(spud_date), bucket(16, id)'"
    )
    parser.add_argument(
        "--mode", choices=MODES, default="create", help="what becomes of a table that is there (create)"
    )
    parser.add_argument(
        "--source-format", choices=SOURCE_FORMATS, help="when the files' names and contents do not tell"
    )
    parser.add_argument("--on-error", choices=ON_ERROR, default="fail", help="what to do with broken rows (fail)")
    parser.add_argument("--rejects", metavar="FILE", type=Path, help="where skipped rows go (TABLE.rejects.csv)")
    parser.add_argument("--encoding", default="utf-8", help="of text files (utf-8)")
    parser.add_argument("--delimiter", help="of text files (found by itself)")
    parser.add_argument("--no-header", action="store_true", help="the first line is data; columns become column_1, …")
    parser.add_argument(
        "--null", metavar="TEXT", action="append", help="unquoted text that means NULL (the empty one); may be repeated"
    )


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Load, and say what was loaded. Raises: SqlError; KeyboardInterrupt, the table as it was."""
    with opened_gateway(arguments) as gateway:
        request = _request(arguments, gateway)
        terminal.say(report_text(watched(lambda on_progress: gateway.load(request, on_progress), terminal)))
    return DONE


def _request(arguments: argparse.Namespace, gateway: "Gateway") -> "LoadRequest":
    from catalog.identifiers import resolve, split_name
    from gateway.loading import LoadMode, LoadRequest, OnError, SourceFormat

    return LoadRequest(
        sources=tuple(arguments.sources),
        table=resolve(split_name(arguments.table), gateway.session().namespace),
        mode=LoadMode(arguments.mode),
        partition_by=arguments.partition_by,
        format=SourceFormat(arguments.source_format) if arguments.source_format else None,
        on_error=OnError(arguments.on_error),
        rejects_file=arguments.rejects,
        encoding=arguments.encoding,
        delimiter=arguments.delimiter,
        header=not arguments.no_header,
        null_texts=tuple(arguments.null or [""]),
    )


def watched(work: "Callable[[OnProgress], T]", terminal: Terminal) -> T:
    """Return what ``work`` returns, with a progress line and an ear for Ctrl-C. Raises: KeyboardInterrupt."""
    line = ProgressLine(terminal)
    interrupted = threading.Event()

    def on_progress(progress: "LoadProgress") -> None:
        line.watch(lambda elapsed: progress_text(progress, elapsed))
        if interrupted.is_set():
            raise KeyboardInterrupt

    try:
        return interruptible(lambda: work(on_progress), cancel=interrupted.set, tick=line.tick)
    finally:
        terminal.status("")


def progress_text(progress: "LoadProgress", elapsed_seconds: float) -> str:
    """Return ``reading  42%  1.2 GB of 2.8 GB  1,200,000 rows  12.0 s``."""
    parts = [progress.stage]
    if progress.bytes_total:
        parts.append(f"{min(progress.bytes_read / progress.bytes_total, 1):.0%}")
        parts.append(f"{human_bytes(progress.bytes_read)} of {human_bytes(progress.bytes_total)}")
    if progress.rows is not None:
        parts.append(plural(progress.rows, "row"))
    return "  ".join([*parts, human_duration(elapsed_seconds * 1000)])


def report_text(report: "LoadReport") -> str:
    """Return what a person wants to know after a load."""
    did = {"create": "created", "append": "appended to", "replace": "replaced"}[report.mode.value]
    lines = [f"warning: {warning}" for warning in report.warnings]
    if report.skipped_count:
        where = f", kept in {report.rejects_file}" if report.rejects_file else ""
        lines.append(f"skipped {plural(report.skipped_count, 'broken row')}{where}")
    lines.append(
        f"{did} {report.table} · {plural(report.record_count, 'row')} · {plural(report.file_count, 'file')},"
        f" {human_bytes(report.size_bytes)} · from {plural(report.source_count, 'file')},"
        f" {human_bytes(report.source_bytes)} · {human_duration(report.elapsed_seconds * 1000)}"
    )
    return "\n".join(lines)
