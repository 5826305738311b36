"""Scans read through DuckDB: the columns, types and values that the catalog says, whatever the files look like."""

import datetime
import decimal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.errors import CorruptFileError, FileAccessError, UnsupportedTableError
from catalog.files import FileSet
from catalog.identifiers import TableName
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column, Schema
from catalog.tables import CsvOptions, FileFormat, Scan
from gateway.engines.base import EngineQuery, Relation
from gateway.engines.duckdb import DuckDBEngine
from gateway.engines.duckdb.sessions import KEPT_VIEWS
from gateway.errors import BeyondEngineError
from gateway.home import open_home
from gateway.settings import resolve

Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(resolve({"duckdb.memory_limit": "500MB", "duckdb.threads": "2"}), open_home(tmp_path / "home"))
    yield made
    made.close()


@pytest.fixture
def ask(engine: DuckDBEngine) -> Ask:
    def run(sql: str, time_zone: str = "UTC", **relations: Relation) -> list[tuple[Any, ...]]:
        started = engine.start(EngineQuery(sql, relations, time_zone=time_zone))
        table = pa.Table.from_batches(started.batches(), started.schema)
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    return run


def scan(
    schema: Schema | list[Column],
    paths: list[Path],
    partitions: dict[str, pa.Array] | None = None,
    location: Path | None = None,
    **more: Any,
) -> Scan:
    return Scan(
        table=TableName("lake", "default", "t"),
        schema=schema if isinstance(schema, Schema) else Schema(tuple(schema)),
        format=more.pop("format", FileFormat.PARQUET),
        files=FileSet(
            paths=pa.array(map(str, paths), pa.string()),
            sizes_bytes=pa.nulls(len(paths), pa.int64()),
            record_counts=pa.nulls(len(paths), pa.int64()),
            partitions=partitions or {},
        ),
        files_total=len(paths),
        snapshot_id=None,
        identity="x",
        location=str(location or (paths[0].parent if paths else "/nowhere")),
        **more,
    )


def with_id(name: str, type_: pa.DataType, field_id: int) -> pa.Field:
    return pa.field(name, type_, metadata={"PARQUET:field_id": str(field_id)})


