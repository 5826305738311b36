"""The one path of a load: find, look, stage, write, commit."""

import csv
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from catalog.errors import AlreadyExistsError, InvalidDefinitionError, TableNotFoundError
from catalog.identifiers import fold
from catalog.schema import Schema
from catalog.store import Catalog, CommitMode, WriteTarget
from catalog.tables import Table
from gateway.errors import NotSupportedError
from gateway.loading.csv_layout import LaidOut, lay_out
from gateway.loading.errors import SourceFormatError, disk_errors
from gateway.loading.json_lines import split_broken_json
from gateway.loading.partitions import parse_partitioning
from gateway.loading.requests import LoadMode, LoadProgress, LoadReport, LoadRequest, OnError, OnProgress, SourceFormat
from gateway.loading.rows import (
    BrokenRow,
    CsvGroup,
    CsvSource,
    Expectation,
    Ingest,
    Outcome,
    Rows,
    StructuredSource,
    TypesChangedError,
)
from gateway.loading.samples import write_samples
from gateway.loading.sources import SourceFile, find_sources
from gateway.loading.text_files import NATIVE_ENCODINGS, convert_workbook, transcode

_MAX_ROUNDS = 3
"""A second round follows a sample that misled; a third would mean that the files change as they are read."""


def load(request: LoadRequest, catalog: Catalog, engine: Ingest, on_progress: OnProgress | None = None) -> LoadReport:
    """Load files into a table: all rows or none, in one commit.

    ``on_progress`` is called on the caller's thread; what it raises, KeyboardInterrupt included, stops the load and
    leaves the table as it was.
    Raises: what ``gateway.loading.errors`` names; AlreadyExistsError, TableNotFoundError; InvalidDefinitionError and
    ColumnNotFoundError for the partitioning; DiskFullError, OutOfMemoryError; CommitConflictError.
    """
    started = time.monotonic()
    existing = _existing(request, catalog)
    sources = find_sources(request.sources, request.format)
    meter = _Meter(sources, on_progress)
    meter.say("looking", 0.0)
    expectation = Expectation(existing.schema if existing else None, request.on_error is OnError.SKIP)
    with disk_errors(), _work_folder(engine.temp) as folder:
        rows = _open(request, sources, expectation, engine, folder, meter)
        target, outcome = _write(request, catalog, rows, meter)
        meter.say("committing", 1.0, outcome.record_count)
        table = _commit(request, catalog, target, outcome)
        skipped = (*expectation.skipped, *outcome.skipped)
        return LoadReport(
            table=request.table,
            mode=request.mode,
            schema=table.schema,
            partitioning=table.partitioning,
            record_count=outcome.record_count,
            file_count=len(outcome.files),
            size_bytes=outcome.size_bytes,
            source_count=len(sources),
            source_bytes=meter.bytes_total,
            skipped_count=len(skipped),
            rejects_file=_write_rejects(request, skipped),
            warnings=(*expectation.warnings, *rows.warnings),
            elapsed_seconds=time.monotonic() - started,
        )


class _Meter:
    """Turns fractions into bytes for whoever watches."""

    def __init__(self, sources: Sequence[SourceFile], on_progress: OnProgress | None) -> None:
        self.bytes_total = sum(source.size_bytes for source in sources)
        self._files = len(sources)
        self._on_progress = on_progress

    def say(self, stage: str, fraction: float, rows: int | None = None) -> None:
        if self._on_progress is not None:
            done = int(self.bytes_total * fraction)
            self._on_progress(LoadProgress(done, self.bytes_total, rows, self._files, stage))


def _existing(request: LoadRequest, catalog: Catalog) -> Table | None:
    """Return the table that gets the rows, None when a new one is made; refuse early what cannot end well."""
    try:
        found = catalog.load(request.table)
    except TableNotFoundError:
        if request.mode is LoadMode.APPEND:
            raise
        return None
    if not hasattr(found, "scan"):
        raise NotSupportedError(f"{request.table} is a view", hint="choose another name")
    if request.mode is LoadMode.CREATE:
        raise AlreadyExistsError(
            f"{request.table} exists", hint="--mode append adds to it, --mode replace puts the new rows in its place"
        )
    if request.mode is LoadMode.REPLACE:
        return None
    if request.partition_by:
        raise InvalidDefinitionError(
            f"{request.table} has its partitioning already", hint="leave --partition-by out when appending"
        )
    return found  # type: ignore[return-value]


@contextmanager
def _work_folder(temp: Path) -> Iterator[Path]:
    """Yield a folder for copies and samples that is gone afterwards."""
    temp.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="load-", dir=temp))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(request: LoadRequest, catalog: Catalog, rows: Rows, meter: _Meter) -> tuple[WriteTarget, Outcome]:
    for _ in range(_MAX_ROUNDS):
        target = _stage(request, catalog, rows.schema)
        try:
            return target, rows.write(target, lambda fraction: meter.say("reading", fraction))
        except TypesChangedError:
            catalog.discard(target)
        except BaseException:
            catalog.discard(target)
            raise
    raise SourceFormatError("the files change while they are read", hint="load a copy of them")


