"""SparkEngine on a real server."""

import datetime
import decimal
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.errors import ColumnNotFoundError, CorruptFileError, FileAccessError, SqlError, TableNotFoundError
from catalog.files import FileSet
from catalog.identifiers import TableName
from catalog.predicates import Literal
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column, Schema
from catalog.store import WriteTarget
from catalog.tables import CsvOptions, FileFormat, PartitionField, Scan
from gateway.engines.base import EngineQuery, Health, Relation
from gateway.engines.spark import SparkEngine
from gateway.errors import (
    DeadlineExceededError,
    DivisionByZeroError,
    EngineFaultError,
    EngineUnavailableError,
    NotSupportedError,
    QueryCanceledError,
    SqlSyntaxError,
)
from gateway.home import open_home
from gateway.settings import resolve

pytestmark = pytest.mark.spark
ENDLESS = "SELECT count(*) FROM range(1000000000000000)"
INT = Column("x", pa.int64())


@pytest.fixture(scope="module")
def engine(spark_remote: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    engine = SparkEngine(resolve({"spark.remote": spark_remote}), open_home(tmp_path_factory.mktemp("home")))
    yield engine
    engine.close()


def rows(engine: SparkEngine, sql: str, relations: dict[str, Relation] | None = None, **more: str) -> list[tuple]:
    run = engine.start(EngineQuery(sql, relations or {}, **more), timeout_seconds=240)
    return [tuple(column[i].as_py() for column in batch.columns) for batch in run.batches() for i in range(len(batch))]


def scan(paths: list[Path], *columns: Column, format_: FileFormat = FileFormat.PARQUET, **more: object) -> Scan:
    partitions = more.pop("partitions", {})
    count = len(paths)
    return Scan(
        table=TableName("lake", "default", "wells"),
        schema=Schema(columns),
        format=format_,
        files=FileSet(
            pa.array([str(path) for path in paths], pa.string()),
            pa.array([1] * count, pa.int64()),
            pa.array([1] * count, pa.int64()),
            partitions=partitions,  # type: ignore[arg-type]
        ),
        files_total=count,
        snapshot_id=None,
        identity=str([str(path) for path in paths]),
        **({"location": str(paths[0].parent) if paths else ""} | more),  # type: ignore[arg-type]
    )


def test_every_type_arrives_in_its_form_and_exact(engine: SparkEngine) -> None:
    sql = """SELECT 1Y, 2S, 3, 4L, 1.5F, 2.5D,
        CAST('12345678901234567890.123456789012345678' AS DECIMAL(38, 18)), 's', X'00FF',
        DATE'2024-02-29', TIMESTAMP'2024-01-01 00:00:00', TIMESTAMP_NTZ'2024-01-01 00:00:00', true, NULL,
        INTERVAL '1' DAY, INTERVAL '13' MONTH, ARRAY(1, NULL), MAP('k', ARRAY(INTERVAL '1' YEAR)),
        NAMED_STRUCT('a', 1, 'b', ARRAY(NAMED_STRUCT('c', 's')))"""
    run = engine.start(EngineQuery(sql, time_zone="Asia/Tokyo"))
    table = pa.Table.from_batches(list(run.batches()), run.schema)
    table.validate(full=True)
    assert table.schema.types == [
        pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(38, 18), pa.string(),
        pa.binary(), pa.date32(), TIMESTAMP, TIMESTAMP_NTZ, pa.bool_(), pa.null(), pa.duration("us"),
        pa.month_day_nano_interval(), pa.list_(pa.int32()),
        pa.map_(pa.string(), pa.list_(pa.month_day_nano_interval())),
        pa.struct([("a", pa.int32()), ("b", pa.list_(pa.struct([("c", pa.string())])))]),
    ]  # fmt: skip
    values = [column[0].as_py() for column in table.columns]
    assert values[6] == decimal.Decimal("12345678901234567890.123456789012345678")
    assert values[8:11] == [
        b"\x00\xff",
        datetime.date(2024, 2, 29),
        datetime.datetime(2023, 12, 31, 15, tzinfo=datetime.UTC),
    ]
    assert values[14:16] == [datetime.timedelta(days=1), pa.MonthDayNano([13, 0, 0])]
    assert values[17:] == [[("k", [pa.MonthDayNano([12, 0, 0])])], {"a": 1, "b": [{"c": "s"}]}]


def test_names_may_repeat_and_no_rows_have_a_schema(engine: SparkEngine) -> None:
    run = engine.start(EngineQuery("SELECT 1 AS a, 's' AS a WHERE false"))
    assert run.schema == pa.schema([("a", pa.int32()), ("a", pa.string())])
    assert list(run.batches()) == []


def test_the_planned_schema_is_held_and_nullability_follows_it(engine: SparkEngine) -> None:
    wanted = pa.schema([pa.field("a", pa.list_(pa.field("element", pa.int32(), nullable=False)), nullable=False)])
    run = engine.start(EngineQuery("SELECT ARRAY(1) AS a", schema=wanted))
    (batch,) = run.batches()
    assert batch.schema.equals(wanted)
    with pytest.raises(EngineFaultError, match="a int32 for a int64"):
        engine.start(EngineQuery("SELECT 1 AS a", schema=pa.schema([("a", pa.int64())])))


def test_a_result_type_that_nothing_here_holds_is_refused(engine: SparkEngine) -> None:
    with pytest.raises(NotSupportedError, match="variant"):
        engine.start(EngineQuery("SELECT PARSE_JSON('1')"))


def test_time_zones_of_concurrent_queries_do_not_mix(engine: SparkEngine) -> None:
    zones = ["UTC", "Asia/Tokyo", "America/New_York"] * 3
    found: list[tuple[str, str]] = []

    def ask(zone: str) -> None:
        found.append((zone, rows(engine, "SELECT current_timezone()", time_zone=zone)[0][0]))

    threads = [threading.Thread(target=ask, args=[zone]) for zone in zones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert sorted(found) == sorted((zone, zone) for zone in zones)


def test_a_name_may_mean_another_relation_in_the_next_query(engine: SparkEngine) -> None:
    for number in (1, 2):
        assert rows(engine, "SELECT a FROM hg_1", {"hg_1": pa.table({"a": [number]})}) == [(number,)]


def test_columns_are_found_by_field_id_and_missing_ones_have_their_default(engine: SparkEngine, tmp_path: Path) -> None:
    def written(name: str) -> pa.Schema:
        return pa.schema([pa.field(name, pa.int64(), metadata={"PARQUET:field_id": "1"})])

    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    pq.write_table(pa.table({"old": [1]}, schema=written("old")), paths[0])
    pq.write_table(pa.table({"new": [2]}, schema=written("new")), paths[1])
    columns = [
        Column("new", pa.int64(), field_id=1),
        Column("t", pa.string(), field_id=2),
        Column("d", TIMESTAMP, field_id=3),
    ]
    instant = datetime.datetime(2020, 1, 1, 12, 30, 0, 1, tzinfo=datetime.UTC)
    defaults: dict[str, Literal] = {"t": "it's \\ 1", "d": instant}
    source = scan(paths, *columns, by_field_id=True, defaults=defaults)
    for zone in ("UTC", "Asia/Tokyo"):
        found = rows(engine, "SELECT * FROM hg_1 ORDER BY 1", {"hg_1": source}, time_zone=zone)
        assert found == [(1, "it's \\ 1", instant), (2, "it's \\ 1", instant)]


@pytest.mark.parametrize("name", ["a{1}", "a[b]*?", "sp ace", "pct%20", "ümlaut", "back\\slash", "k=v"])
def test_a_path_is_a_path_whatever_it_holds(engine: SparkEngine, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    pq.write_table(pa.table({"x": [1]}), folder / f"{name}.parquet")
    assert rows(engine, "SELECT * FROM hg_1", {"hg_1": scan([folder / f"{name}.parquet"], INT)}) == [(1,)]


@pytest.mark.parametrize("values", [["01234", None, "x y"], ["São Paulo", "a/b", "100%", "q?{z}", None]])
def test_partition_values_are_the_catalogs(engine: SparkEngine, tmp_path: Path, values: list[str | None]) -> None:
    paths = []
    for number, value in enumerate(values):
        text = "__HIVE_DEFAULT_PARTITION__" if value is None else quote(value, safe=" ")
        (tmp_path / f"state={text}").mkdir()
        paths.append(tmp_path / f"state={text}" / "f.parquet")
        pq.write_table(pa.table({"x": [number]}), paths[-1])
    source = scan(
        paths,
        Column("state", pa.string()),
        INT,
        hive_partitions=("state",),
        partitions={"state": pa.array(values)},
        location=str(tmp_path),
    )
    assert rows(engine, "SELECT * FROM hg_1 ORDER BY x", {"hg_1": source}) == list(zip(values, range(9), strict=False))
    if values[0]:
        assert rows(engine, f"SELECT x FROM hg_1 WHERE state = '{values[0]}'", {"hg_1": source}) == [(0,)]


def test_no_files_are_no_rows(engine: SparkEngine) -> None:
    assert rows(engine, "SELECT count(*), max(x) FROM hg_1", {"hg_1": scan([], INT)}) == [(0, None)]


def csv(path: Path, text: str) -> Scan:
    path.write_text(text, newline="", encoding="utf-8")
    columns = [Column("id", pa.int32()), Column("name", pa.string()), Column("v", pa.float64())]
    return scan([path], *columns, format_=FileFormat.CSV, csv=CsvOptions())


def test_csv_quotes_line_breaks_and_nulls(engine: SparkEngine, tmp_path: Path) -> None:
    source = csv(tmp_path / "a.csv", 'id,name,v\r\n1,"a ""q"", b",1.5\r\n2,"line\nbreak",\r\n3,,2\r\n')
    assert rows(engine, "SELECT * FROM hg_1 ORDER BY 1", {"hg_1": source}) == [
        (1, 'a "q", b', 1.5),
        (2, "line\nbreak", None),
        (3, None, 2.0),
    ]


def test_a_broken_csv_row_is_an_error(engine: SparkEngine, tmp_path: Path) -> None:
    source = csv(tmp_path / "a.csv", "id,name,v\n1,a,1.5\n2,b,x\n")
    with pytest.raises(CorruptFileError):
        rows(engine, "SELECT sum(v) FROM hg_1", {"hg_1": source})


def test_json_lines(engine: SparkEngine, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": 1}\n{"y": 2}\n')
    source = scan([tmp_path / "a.json"], INT, format_=FileFormat.JSON)
    assert rows(engine, "SELECT * FROM hg_1 ORDER BY 1", {"hg_1": source}) == [(None,), (1,)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 / (id - 2) FROM range(9)", DivisionByZeroError),
        ("SELECT nope FROM hg_1", ColumnNotFoundError),
        ("SELEC 1", SqlSyntaxError),
        ("SELECT * FROM parquet.`/etc`", TableNotFoundError),
    ],
)
def test_errors_are_ours_and_say_nothing_of_hg_1(engine: SparkEngine, sql: str, expected: type[SqlError]) -> None:
    with pytest.raises(expected) as caught:
        rows(engine, sql, {"hg_1": pa.table({"a": [1]})})
    assert "hg_1" not in caught.value.message + (caught.value.hint or "").replace("a", "")


def test_files_that_are_not_there_or_not_parquet(engine: SparkEngine, tmp_path: Path) -> None:
    with pytest.raises(FileAccessError):
        rows(engine, "SELECT * FROM hg_1", {"hg_1": scan([tmp_path / "gone.parquet"], INT)})
    (tmp_path / "bad.parquet").write_text("not parquet, not parquet")
    with pytest.raises(CorruptFileError, match=r"bad\.parquet.*is not a Parquet file"):
        rows(engine, "SELECT * FROM hg_1", {"hg_1": scan([tmp_path / "bad.parquet"], INT)})


def test_cancel_stops_the_query(engine: SparkEngine) -> None:
    run = engine.start(EngineQuery(ENDLESS))
    run.cancel()
    run.cancel()
    with pytest.raises(QueryCanceledError):
        list(run.batches())
    assert rows(engine, "SELECT count(*) FROM range(9)") == [(9,)]


def test_the_deadline_stops_the_query(engine: SparkEngine) -> None:
    with pytest.raises(DeadlineExceededError, match="within 1 seconds"):
        list(engine.start(EngineQuery(ENDLESS), timeout_seconds=1).batches())


def test_ctrl_c_stops_the_query(engine: SparkEngine) -> None:
    run = engine.start(EngineQuery(ENDLESS))
    timer = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(run.batches())
    assert rows(engine, "SELECT count(*) FROM range(9)") == [(9,)]


def test_a_reader_that_stops_frees_the_server(engine: SparkEngine) -> None:
    batches = engine.start(EngineQuery("SELECT id FROM range(0, 100000000, 1, 1000)")).batches()
    assert next(batches).num_rows
    batches.close()  # type: ignore[attr-defined]
    assert rows(engine, "SELECT count(*) FROM range(9)") == [(9,)]


def test_progress_and_metrics(engine: SparkEngine, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": list(range(100))}), tmp_path / "a.parquet")
    run = engine.start(EngineQuery("SELECT sum(x) FROM hg_1", {"hg_1": scan([tmp_path / "a.parquet"], INT)}))
    assert run.progress().fraction != 1.0
    list(run.batches())
    assert run.progress().fraction == 1.0
    assert run.metrics().rows_read == 100


def test_describe_runs_nothing(engine: SparkEngine) -> None:
    assert engine.describe(EngineQuery("SELECT 1 AS a, raise_error('ran') AS b")).names == ["a", "b"]


def target(folder: Path, schema: Schema, *partitioning: PartitionField) -> WriteTarget:
    folder.mkdir()
    return WriteTarget(str(folder), schema, partitioning)


def test_written_files_hold_ids_values_and_one_partition_each(engine: SparkEngine, tmp_path: Path) -> None:
    schema = Schema(
        (
            Column("id", pa.int64(), field_id=1),
            Column("s", pa.string(), field_id=2),
            Column("f", pa.float64(), field_id=3),
            Column("t", TIMESTAMP, field_id=4),
            Column("n", TIMESTAMP_NTZ, field_id=5),
            Column("d", pa.decimal128(10, 2), field_id=6),
        )
    )
    fields = [("s", "identity"), ("t", "month"), ("n", "hour"), ("id", "truncate[2]"), ("d", "truncate[50]")]
    out = target(tmp_path / "out", schema, *(PartitionField(s, t, f"{s}_p") for s, t in fields))
    sql = """SELECT * FROM VALUES
        (-1L, 'a/b', -0.0D, TIMESTAMP'1969-12-31 23:00:00Z', TIMESTAMP_NTZ'1969-12-31 23:59:59', 1.75BD),
        (2L, '', DOUBLE('NaN'), NULL, TIMESTAMP_NTZ'2024-02-29 12:00:00', -0.25BD),
        (3L, NULL, 1.5D, TIMESTAMP'2024-02-29 12:00:00Z', NULL, NULL)"""
    run = engine.write(EngineQuery(sql, time_zone="Asia/Tokyo"), out)
    files = {file.partition: file.path for file in run.files()}
    assert set(files) == {
        ("a/b", -1, -1, -2, decimal.Decimal("1.50")),
        ("", None, 474780, 2, decimal.Decimal("-0.50")),
        (None, 649, None, 2, None),
    }
    assert run.record_count == 3
    assert sorted(files.values()) == sorted(str(path) for path in (tmp_path / "out").iterdir())
    for path in files.values():
        written = pq.ParquetFile(path)
        assert [field.metadata[b"PARQUET:field_id"] for field in written.schema_arrow] == [
            b"1",
            b"2",
            b"3",
            b"4",
            b"5",
            b"6",
        ]
        floats = written.metadata.row_group(0).column(2)
        assert not floats.is_stats_set
        assert not floats.has_dictionary_page
    back = scan([Path(path) for path in files.values()], *schema, by_field_id=True)
    assert rows(engine, "SELECT count(*) FROM hg_1 WHERE f = 0 OR isnan(f)", {"hg_1": back}) == [(2,)]


def test_writing_no_rows_writes_no_files(engine: SparkEngine, tmp_path: Path) -> None:
    out = target(tmp_path / "out", Schema((Column("id", pa.int64(), field_id=1),)))
    run = engine.write(EngineQuery("SELECT 1L WHERE false"), out)
    assert (run.files(), run.record_count, list((tmp_path / "out").iterdir())) == ((), 0, [])


def test_a_write_that_cannot_be_right_is_refused(engine: SparkEngine, tmp_path: Path) -> None:
    ids = Schema((Column("id", pa.int64(), field_id=1),))
    with pytest.raises(NotSupportedError, match="bucket"):
        engine.write(
            EngineQuery("SELECT 1L"), target(tmp_path / "a", ids, PartitionField("id", "bucket[4]", "b"))
        ).files()
    inner = pa.struct([pa.field("a", pa.int32(), metadata={"PARQUET:field_id": "2"})])
    nested = target(tmp_path / "b", Schema((Column("s", inner, field_id=1),)))
    with pytest.raises(NotSupportedError, match="nested column s"):
        engine.write(EngineQuery("SELECT named_struct('a', 1)"), nested).files()
    with pytest.raises(DivisionByZeroError):
        engine.write(EngineQuery("SELECT id DIV 0 FROM range(2)"), target(tmp_path / "c", ids)).files()


def test_a_remote_server_that_is_not_there_is_unavailable_soon(tmp_path: Path) -> None:
    engine = SparkEngine(resolve({"spark.remote": "sc://127.0.0.1:1"}), open_home(tmp_path / "home"))
    assert engine.status().health is Health.COLD
    with pytest.raises(EngineUnavailableError, match=r"127\.0\.0\.1:1"):
        engine.start(EngineQuery("SELECT 1"))
    assert engine.status().health is Health.UNAVAILABLE
    engine.close()