def written(path: Path, table: pa.Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def test_columns_are_found_by_field_id_through_renames_widening_and_additions(ask: Ask, tmp_path: Path) -> None:
    old = written(
        tmp_path / "old.parquet",
        pa.table([[1, 2], ["a", "b"]], schema=pa.schema([with_id("n", pa.int32(), 1), with_id("s", pa.string(), 2)])),
    )
    new = written(
        tmp_path / "new.parquet",
        pa.table(
            [["c"], [3], [decimal.Decimal("9.99")]],
            schema=pa.schema(
                [with_id("n", pa.string(), 2), with_id("id", pa.int64(), 1), with_id("d", pa.decimal128(9, 2), 3)]
            ),
        ),
    )
    t = scan(
        [
            Column("id", pa.int64(), field_id=1),
            Column("n", pa.string(), field_id=2),
            Column("d", pa.decimal128(9, 2), field_id=3),
        ],
        [old, new],
        by_field_id=True,
        defaults={"d": decimal.Decimal("0.50")},
    )
    assert ask("select * from t order by id", t=t) == [
        (1, "a", decimal.Decimal("0.50")),
        (2, "b", decimal.Decimal("0.50")),
        (3, "c", decimal.Decimal("9.99")),
    ]


def test_fields_inside_nested_types_are_found_by_field_id(ask: Ask, tmp_path: Path) -> None:
    inner_old = pa.struct([with_id("x", pa.int32(), 4), with_id("y", pa.string(), 5)])
    file = written(
        tmp_path / "f.parquet",
        pa.table(
            [[{"x": 1, "y": "q"}, None], [[{"x": 7, "y": "w"}], []], [[("k", 1)], None], [5, 6]],
            schema=pa.schema(
                [
                    with_id("st", inner_old, 3),
                    with_id("l", pa.list_(with_id("element", inner_old, 7)), 6),
                    with_id(
                        "m",
                        pa.map_(with_id("key", pa.string(), 9).with_nullable(False), with_id("value", pa.int32(), 10)),
                        8,
                    ),
                    with_id("i", pa.int32(), 1),
                ]
            ),
        ),
    )
    inner_new = pa.struct([with_id("yy", pa.string(), 5), with_id("new", pa.int32(), 55), with_id("xx", pa.int64(), 4)])
    t = scan(
        [
            Column("renamed", inner_new, field_id=3),
            Column("l", pa.list_(with_id("element", inner_new, 7)), field_id=6),
            Column(
                "m",
                pa.map_(with_id("key", pa.string(), 9).with_nullable(False), with_id("value", pa.int64(), 10)),
                field_id=8,
            ),
            Column("i", pa.int64(), field_id=1),
        ],
        [file],
        by_field_id=True,
    )
    assert ask("select * from t order by i", t=t) == [
        ({"yy": "q", "new": None, "xx": 1}, [{"yy": "w", "new": None, "xx": 7}], [("k", 1)], 5),
        (None, [], None, 6),
    ]


def test_a_default_of_every_type_comes_back_exactly(ask: Ask, tmp_path: Path) -> None:
    file = written(tmp_path / "f.parquet", pa.table([[1]], schema=pa.schema([with_id("k", pa.int32(), 1)])))
    defaults: dict[str, Any] = {
        "b": True,
        "i": -5,
        "f": 0.1,
        "d": decimal.Decimal("12345678901234567890.123456789012345678"),
        "s": "it's ✓",
        "x": b"\x00a'\\",
        "day": datetime.date(1, 1, 1),
        "ts": datetime.datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC),
        "ntz": datetime.datetime(2020, 1, 2, 3, 4, 5, 678901),
    }
    types = {
        "b": pa.bool_(),
        "i": pa.int64(),
        "f": pa.float64(),
        "d": pa.decimal128(38, 18),
        "s": pa.string(),
        "x": pa.binary(),
        "day": pa.date32(),
        "ts": TIMESTAMP,
        "ntz": TIMESTAMP_NTZ,
    }
    columns = [Column(name, type_, field_id=10 + at) for at, (name, type_) in enumerate(types.items())]
    t = scan(columns, [file], by_field_id=True, defaults=defaults)
    (row,) = ask("select * from t", time_zone="Asia/Tokyo", t=t)
    assert dict(zip(types, row, strict=True)) == defaults


def test_columns_are_found_by_name_without_regard_to_case(ask: Ask, tmp_path: Path) -> None:
    first = written(tmp_path / "1.parquet", pa.table({"Aa": pa.array([1], pa.int32()), "extra": ["no"]}))
    second = written(tmp_path / "2.parquet", pa.table({"b": ["x"], "aA": pa.array([2], pa.int64())}))
    t = scan([Column("AA", pa.int64()), Column("B", pa.string())], [first, second])
    assert ask("select * from t order by 1", t=t) == [(1, None), (2, "x")]


def test_counting_rows_needs_no_column(ask: Ask, tmp_path: Path) -> None:
    file = written(tmp_path / "f.parquet", pa.table({"a": [1, 2, 3]}))
    assert ask("select count(*) from t", t=scan([], [file])) == [(3,)]
    assert ask("select count(*) from t", t=scan([], [])) == [(0,)]


def test_no_files_are_no_rows_of_the_right_types(engine: DuckDBEngine) -> None:
    schema = Schema((Column("a", pa.int16()), Column("d", pa.decimal128(5, 1)), Column("l", pa.list_(pa.string()))))
    run = engine.start(EngineQuery("select * from t", {"t": scan(schema, [])}))
    table = pa.Table.from_batches(run.batches(), run.schema)
    assert table.num_rows == 0
    assert [table.schema.field(name).type for name in "ad"] == [pa.int16(), pa.decimal128(5, 1)]


ODD = ["01234", "São Paulo", "a=b&c", "100%", "%41", "it's", "[x]", "a*b", "q?z", "", " pad ", "__HIVE", "{a,b}", "\\"]


def test_partition_values_are_the_catalogs_whatever_the_path_says(ask: Ask, tmp_path: Path) -> None:
    files, values = [], [*ODD, None]
    for at, _ in enumerate(values):
        files.append(written(tmp_path / f"p={at}" / "f.parquet", pa.table({"n": [at, at]})))
    t = scan(
        [Column("n", pa.int64()), Column("p", pa.string())],
        files,
        {"p": pa.array(values, pa.string())},
        location=tmp_path,
        hive_partitions=("p",),
    )
    assert ask("select distinct n, p from t order by n", t=t) == list(enumerate(values))
    for at, value in enumerate(ODD):
        literal = value.replace("'", "''")
        assert ask(f"select n from t where p = '{literal}'", t=t) == [(at,), (at,)]
    assert ask("select n from t where p is null", t=t) == [(len(ODD),)] * 2


