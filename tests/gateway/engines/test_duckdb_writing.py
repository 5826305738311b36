"""What DuckDB writes for a commit: partition values by the specification, field ids, and floats nobody loses."""

import datetime
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.transforms import parse_transform
from pyiceberg.types import (
    BinaryType,
    DateType,
    DecimalType,
    IcebergType,
    LongType,
    StringType,
    TimestampType,
    TimestamptzType,
)
from pyiceberg.utils.datetime import date_to_days, datetime_to_micros

from catalog.errors import InvalidDefinitionError
from catalog.predicates import Literal
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column, Schema
from catalog.store import WriteTarget
from catalog.tables import PartitionField
from gateway.engines.duckdb.transforms import partition_sql
from gateway.engines.duckdb.writing import Written, write


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        yield connection


def target(folder: Path, columns: list[Column], *partitioning: str, **options: Any) -> WriteTarget:
    fields = tuple(
        PartitionField(source, transform, f"p{index}")
        for index, (source, transform) in enumerate(text.split(":") for text in partitioning)
    )
    return WriteTarget(str(folder), Schema(tuple(columns)), fields, **options)


DATES = [datetime.date(1, 1, 1), datetime.date(1969, 12, 31), datetime.date(1970, 1, 1), datetime.date(2024, 2, 29)]
MOMENTS = [
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(1970, 1, 1),
    datetime.datetime(2017, 11, 16, 22, 31, 8),
]
CASES: list[tuple[IcebergType, pa.DataType, list[Any], list[str]]] = [
    (
        LongType(),
        pa.int64(),
        [0, 1, -1, 34, 2**63 - 1, -(2**62), 1000],
        ["identity", "bucket[16]", "bucket[1000]", "truncate[10]"],
    ),
    (
        StringType(),
        pa.string(),
        ["", "iceberg", "ab", "höhe=1/2%20", "😀😀😀", "x" * 600, "__HIVE_DEFAULT_PARTITION__", "NULL"],
        ["identity", "bucket[16]", "bucket[997]", "truncate[2]"],
    ),
    (BinaryType(), pa.binary(), [b"", b"\x00\x01\x02\x03", b"\xff" * 9], ["identity", "bucket[97]", "truncate[3]"]),
    (DateType(), pa.date32(), DATES, ["identity", "year", "month", "day", "bucket[97]"]),
    (TimestampType(), TIMESTAMP_NTZ, MOMENTS, ["identity", "year", "month", "day", "hour", "bucket[97]"]),
    (
        TimestamptzType(),
        TIMESTAMP,
        [moment.replace(tzinfo=datetime.UTC) for moment in MOMENTS],
        ["identity", "year", "month", "day", "hour", "bucket[97]"],
    ),
    (
        DecimalType(38, 2),
        pa.decimal128(38, 2),
        [decimal.Decimal(text) for text in ("0.00", "14.20", "-0.01", "1.27", "1.28", "-1.28", "-1.29", "9" * 36)],
        ["identity", "bucket[97]", "truncate[50]"],
    ),
]


def by_specification(transform: str, type_: IcebergType, value: Any) -> Any:
    internal = value
    if isinstance(value, datetime.datetime):
        internal = datetime_to_micros(value)
    elif isinstance(value, datetime.date):
        internal = date_to_days(value)
    return value if transform == "identity" else parse_transform(transform).transform(type_)(internal)


