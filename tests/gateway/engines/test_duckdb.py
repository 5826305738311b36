"""The DuckDB engine: what a run promises, and what nobody gets out of it."""

import inspect
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.errors import DiskFullError, FileAccessError, Kind, SqlError
from catalog.files import FileSet
from catalog.identifiers import TableName
from catalog.schema import TIMESTAMP, Column, Schema
from catalog.store import WriteTarget
from catalog.tables import FileFormat, Scan
from gateway import errors
from gateway.engines.base import EngineQuery, Health
from gateway.engines.duckdb import DuckDBEngine
from gateway.engines.duckdb.conform import conformer
from gateway.engines.duckdb.errors import ERRORS, translated
from gateway.home import Home, open_home
from gateway.settings import resolve

FOREVER = "select sum(a.range * b.range) as s from range(10000000) a, range(10000000) b"
MANY = "select range as n from range(100000000)"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def open_engine(home: Home, **more: str) -> DuckDBEngine:
    settings = {"duckdb.memory_limit": "500MB", "duckdb.threads": "2"}
    return DuckDBEngine(resolve(settings | {name.replace("__", "."): value for name, value in more.items()}), home)


@pytest.fixture
def engine(home: Home) -> Iterator[DuckDBEngine]:
    made = open_engine(home)
    yield made
    made.close()


def answer(engine: DuckDBEngine, sql: str, schema: pa.Schema | None = None, **more: Any) -> pa.Table:
    timeout = more.pop("timeout_seconds", None)
    run = engine.start(EngineQuery(sql, schema=schema, **more), timeout_seconds=timeout)
    return pa.Table.from_batches(run.batches(), run.schema)


def one_file(path: Path, table: pa.Table) -> Scan:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    columns = tuple(Column(field.name, field.type) for field in table.schema)
    unknown = pa.nulls(1, pa.int64())
    return Scan(
        table=TableName("lake", "default", "t"),
        schema=Schema(columns),
        format=FileFormat.PARQUET,
        files=FileSet(pa.array([str(path)]), unknown, unknown),
        files_total=1,
        snapshot_id=None,
        identity=str(path),
        location=str(path.parent),
    )


def test_batches_have_exactly_the_schema_of_the_query(engine: DuckDBEngine) -> None:
    schema = pa.schema(
        [
            pa.field("a", pa.int32(), nullable=False, metadata={"k": "v"}),
            pa.field("a", pa.large_string()),
            pa.field("at", TIMESTAMP),
            pa.field("l", pa.list_(pa.field("element", pa.int64(), nullable=False))),
            pa.field("s", pa.struct([pa.field("x", pa.string(), nullable=False)])),
            pa.field("m", pa.map_(pa.string(), pa.large_binary())),
            pa.field("e", pa.string()),
        ],
        metadata={"of": "the query"},
    )
    sql = (
        "select 1 as x, 'ö' as y, timestamptz '2020-01-01 00:00:00+00', [1::bigint], {'x': 'v'}, "
        "map {'k': 'v'::blob}, 'v'::enum('v')"
    )
    (batch,) = engine.start(EngineQuery(sql, schema=schema, time_zone="Asia/Tokyo")).batches()
    assert batch.schema.equals(schema, check_metadata=True)
    batch.validate(full=True)
    assert batch.to_pylist() == pa.RecordBatch.from_arrays(batch.columns, schema=schema).to_pylist()
    assert batch.column(4).to_pylist() == [{"x": "v"}]
    assert batch.column(2).to_pylist()[0].isoformat() == "2020-01-01T00:00:00+00:00"


def test_equal_types_are_not_copied() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1, 2, 3]})
    renamed = conformer(batch.schema, pa.schema([("b", pa.int64())]))(batch)
    assert renamed.schema.names == ["b"]
    assert renamed.column(0).buffers()[1].address == batch.column(0).buffers()[1].address


