"""What the catalog's tests share: an empty home, a table, and what a predicate means for one row."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.identifiers import TableName
from catalog.lake import LakeCatalog, open_catalog
from catalog.predicates import (
    And,
    Comparison,
    In,
    IsNotNull,
    IsNull,
    Operator,
    Or,
    Predicate,
    StartsWith,
)
from catalog.schema import Schema
from catalog.store import CommitMode
from catalog.tables import PartitionField, Scan, Table
from catalog.writing import write_table

Load = Callable[..., Table]


def open_home(home: Path) -> LakeCatalog:
    return open_catalog(
        "lake", database=home / "catalog.sqlite", warehouse=home / "warehouse", cache=home / "cache", properties={}
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def lake(home: Path) -> Iterator[LakeCatalog]:
    catalog = open_home(home)
    yield catalog
    catalog.close()


@pytest.fixture
def reopen(home: Path) -> Iterator[Callable[[], LakeCatalog]]:
    """Open the same home again, as another process would."""
    opened: list[LakeCatalog] = []

    def again() -> LakeCatalog:
        opened.append(open_home(home))
        return opened[-1]

    yield again
    for catalog in opened:
        catalog.close()


def table_name(name: str) -> TableName:
    return TableName("lake", "default", name)


@pytest.fixture
def named() -> Callable[[str], TableName]:
    return table_name


@pytest.fixture
def make(lake: LakeCatalog) -> Load:
    """Create a table with one commit per given Arrow table."""

    def create(name: str, schema: Schema, *commits: pa.Table, partitioning: tuple[PartitionField, ...] = ()) -> Table:
        table = lake.create_table(table_name(name), schema, partitioning)
        for rows in commits:
            target = lake.stage(table.name)
            table = lake.commit(table.name, target, write_table(target, rows), CommitMode.APPEND)
        return table

    return create


@pytest.fixture
def append(lake: LakeCatalog) -> Load:
    """Append rows to a table in one commit."""

    def add(name: str, rows: pa.Table, mode: CommitMode = CommitMode.APPEND) -> Table:
        target = lake.stage(table_name(name))
        return lake.commit(table_name(name), target, write_table(target, rows), mode)

    return add


def read_scan(scan: Scan) -> list[dict[str, object]]:
    """Return the rows of a Parquet scan as an engine would read them: by field id, or by name; missing is NULL."""
    rows: list[dict[str, object]] = []
    for place, path in enumerate(scan.files.paths.to_pylist()):
        table = pq.ParquetFile(path).read()
        by_id = {(field.metadata or {}).get(b"PARQUET:field_id"): field.name for field in table.schema}
        columns = {}
        for column in scan.schema:
            name = by_id.get(str(column.field_id).encode()) if scan.by_field_id else column.name
            if column.name in scan.hive_partitions:
                columns[column.name] = [scan.files.partitions[column.name][place].as_py()] * table.num_rows
            elif name in table.schema.names:
                columns[column.name] = table.column(name).cast(column.type).to_pylist()
            else:
                columns[column.name] = [scan.defaults.get(column.name)] * table.num_rows
        rows += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return rows


@pytest.fixture(scope="session")
def read() -> Callable[[Scan], list[dict[str, object]]]:
    return read_scan


@pytest.fixture
def rows_of() -> Callable[[Scan], list[dict[str, object]]]:
    return read_scan


def compare(left: object, right: object) -> int:
    """Order two values as Spark does: NaN above every number and equal to itself, -0.0 equal to 0.0."""
    if isinstance(left, float) or isinstance(right, float):
        nans = math.isnan(left), math.isnan(right)  # type: ignore[arg-type]
        if any(nans):
            return nans[0] - nans[1]
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.encode(), right.encode()
    return (left > right) - (left < right)  # type: ignore[operator]


def accepts(predicate: Predicate, row: dict[str, object]) -> bool:
    """Return whether a row satisfies a predicate: the meaning that pruning must never lose."""
    match predicate:
        case And(terms):
            return all(accepts(term, row) for term in terms)
        case Or(terms):
            return any(accepts(term, row) for term in terms)
    value = row[predicate.column]
    match predicate:
        case IsNull():
            return value is None
        case IsNotNull():
            return value is not None
    if value is None:
        return False
    match predicate:
        case StartsWith(_, prefix):
            return str(value).startswith(prefix)
        case In(_, literals):
            return any(compare(value, literal) == 0 for literal in literals)
        case Comparison(_, operator, literal):
            order = compare(value, literal)
            return {
                Operator.EQ: order == 0,
                Operator.NE: order != 0,
                Operator.LT: order < 0,
                Operator.LE: order <= 0,
                Operator.GT: order > 0,
                Operator.GE: order >= 0,
            }[operator]
    raise AssertionError(predicate)


@pytest.fixture(scope="session")
def meaning() -> Callable[[Predicate, dict[str, object]], bool]:
    return accepts