def test_typed_partition_values_keep_their_type_and_the_declared_column_order(ask: Ask, tmp_path: Path) -> None:
    days = [datetime.date(2020, 1, 1), None]
    files = [written(tmp_path / str(at) / "f.parquet", pa.table({"n": [at]})) for at in range(2)]
    t = scan(
        [Column("day", pa.date32()), Column("n", pa.int64()), Column("z", pa.int32())],
        files,
        {"z": pa.array([1234, 1234], pa.int32()), "day": pa.array(days)},
        location=tmp_path,
        hive_partitions=("z", "day"),
    )
    assert ask("select * from t order by n", t=t) == [(days[0], 0, 1234), (None, 1, 1234)]
    assert ask("select n from t where day = date '2020-01-01' and z = 1234", t=t) == [(0,)]


@pytest.mark.parametrize("name", ["file_index", "filename", "file_row_number"])
def test_a_column_named_like_one_of_duckdbs_own_is_the_files(ask: Ask, tmp_path: Path, name: str) -> None:
    file = written(tmp_path / "p=1" / "f.parquet", pa.table({name: ["mine"], "n": [1]}))
    assert ask(f"select {name} from t", t=scan([Column(name, pa.string())], [file])) == [("mine",)]
    hidden = scan(
        [Column("n", pa.int64()), Column("p", pa.string())],
        [file, written(tmp_path / "p=2" / "f.parquet", pa.table({name: ["mine"], "n": [2]}))],
        {"p": pa.array(["1", "2"])},
        location=tmp_path,
        hive_partitions=("p",),
    )
    assert ask("select * from t order by n", t=hidden) == [(1, "1"), (2, "2")]


def test_names_with_glob_characters_are_names(ask: Ask, tmp_path: Path) -> None:
    odd = ["[x]", "x", "a*b", "aQb", "q?z", "qQz", "it's %41", "{a,b}", "**", "\u2713[1]"]
    files = [written(tmp_path / name / "f.parquet", pa.table({"n": [name]})) for name in odd]
    for name, file in zip(odd, files, strict=True):
        assert ask("select n from t", t=scan([Column("n", pa.string())], [file])) == [(name,)]
    both = written(tmp_path / "other" / "\\[y" / "f.parquet", pa.table({"n": ["x"]}))
    with pytest.raises(UnsupportedTableError, match="cannot find"):
        ask("select n from t", t=scan([Column("n", pa.string())], [both]))


def test_csv_is_read_by_the_declared_columns_and_nothing_is_guessed(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "p=1").mkdir()
    file = tmp_path / "p=1" / "f.csv"
    file.write_text('x,y,z\n1,"q""r",2020-01-01\n2,,\n3,"multi\nline",2020-12-31\n007,true,2021-01-01\n')
    t = scan(
        [Column("a", pa.int32()), Column("b", pa.string()), Column("c", pa.date32()), Column("p", pa.int32())],
        [file],
        {"p": pa.array([1], pa.int32())},
        location=tmp_path,
        format=FileFormat.CSV,
        csv=CsvOptions(),
        hive_partitions=("p",),
    )
    assert ask("select * from t order by a", t=t) == [
        (1, 'q"r', datetime.date(2020, 1, 1), 1),
        (2, None, None, 1),
        (3, "multi\nline", datetime.date(2020, 12, 31), 1),
        (7, "true", datetime.date(2021, 1, 1), 1),
    ]