@pytest.mark.parametrize(
    ("sql", "type_"),
    [
        ("select 1", pa.int64()),
        ("select 1::bigint", pa.int32()),
        ("select 1.5", pa.float64()),
        ("select timestamp '2020-01-01'", TIMESTAMP),
        ("select [1]", pa.list_(pa.int64())),
        ("select {'a': 1}", pa.struct([("b", pa.int32())])),
        ("select sum(range) from range(3)", pa.int64()),
    ],
)
def test_another_type_than_the_querys_is_a_fault_never_a_cast(
    engine: DuckDBEngine, sql: str, type_: pa.DataType
) -> None:
    with pytest.raises(errors.EngineFaultError, match="column x"):
        answer(engine, sql, pa.schema([("x", type_)]))
    with pytest.raises(errors.EngineFaultError, match="columns"):
        answer(engine, sql, pa.schema([("x", type_), ("y", type_)]))


def test_a_run_without_schema_takes_duckdbs(engine: DuckDBEngine) -> None:
    run = engine.start(EngineQuery("select 1 as a, 'x' as a, null as n"))
    assert run.schema == pa.schema([("a", pa.int32()), ("a", pa.string()), ("n", pa.null())])
    assert engine.describe(EngineQuery("select 1 as a")) == pa.schema([("a", pa.int32())])


def test_a_query_sees_its_time_zone_and_the_next_one_its_own(engine: DuckDBEngine) -> None:
    sql = "select cast(timestamptz '2020-07-01 12:00:00+00' as varchar) as t"
    zones = ["Europe/Berlin", "UTC", "Europe/Berlin", "America/New_York"]
    assert [answer(engine, sql, time_zone=zone)["t"][0].as_py() for zone in zones] == [
        "2020-07-01 14:00:00+02",
        "2020-07-01 12:00:00+00",
        "2020-07-01 14:00:00+02",
        "2020-07-01 08:00:00-04",
    ]
    with pytest.raises(errors.InvalidSettingError, match="Atlantis"):
        answer(engine, sql, time_zone="Atlantis/Capital")


def test_many_threads_ask_at_once(engine: DuckDBEngine, tmp_path: Path) -> None:
    scans = [one_file(tmp_path / str(at) / "f.parquet", pa.table({"n": [at] * 1000})) for at in range(8)]
    wrong: list[object] = []

    def work(at: int) -> None:
        try:
            for _ in range(20):
                table = answer(engine, "select sum(n)::bigint as s from t", relations={"t": scans[at]})
                if table["s"].to_pylist() != [at * 1000]:
                    wrong.append(table)
        except SqlError as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_new_folder_does_not_disturb_the_run_that_is_on(engine: DuckDBEngine, tmp_path: Path) -> None:
    first = one_file(tmp_path / "a" / "f.parquet", pa.table({"n": range(300_000)}))
    run = engine.start(EngineQuery("select n from t", {"t": first})).batches()
    rows = next(run).num_rows
    second = one_file(tmp_path / "b" / "f.parquet", pa.table({"n": [7]}))
    assert answer(engine, "select n from t", relations={"t": second})["n"].to_pylist() == [7]
    assert rows + sum(batch.num_rows for batch in run) == 300_000
    both = {"t": first, "u": second}
    assert answer(engine, "select count(*) as c from t, u", relations=both)["c"].to_pylist() == [300_000]


def test_cancel_from_another_thread_stops_a_query_that_computes(engine: DuckDBEngine) -> None:
    run = engine.start(EngineQuery(FOREVER, schema=pa.schema([("s", pa.decimal128(38, 0))])))
    canceler = threading.Timer(0.05, run.cancel)
    canceler.start()
    with pytest.raises(errors.QueryCanceledError):
        list(run.batches())
    canceler.join()
    assert answer(engine, "select 1 as x")["x"].to_pylist() == [1]