@pytest.mark.parametrize(
    ("iceberg", "arrow", "values", "transform"),
    [(iceberg, arrow, values, one) for iceberg, arrow, values, transforms in CASES for one in transforms],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_partition_values_are_those_of_the_specification(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    iceberg: IcebergType,
    arrow: pa.DataType,
    values: list[Any],
    transform: str,
) -> None:
    connection.execute("SET TimeZone = 'America/New_York'")
    connection.register("source", pa.table({"c": pa.array([*values, None], arrow)}))
    written = write(
        connection, "SELECT c FROM source", target(tmp_path, [Column("c", arrow, field_id=1)], f"c:{transform}")
    )
    assert written.record_count == len(values) + 1
    for file in written.files:
        rows = pq.read_table(file.path)["c"].cast(arrow).to_pylist()
        expected = {None if row is None else by_specification(transform, iceberg, row) for row in rows}
        assert expected == {file.partition[0]}
    assert len({file.partition for file in written.files}) == len(written.files)


def test_a_transform_that_does_not_take_the_type_is_refused() -> None:
    for type_, transform in (
        (pa.float64(), "bucket[4]"),
        (pa.date32(), "hour"),
        (pa.string(), "month"),
        (pa.list_(pa.int32()), "identity"),
        (pa.int32(), "zorder"),
    ):
        with pytest.raises(InvalidDefinitionError):
            partition_sql('"c"', type_, transform)


def test_field_ids_reach_into_nested_types(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    def child(name: str, type_: pa.DataType, field_id: int) -> pa.Field:
        return pa.field(name, type_, metadata={"PARQUET:field_id": str(field_id)})

    inner = pa.struct([child("x y", pa.int32(), 3), child("l", pa.list_(child("element", pa.int32(), 5)), 4)])
    table = pa.map_(
        pa.field("key", pa.string(), nullable=False, metadata={"PARQUET:field_id": "7"}),
        child("value", pa.float64(), 8),
    )
    columns = [Column('a "b"', pa.int32(), field_id=1), Column("s", inner, field_id=2), Column("m", table, field_id=6)]
    sql = "SELECT 1, {'x y': 2, 'l': [1, NULL]}, map {'k': 1.5::DOUBLE}"
    (file,) = write(connection, sql, target(tmp_path, columns)).files

    schema = pq.read_schema(file.path)

    def ids(field: pa.Field) -> list[int]:
        type_ = field.type
        children = [type_.key_field, type_.item_field] if pa.types.is_map(type_) else list(_children(type_))
        own = (field.metadata or {}).get(b"PARQUET:field_id")
        return [*([int(own)] if own else []), *(number for one in children for number in ids(one))]

    def _children(type_: pa.DataType) -> Iterator[pa.Field]:
        return (type_.field(index) for index in range(type_.num_fields))

    assert [ids(field) for field in schema] == [[1], [2, 3, 4, 5], [6, 7, 8]]
    assert schema.names == ['a "b"', "s", "m"]


def test_identity_partition_columns_stay_inside_the_files(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    columns = [Column("i", pa.int64(), field_id=1), Column("s", pa.string(), field_id=2)]
    written = write(connection, "SELECT i, 'v' || i % 3 FROM range(9) t(i)", target(tmp_path, columns, "s:identity"))
    assert sorted(file.partition for file in written.files) == [("v0",), ("v1",), ("v2",)]
    for file in written.files:
        assert set(pq.read_table(file.path)["s"].to_pylist()) == set(file.partition)


def test_many_partitions_give_one_file_each(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    columns = [Column("i", pa.int64(), field_id=1)]
    written = write(connection, "SELECT i FROM range(600000) t(i)", target(tmp_path, columns, "i:bucket[300]"))
    assert len(written.files) == 300
    assert written.record_count == 600000


def test_files_grow_to_the_target_size_and_no_further(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    columns = [Column("h", pa.int64(), field_id=1)]
    sql = "SELECT (hash(i) >> 1)::BIGINT FROM range(2000000) t(i)"
    written = write(connection, sql, target(tmp_path, columns, target_file_bytes=4_000_000))
    sizes = [Path(file.path).stat().st_size for file in written.files]
    assert len(sizes) > 2
    assert max(sizes) < 8_000_000
    assert sum(sizes) == written.size_bytes


def test_no_rows_leave_no_file(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    written = write(connection, "SELECT 1 WHERE false", target(tmp_path, [Column("a", pa.int32(), field_id=1)]))
    assert written == Written((), 0, 0)
    assert list(tmp_path.iterdir()) == []


ZEROS = "SELECT v::DOUBLE, {'x': v::FLOAT}, i FROM range(1000) t(i), (SELECT unnest([-0.0::DOUBLE]) AS v)"
FLOATS = [
    Column("f", pa.float64(), field_id=1),
    Column("s", pa.struct([pa.field("x", pa.float32())]), field_id=2),
    Column("i", pa.int64(), field_id=3),
]


def test_files_with_negative_zeros_have_nothing_that_could_hide_them(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (file,) = write(connection, ZEROS, target(tmp_path, FLOATS)).files
    metadata = pq.read_metadata(file.path)
    for name, column in ((c.path_in_schema, c) for c in map(metadata.row_group(0).column, range(3))):
        safe = not column.is_stats_set and not column.has_dictionary_page and column.bloom_filter_offset is None
        assert safe == (name != "i")
    values: list[Literal] = pq.read_table(file.path)["f"].to_pylist()
    assert {str(value) for value in values} == {"-0.0"}
    assert pq.read_schema(file.path).field("f").metadata[b"PARQUET:field_id"] == b"1"


def test_files_with_not_a_number_have_no_float_bounds(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    sql = "SELECT CASE WHEN i = 7 THEN 'nan'::DOUBLE ELSE i END FROM range(1000) t(i)"
    (file,) = write(connection, sql, target(tmp_path, FLOATS[:1])).files
    assert not pq.read_metadata(file.path).row_group(0).column(0).statistics.has_min_max


@pytest.mark.spark
def test_spark_finds_every_float_that_duckdb_wrote(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, spark_remote: str
) -> None:
    from pyspark.sql import SparkSession

    sources = {
        "zeros": ZEROS,
        "nans": "SELECT 'nan'::DOUBLE, {'x': 'nan'::FLOAT}, i FROM range(1000) t(i)",
        "mixed": "SELECT [-0.0::DOUBLE, 0, 1][1 + i % 3], {'x': 1::FLOAT}, i FROM range(9) t(i)",
    }
    for name, sql in sources.items():
        (tmp_path / name).mkdir()
        write(connection, sql, target(tmp_path / name, FLOATS))
    files = [str(path) for path in tmp_path.glob("*/*.parquet")]
    spark = SparkSession.builder.remote(spark_remote).create()
    try:
        rows = spark.read.parquet(*files)
        for predicate, expected in {
            "f = 0": 1006,
            "f >= 0": 2009,
            "f = -0.0D": 1006,
            "isnan(f)": 1000,
            "f > 0.5": 1003,
            "s.x = 0": 1000,
            "s.x > 0.5": 1009,
            "f < 0": 0,
        }.items():
            assert (predicate, rows.where(predicate).count()) == (predicate, expected)
    finally:
        spark.stop()