def test_csv_with_other_options(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("1|'a|b'|NA\n2|''''|x\n")
    options = CsvOptions(delimiter="|", quote="'", escape="'", header=False, null_text="NA")
    columns = [Column("a", pa.int32()), Column("b", pa.string()), Column("c", pa.string())]
    t = scan(columns, [file], format=FileFormat.CSV, csv=options)
    assert ask("select * from t order by a", t=t) == [(1, "a|b", None), (2, "'", "x")]


def test_empty_and_null_text_in_csv_are_what_spark_takes_them_for(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text('n,s\n1,""\n2,\n3,"NA"\n4,NA\n')
    columns = [Column("n", pa.int32()), Column("s", pa.string())]
    plain = scan(columns, [file], format=FileFormat.CSV, csv=CsvOptions())
    assert ask("select s from t order by n", t=plain) == [(None,), (None,), ("NA",), ("NA",)]
    marked = scan(columns, [file], format=FileFormat.CSV, csv=CsvOptions(null_text="NA"))
    assert ask("select s from t order by n", t=marked) == [("",), (None,), (None,), (None,)]


D = decimal.Decimal
DAY = datetime.date(2020, 1, 2)
NOON = datetime.datetime(2020, 1, 2, 12, 30)
BEYOND = "goes to Spark"


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (pa.int32(), "007", 7),
        (pa.int32(), "+7", 7),
        (pa.int32(), "-2147483648", -2147483648),
        *((pa.int32(), text, BEYOND) for text in (" 4 ", "1e2", "1.0", "1.5", "1_000", "0x1F", "2147483648", "x", "٣")),
        (pa.int64(), "9223372036854775807", 9223372036854775807),
        (pa.int64(), "9223372036854775808", BEYOND),
        (pa.float64(), "1e2", 100.0),
        (pa.float64(), "-0", -0.0),
        (pa.float64(), "Infinity", float("inf")),
        *((pa.float64(), text, BEYOND) for text in (" 1.5 ", "nan", "inf", "1d", "0x1p3", ".5", "1e400", "1_0", "1,5")),
        (pa.float32(), "0.1", 0.10000000149011612),
        (pa.float32(), "1e39", BEYOND),
        (pa.decimal128(5, 2), "1.5", D("1.50")),
        (pa.decimal128(5, 2), "-999.99", D("-999.99")),
        *((pa.decimal128(5, 2), text, BEYOND) for text in ("1.005", "1000", "1e2", " 1.5", ".5", "NaN", "1,000.5")),
        (pa.bool_(), "TRUE", True),
        (pa.bool_(), "false", False),
        *((pa.bool_(), text, BEYOND) for text in ("t", "1", "0", "yes", " true")),
        (pa.date32(), "2020-1-2", DAY),
        (pa.date32(), "0001-01-01", datetime.date(1, 1, 1)),
        *(
            (pa.date32(), text, BEYOND)
            for text in ("2020", "2020/01/02", "20200102", "2020-02-30", "epoch", "0000-01-01")
        ),
        (TIMESTAMP, "2020-01-02T12:30:00Z", NOON.replace(tzinfo=datetime.UTC)),
        (TIMESTAMP, "2020-01-02 13:30:00+01:00", NOON.replace(tzinfo=datetime.UTC)),
        (TIMESTAMP, "2020-01-02 21:30:00", NOON.replace(tzinfo=datetime.UTC)),
        *((TIMESTAMP, text, BEYOND) for text in ("2020-01-02 24:00:00", "10:00:00", "2020-01-02 10", "infinity")),
        (TIMESTAMP_NTZ, "2020-01-02T12:30:00", NOON),
        (TIMESTAMP_NTZ, "2020-01-02 12:30:00.000001", NOON.replace(microsecond=1)),
        *((TIMESTAMP_NTZ, text, BEYOND) for text in ("2020-01-02T12:30:00Z", "2020-01-02 12:30:00.0000001")),
        (pa.binary(), "\\x41ö", "\\x41ö".encode()),
        (pa.string(), " x ", " x "),
    ],
)
def test_a_csv_field_is_what_spark_takes_it_for_or_goes_to_spark(
    ask: Ask, tmp_path: Path, type_: pa.DataType, text: str, value: object
) -> None:
    file = tmp_path / "f.csv"
    file.write_text(f'v,k\n"{text}",1\n,2\n')
    t = scan([Column("v", type_), Column("k", pa.int32())], [file], format=FileFormat.CSV, csv=CsvOptions())
    if value == BEYOND:
        with pytest.raises(BeyondEngineError, match="column v"):
            ask("select v from t", "Asia/Tokyo", t=t)
    else:
        assert ask("select v from t order by k", "Asia/Tokyo", t=t) == [(value,), (None,)]