def test_cancel_before_the_first_batch_and_between_batches(engine: DuckDBEngine) -> None:
    early = engine.start(EngineQuery(MANY))
    early.cancel()
    with pytest.raises(errors.QueryCanceledError):
        next(early.batches())
    late = engine.start(EngineQuery(MANY))
    batches = late.batches()
    next(batches)
    late.cancel()
    with pytest.raises(errors.QueryCanceledError):
        next(batches)
    late.cancel()


def test_a_cancelled_run_never_stops_the_next_on_its_connection(engine: DuckDBEngine) -> None:
    for _ in range(30):
        run = engine.start(EngineQuery("select 1 as x"))
        list(run.batches())
        run.cancel()
        assert answer(engine, "select count(*) as c from range(100000)")["c"].to_pylist() == [100_000]


def test_the_deadline_stops_a_query_that_computes_and_one_that_streams(engine: DuckDBEngine) -> None:
    with pytest.raises(errors.DeadlineExceededError):
        answer(engine, FOREVER, pa.schema([("s", pa.decimal128(38, 0))]), timeout_seconds=0.05)
    with pytest.raises(errors.DeadlineExceededError):
        answer(engine, MANY, timeout_seconds=0.05)
    with pytest.raises(errors.DeadlineExceededError):
        answer(engine, "select 1 as x", timeout_seconds=0)
    assert answer(engine, "select 1 as x", timeout_seconds=60)["x"].to_pylist() == [1]


def test_progress_rises_and_ends_at_one(engine: DuckDBEngine) -> None:
    run = engine.start(EngineQuery("select n from (select range as n from range(3000000)) where n % 3 = 0"))
    seen = [run.progress().fraction or 0.0, *(run.progress().fraction or 0.0 for _ in run.batches())]
    assert seen == sorted(seen)
    assert all(0.0 <= fraction <= 1.0 for fraction in seen)
    assert run.progress().fraction == 1.0


def test_a_stream_closed_early_gives_its_connection_back(engine: DuckDBEngine) -> None:
    for _ in range(3):
        batches = engine.start(EngineQuery(MANY)).batches()
        next(batches)
        batches.close()  # type: ignore[attr-defined]
    assert engine._pool._current is not None
    assert engine._pool._current.running == 0
    assert len(engine._pool._current.idle) == 1


STREAMING = """
import resource, sys
from gateway.engines.base import EngineQuery
from gateway.engines.duckdb import DuckDBEngine
from gateway.home import open_home
from gateway.settings import resolve

engine = DuckDBEngine(resolve({"duckdb.memory_limit": "500MB", "duckdb.threads": "2"}), open_home(sys.argv[1]))
sql = "select n, repeat('x', 100) || n as s from (select range as n from range(%d))"
def peak(rows):
    assert sum(batch.num_rows for batch in engine.start(EngineQuery(sql % rows)).batches()) == rows
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
small = peak(500_000)
print(peak(4_000_000) - small)
"""