def _stage(request: LoadRequest, catalog: Catalog, schema: Schema) -> WriteTarget:
    if request.mode is LoadMode.APPEND:
        return catalog.stage(request.table)
    partitioning = parse_partitioning(request.partition_by, schema)
    if request.mode is LoadMode.REPLACE:
        return catalog.stage_new(request.table, schema, partitioning, replace=True)
    return catalog.stage_new(request.table, schema, partitioning)


def _commit(request: LoadRequest, catalog: Catalog, target: WriteTarget, outcome: Outcome) -> Table:
    try:
        if request.mode is LoadMode.APPEND:
            return catalog.commit(request.table, target, outcome.files, CommitMode.APPEND)
        return catalog.commit_new(request.table, target, outcome.files, replace=request.mode is LoadMode.REPLACE)
    except BaseException:
        catalog.discard(target)
        raise


def _open(
    request: LoadRequest,
    sources: Sequence[SourceFile],
    expectation: Expectation,
    engine: Ingest,
    folder: Path,
    meter: _Meter,
) -> Rows:
    def tick(_: float) -> None:
        meter.say("looking", 0.0)

    formats = {_family(source.format) for source in sources}
    if len(formats) > 1:
        names = ", ".join(sorted(format_.value for format_ in formats))
        raise SourceFormatError(f"the files are of several formats: {names}", hint="load them one format at a time")
    match formats.pop():
        case SourceFormat.CSV:
            return engine.csv(_csv_source(request, sources, expectation, folder), expectation, tick)
        case SourceFormat.XLSX:
            return engine.csv(_workbooks(request, sources, expectation, folder), expectation, tick)
        case SourceFormat.JSON if expectation.skip_broken:
            return engine.structured(_sound_json(sources, expectation, folder), expectation, tick)
        case format_:
            return engine.structured(StructuredSource(format_, tuple(sources)), expectation, tick)


def _sound_json(sources: Sequence[SourceFile], expectation: Expectation, folder: Path) -> StructuredSource:
    files: list[SourceFile] = []
    for number, source in enumerate(sources):
        copy, broken = split_broken_json(source, folder, number)
        files.append(copy if broken else source)
        expectation.skipped += broken
    return StructuredSource(SourceFormat.JSON, tuple(files))


def _family(format_: SourceFormat) -> SourceFormat:
    return SourceFormat.CSV if format_ is SourceFormat.TSV else format_


def _csv_source(
    request: LoadRequest, sources: Sequence[SourceFile], expectation: Expectation, folder: Path
) -> CsvSource:
    laid = [_readable(source, lay_out(source, request), folder, number) for number, source in enumerate(sources)]
    expectation.warnings += dict.fromkeys(warning for _, one in laid for warning in one.warnings)
    names = {frozenset(map(fold, one.layout.names)) for _, one in laid}
    if len(names) > 1:
        expectation.warnings.append("the files do not all have the same columns: what a file lacks is NULL in its rows")
    return CsvSource(_grouped(laid, folder), null_texts=request.null_texts)


def _readable(source: SourceFile, laid: LaidOut, folder: Path, number: int) -> tuple[SourceFile, LaidOut]:
    """Return the file, or a UTF-8 copy when its encoding needs one."""
    if laid.layout.encoding in NATIVE_ENCODINGS:
        return source, laid
    copy = transcode(source, laid.layout.encoding, folder, number)
    return copy, replace(laid, layout=replace(laid.layout, encoding="utf-8", compression="none"))


def _grouped(laid: Sequence[tuple[SourceFile, LaidOut]], folder: Path) -> tuple[CsvGroup, ...]:
    by_layout: dict[object, list[tuple[SourceFile, LaidOut]]] = {}
    for source, one in laid:
        by_layout.setdefault(one.layout, []).append((source, one))
    groups: list[CsvGroup] = []
    for number, members in enumerate(by_layout.values()):
        place = folder / f"group-{number}"
        place.mkdir()
        files = tuple(source for source, _ in members)
        groups.append(CsvGroup(members[0][1].layout, files, tuple(write_samples(members, place))))
    return tuple(groups)


def _workbooks(
    request: LoadRequest, sources: Sequence[SourceFile], expectation: Expectation, folder: Path
) -> CsvSource:
    books = [convert_workbook(source, folder, number, request.header) for number, source in enumerate(sources)]
    expectation.warnings += [warning for book in books for warning in book.warnings]
    plain = LoadRequest(request.sources, request.table, delimiter=",", encoding="utf-8")
    groups = _grouped([(book.file, replace(lay_out(book.file, plain), warnings=())) for book in books], folder)
    texts = frozenset(fold(name) for book in books for name in book.text_columns)
    return CsvSource(groups, texts, request.null_texts)


def _write_rejects(request: LoadRequest, skipped: Sequence[BrokenRow]) -> Path | None:
    if not skipped:
        return None
    path = request.rejects_file or Path(f"{request.table.name}.rejects.csv").absolute()
    with path.open("w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink)
        writer.writerow(("file", "line", "reason", "row"))
        writer.writerows((row.file.shown, row.line, row.reason, row.raw) for row in skipped)
    return path