def test_a_cast_in_the_query_does_not_replace_the_type_of_a_csv_column(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("v\n007\n")
    t = scan([Column("v", pa.int32())], [file], format=FileFormat.CSV, csv=CsvOptions())
    assert ask("select cast(v as varchar) as v from t", t=t) == [("7",)]


def test_a_csv_file_with_a_broken_row_is_named_with_its_line(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("a,b\n1,x\n2,y,z\n")
    t = scan([Column("a", pa.int32()), Column("b", pa.string())], [file], format=FileFormat.CSV, csv=CsvOptions())
    with pytest.raises(CorruptFileError, match=r"f\.csv, line 3: Expected Number of Columns: 2 Found: 3"):
        ask("select * from t", t=t)


def test_json_lines_are_read_by_name(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_text('{"s":"a\\u00e9\\n","a":5,"b":1}\n{"a":6,"c":"2020-01-01T00:00:00Z","s":null}\n')
    columns = [
        Column("a", pa.int64()),
        Column("s", pa.string()),
        Column("c", TIMESTAMP),
        Column("missing", pa.string()),
    ]
    t = scan(columns, [file], format=FileFormat.JSON)
    instant = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    assert ask("select * from t order by a", t=t) == [(5, "aé\n", None, None), (6, None, instant, None)]
    assert ask("select count(*) from t", t=scan([], [file], format=FileFormat.JSON)) == [(2,)]


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (pa.int32(), "5", 5),
        *((pa.int32(), text, BEYOND) for text in ('"5"', "5.0", "1.5", "1e2", "true", "3000000000", "[1]")),
        (pa.string(), '"x"', "x"),
        (pa.string(), '""', ""),
        *((pa.string(), text, BEYOND) for text in ("5", "1.50", "true", '{"a": 1}')),
        (pa.float64(), "1", 1.0),
        (pa.float64(), "1.5e3", 1500.0),
        *((pa.float64(), text, BEYOND) for text in ('"1.5"', '"NaN"', "true")),
        (pa.decimal128(5, 2), "1.5", D("1.50")),
        *((pa.decimal128(5, 2), text, BEYOND) for text in ("1.005", "1000", '"1.5"')),
        (pa.decimal128(38, 2), "12345678901234567", D("12345678901234567.00")),
        (pa.decimal128(38, 2), "12345678901234567890.12", BEYOND),
        (pa.bool_(), "true", True),
        *((pa.bool_(), text, BEYOND) for text in ('"true"', "1")),
        (pa.date32(), '"2020-01-02"', DAY),
        *((pa.date32(), text, BEYOND) for text in ('"2020/01/02"', "20200102")),
        (pa.list_(pa.int32()), "[1]", BEYOND),
    ],
)
def test_a_json_field_is_what_spark_takes_it_for_or_goes_to_spark(
    ask: Ask, tmp_path: Path, type_: pa.DataType, text: str, value: object
) -> None:
    file = tmp_path / "f.json"
    file.write_text(f'{{"k": 1, "v": {text}}}\n{{"k": 2, "v": null}}\n{{"k": 3}}\n')
    t = scan([Column("v", type_), Column("k", pa.int32())], [file], format=FileFormat.JSON)
    if value == BEYOND:
        with pytest.raises(BeyondEngineError, match="column v"):
            ask("select v from t", t=t)
    else:
        assert ask("select v from t order by k", t=t) == [(value,), (None,), (None,)]


def test_a_broken_json_file_is_said_to_be_broken(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_text('{"a":1}\n{"a":\n')
    with pytest.raises(CorruptFileError, match=r"f\.json"):
        ask("select * from t", t=scan([Column("a", pa.int64())], [file], format=FileFormat.JSON))


def test_rows_in_memory_are_a_relation(ask: Ask) -> None:
    rows = pa.table({"n": [1, None], "s": ["a", None]})
    assert ask("select * from t order by n nulls last", t=rows) == [(1, "a"), (None, None)]


def test_a_name_that_means_something_else_next_time_is_not_answered_from_before(ask: Ask, tmp_path: Path) -> None:
    first = scan([Column("n", pa.int64())], [written(tmp_path / "1.parquet", pa.table({"n": [1]}))])
    second = scan([Column("n", pa.int64())], [written(tmp_path / "2.parquet", pa.table({"n": [2]}))])
    answers = [ask("select n from t", t=source) for source in (first, second, pa.table({"n": [3]}), first)]
    assert answers == [[(1,)], [(2,)], [(3,)], [(1,)]]


def test_filters_and_projections_reach_the_files(engine: DuckDBEngine, tmp_path: Path) -> None:
    file = written(tmp_path / "f.parquet", pa.table({"a": [1], "b": ["x"], "c": [2.0]}))
    t = scan([Column("a", pa.int64()), Column("b", pa.string()), Column("c", pa.float64())], [file])
    with engine.connection(EngineQuery("", {"t": t})) as connection:
        plan = connection.execute("explain select b from t where a = 7").fetchall()[0][1]
    scan_node = plan[plan.index("READ_PARQUET") :]
    assert "a = 7" in scan_node
    assert "Projections: b" in scan_node


def test_a_missing_file_is_named(ask: Ask, tmp_path: Path) -> None:
    t = scan([Column("n", pa.int64())], [tmp_path / "gone.parquet"])
    with pytest.raises(FileAccessError, match=r"gone\.parquet"):
        ask("select * from t", t=t)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all, but long enough to hold a footer" * 9])
def test_a_file_that_is_no_parquet_is_named(ask: Ask, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.parquet"
    file.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"broken\.parquet"):
        ask("select * from t", t=scan([Column("n", pa.int64())], [file]))


def test_a_parquet_file_cut_or_damaged_inside_is_named(ask: Ask, tmp_path: Path) -> None:
    whole = written(tmp_path / "f.parquet", pa.table({"n": range(100_000), "s": [str(n) for n in range(100_000)]}))
    content = bytearray(whole.read_bytes())
    content[4:20_000] = b"\xff" * (20_000 - 4)
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"damaged\.parquet"):
        ask("select sum(n), max(s) from t", t=scan([Column("n", pa.int64()), Column("s", pa.string())], [damaged]))
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(CorruptFileError, match=r"cut\.parquet"):
        ask("select sum(n), max(s) from t", t=scan([Column("n", pa.int64()), Column("s", pa.string())], [cut]))


def test_a_column_whose_type_changed_to_what_it_cannot_be_is_refused(ask: Ask, tmp_path: Path) -> None:
    file = written(tmp_path / "f.parquet", pa.table({"n": ["text"]}))
    with pytest.raises(CorruptFileError, match=r"f\.parquet"):
        ask("select * from t", t=scan([Column("n", pa.int64())], [file]))


def test_what_duckdb_cannot_read_is_refused(ask: Ask, tmp_path: Path) -> None:
    file = written(tmp_path / "f.parquet", pa.table({"n": [1]}))
    with pytest.raises(UnsupportedTableError, match="uint64"):
        ask("select * from t", t=scan([Column("n", pa.uint64())], [file]))
    with pytest.raises(UnsupportedTableError, match="field id"):
        ask("select * from t", t=scan([Column("n", pa.int64())], [file], by_field_id=True))
    remote = scan([Column("n", pa.int64())], [], location=Path("s3:/b"))
    files = FileSet(pa.array(["s3://b/f.parquet"]), pa.array([1]), pa.array([1]))
    with pytest.raises(FileAccessError, match="s3://b"):
        ask("select * from t", t=Scan(**{**remote.__dict__, "files": files, "location": "s3://b"}))


def test_a_connection_forgets_relations_it_was_asked_for_long_ago(
    ask: Ask, engine: DuckDBEngine, tmp_path: Path
) -> None:
    file = written(tmp_path / "f.parquet", pa.table({"n": [1]}))
    for at in range(KEPT_VIEWS + 10):
        assert ask(f"select n from hg_{at}", **{f"hg_{at}": scan([Column("n", pa.int64())], [file])}) == [(1,)]
    with engine.connection(EngineQuery("")) as connection:
        (views,) = connection.execute("select count(*) from duckdb_views() where not internal").fetchall()[0]
        (variables,) = connection.execute("select count(*) from duckdb_variables()").fetchall()[0]
    assert views == KEPT_VIEWS
    assert variables == 2 * KEPT_VIEWS
    assert ask("select n from hg_0", hg_0=scan([Column("n", pa.int64())], [file])) == [(1,)]