def test_memory_stays_flat_while_a_result_streams(home: Home) -> None:
    done = subprocess.run([sys.executable, "-c", STREAMING, str(home.root)], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 150_000  # kB, while the rows take 460 MB


def test_out_of_memory_without_room_to_spill(home: Home) -> None:
    engine = open_engine(home, duckdb__memory_limit="30MB", duckdb__temp_limit="1KB", duckdb__threads="1")
    with pytest.raises(errors.OutOfMemoryError, match="memory") as caught:
        answer(engine, "select count(*) as c from (select distinct range as n, repeat('x', 100) from range(3000000))")
    assert caught.value.hint is not None
    assert answer(engine, "select 1 as x")["x"].to_pylist() == [1]
    engine.close()


def test_what_outgrows_memory_spills_into_the_home_and_leaves_nothing(home: Home) -> None:
    engine = open_engine(home, duckdb__memory_limit="60MB", duckdb__threads="1")
    table = answer(
        engine, "select count(*) as c from (select n from range(6000000) t(n) order by hash(n) limit 5000000)"
    )
    assert table["c"].to_pylist() == [5_000_000]
    engine.close()
    assert list(home.temp.iterdir()) == []


SPILLING = """
import resource, signal, sys
from catalog.errors import DiskFullError
from gateway.engines.base import EngineQuery
from gateway.engines.duckdb import DuckDBEngine
from gateway.home import open_home
from gateway.settings import resolve

engine = DuckDBEngine(resolve({"duckdb.memory_limit": "60MB", "duckdb.threads": "1"}), open_home(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))  # no file grows larger: a full disk
sql = "select count(*) from (select n from range(6000000) t(n) order by hash(n) limit 5000000)"
try:
    list(engine.start(EngineQuery(sql)).batches())
except DiskFullError as error:
    print(error.message)
"""


def test_a_disk_that_fills_up_while_spilling_is_said_to_be_full(home: Home) -> None:
    done = subprocess.run([sys.executable, "-c", SPILLING, str(home.root)], check=True, capture_output=True, text=True)
    assert "disk is full" in done.stdout


def test_spill_folders_of_dead_processes_are_removed_and_others_kept(home: Home) -> None:
    child = (
        "import sys; from gateway.engines.duckdb import DuckDBEngine; from gateway.engines.base import EngineQuery;"
        "from gateway.home import open_home; from gateway.settings import resolve; import os, signal;"
        "e = DuckDBEngine(resolve({'duckdb.memory_limit': '100MB'}), open_home(sys.argv[1]));"
        "list(e.start(EngineQuery('select 1')).batches()); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", child, str(home.root)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = home.temp.iterdir()
    (home.temp / "not-ours").mkdir()
    engine = open_engine(home)
    answer(engine, "select 1")
    assert not left.exists()
    assert len(list(home.temp.iterdir())) == 2
    engine.close()
    assert [path.name for path in home.temp.iterdir()] == ["not-ours"]


@pytest.mark.parametrize(
    ("sql", "error", "text"),
    [
        ("select 1 // (range - 900000) as x from range(1000000)", errors.DivisionByZeroError, "^division by zero$"),
        ("select 1 // 0", errors.DivisionByZeroError, "^division by zero$"),
        ("select 9223372036854775807 + range from range(2)", errors.NumericOverflowError, "Overflow"),
        ("select cast(range::varchar || 'x' as int) from range(2)", errors.InvalidCastError, "'0x' to int"),
        ("select cast(300 + range as tinyint) from range(2)", errors.InvalidCastError, "300"),
        ("select (select range from range(3))", errors.SubqueryCardinalityError, "More than one row"),
        ("select sqrt(-1 - range) from range(2)", errors.EvaluationError, "square root"),
        (
            "select cast('cannot cast to a number: it''s' as bigint)",
            errors.InvalidCastError,
            '^cannot cast "it\'s" to number$',
        ),
        ("select cast('cannot cast to date: x' as date)", errors.InvalidCastError, "^cannot cast 'x' to date$"),
        ("select cast('headgate beyond: 39 digits' as bigint)", errors.BeyondEngineError, "^39 digits$"),
        ("select cast('headgate index: array' as bigint)", errors.IndexOutOfBoundsError, "^array$"),
        ("select error('own words')", errors.EvaluationError, "own words"),
        ("selec 1", errors.SqlSyntaxError, "selec"),
    ],
)
def test_failures_of_a_query_are_told_in_the_users_terms(
    engine: DuckDBEngine, sql: str, error: type[SqlError], text: str
) -> None:
    with pytest.raises(error, match=text) as caught:
        answer(engine, sql)
    assert "exception_type" not in caught.value.message
    assert "SET " not in caught.value.message
    assert caught.value.__cause__ is not None


def test_internal_names_do_not_leak(engine: DuckDBEngine) -> None:
    rows = pa.table({"n": [1]})
    with pytest.raises(errors.EngineFaultError) as caught:
        answer(engine, "select nope from hg_abc123", relations={"hg_abc123": rows})
    assert "hg_" not in caught.value.message


def test_every_exception_class_of_duckdb_has_its_error() -> None:
    exported = [value for value in vars(duckdb).values() if inspect.isclass(value) and issubclass(value, BaseException)]
    assert len(exported) > 25
    for kind in exported:
        assert kind in ERRORS, kind
        name = kind.__name__.removesuffix("Exception")
        translation = translated(kind(f'{name} Error: {{"exception_type":"Unheard of","exception_message":"words"}}'))
        assert isinstance(translation, SqlError)
        assert "exception_type" not in translation.message
    assert isinstance(translated(OSError(28, "No space left on device")), DiskFullError)
    assert isinstance(translated(OSError("whatever")), SqlError)
    assert isinstance(translated(MemoryError()), errors.OutOfMemoryError)
    late = (
        'Invalid Input Error: {"exception_type":"Invalid Input","exception_message":"Division by zero in x"}. Detail: y'
    )
    assert isinstance(translated(OSError(late)), errors.DivisionByZeroError)
    spill = 'IO Error: {"exception_type":"IO","exception_message":"Could not write file: No space left on device"}'
    assert isinstance(translated(duckdb.IOException(spill)), DiskFullError)


ESCAPES = [
    "select * from read_csv('{secret}')",
    "select * from read_csv_auto('{secret}')",
    "select * from read_text('{secret}')",
    "select * from read_blob('{secret}')",
    "select * from read_json('{secret}')",
    "select * from read_ndjson_objects('{secret}')",
    "select * from read_parquet('{secret}')",
    "select * from parquet_metadata('{secret}')",
    "select * from parquet_schema('{secret}')",
    "select * from parquet_kv_metadata('{secret}')",
    "select * from sniff_csv('{secret}')",
    "select * from glob('{folder}/*')",
    "select * from '{secret}'",
    "select * from query('select * from read_text(''{secret}'')')",
    "select * from query_table('{secret}')",
    "select * from query_table(['{secret}'])",
    "select * from read_duckdb('{secret}')",
    "select * from read_text('{inside}/../../{secret}')",
    "select * from read_text('{link}')",
    "select * from read_csv('http://127.0.0.1:9/x')",
    "select * from read_csv('https://127.0.0.1:9/x')",
    "select * from read_parquet('s3://bucket/x')",
    "select * from python_secret",
    "select getenv('HOME')",
    "copy (select 1) to '{folder}/out.csv'",
    "copy (select 1) to '{inside}/out.csv'",
    "copy t from '{secret}'",
    "attach '{folder}/x.db' as x",
    "install httpfs",
    "load httpfs",
    "load '{secret}'",
    "set threads = 1",
    "set lock_configuration = false",
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
    "set TimeZone = 'Asia/Tokyo'",
    "reset TimeZone",
    "pragma threads = 1",
    "pragma enable_profiling",
    "create table x as select 1",
    "create secret s (type s3)",
    "create macro f() as 1",
    "export database '{folder}'",
    "import database '{folder}'",
    "call pragma_version()",
    "use main",
    "select 1; select 2",
    "select 1; copy (select 1) to '{folder}/out.csv'",
    "explain analyze copy (select 1) to '{folder}/out.csv'",
    "prepare p as select 1",
    "execute p",
    "vacuum",
    "checkpoint",
    "begin",
    "insert into t values (1)",
    "drop view t",
]


@pytest.mark.parametrize("escape", ESCAPES)
def test_nothing_outside_the_catalogs_folders_is_reached(engine: DuckDBEngine, tmp_path: Path, escape: str) -> None:
    python_secret = pa.table({"s": ["secret"]})
    folder = tmp_path / "outside"
    folder.mkdir()
    secret = folder / "secret.csv"
    secret.write_text("secret\n1\n")
    scan = one_file(tmp_path / "inside" / "f.parquet", pa.table({"n": [1]}))
    link = tmp_path / "link"
    link.symlink_to(secret)
    before = sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts)
    sql = escape.format(secret=secret, folder=folder, inside=scan.location, link=link)
    assert python_secret is not None
    query = EngineQuery(sql, {"t": scan}, schema=pa.schema([("x", pa.string())]))
    with pytest.raises(SqlError) as caught:
        list(engine.start(query).batches())
    assert isinstance(caught.value, errors.NotAllowedError | errors.EngineFaultError | FileAccessError), caught.value
    assert not isinstance(caught.value, errors.EngineFaultError) or "secret" not in caught.value.message.replace(
        str(secret), ""
    ).replace("python_secret", "")
    assert sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts) == before
    assert answer(engine, "select current_setting('TimeZone') as z, count(*) as n from t", relations={"t": scan})[
        "z"
    ].to_pylist() == ["UTC"]


def test_a_setting_outside_the_allowed_three_stays_locked(engine: DuckDBEngine) -> None:
    with engine.connection(EngineQuery("")) as connection:
        for sql in ("SET threads = 1", "SET memory_limit = '1GB'", "SET allowed_configs = ['threads']"):
            with pytest.raises(duckdb.InvalidInputException, match="locked"):
                connection.execute(sql)


def target(folder: Path) -> WriteTarget:
    folder.mkdir(parents=True)
    return WriteTarget(str(folder), Schema((Column("n", pa.int64(), field_id=1),)), ())


def test_a_write_leaves_files_in_its_folder(engine: DuckDBEngine, tmp_path: Path) -> None:
    query = EngineQuery("select n + 1 from t", {"t": pa.table({"n": [1, 2]})})
    run = engine.write(query, target(tmp_path / "staging" / "one"))
    (file,) = run.files()
    assert run.record_count == 2
    assert pq.read_table(file.path)["n"].to_pylist() == [2, 3]


def test_a_write_fails_and_stops_as_a_query_does(engine: DuckDBEngine, tmp_path: Path) -> None:
    failing = engine.write(EngineQuery("select 1 // (range - 9) from range(10)"), target(tmp_path / "a"))
    with pytest.raises(errors.DivisionByZeroError):
        failing.files()
    endless = engine.write(EngineQuery(MANY), target(tmp_path / "b"), timeout_seconds=0.05)
    with pytest.raises(errors.DeadlineExceededError):
        endless.files()
    canceled = engine.write(EngineQuery(MANY), target(tmp_path / "c"))
    canceler = threading.Timer(0.05, canceled.cancel)
    canceler.start()
    with pytest.raises(errors.QueryCanceledError):
        canceled.files()
    canceler.join()


def test_a_closed_engine_says_so(home: Home) -> None:
    engine = open_engine(home)
    assert engine.status().health is Health.READY
    answer(engine, "select 1")
    engine.close()
    engine.close()
    assert engine.status().health is Health.UNAVAILABLE
    with pytest.raises(errors.EngineUnavailableError):
        answer(engine, "select 1")


def test_a_spill_folder_that_cannot_be_made_is_said(tmp_path: Path, home: Home) -> None:
    (tmp_path / "file").write_text("")
    engine = open_engine(home, duckdb__temp_directory=str(tmp_path / "file"))
    with pytest.raises(FileAccessError, match="spill"):
        answer(engine, "select 1")


def test_importing_the_package_loads_no_duckdb() -> None:
    code = "import gateway.engines.duckdb, sys; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=os.environ).returncode == 0


def test_kinds_of_errors() -> None:
    assert ERRORS[duckdb.OutOfMemoryException].kind is Kind.RESOURCE
    assert ERRORS[duckdb.ConversionException].kind is Kind.USER
