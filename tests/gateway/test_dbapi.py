"""PEP 249, clause by clause, and what stands beside it."""

import datetime
import decimal
import inspect
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest

import gateway
from catalog import errors as root
from gateway import dbapi, errors
from gateway.dbapi_errors import ERRORS, dbapi_errors

SCHEMA = pa.schema(
    [
        pa.field("n", pa.int64(), nullable=False),
        ("d", pa.decimal128(10, 2)),
        ("s", pa.string()),
        ("t", pa.timestamp("us", tz="UTC")),
        ("b", pa.binary()),
        ("n", pa.bool_()),
    ]
)
NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
ROWS = [
    (1, decimal.Decimal("1.10"), "ä", NOON, b"\x00", True),
    (2, None, "", NOON, None, None),
    (2**62, decimal.Decimal("-0.01"), None, None, b"", False),
]


@dataclass
class FakeStats:
    def as_dict(self) -> dict[str, object]:
        return {"engine": "duckdb", "rows": 3}


@dataclass
class FakeRoute:
    reason: str = "small scan"


@dataclass
class FakeResult:
    """Gives its batches, then fails if told to."""

    schema: pa.Schema = SCHEMA
    parts: Sequence[pa.RecordBatch] = ()
    failure: root.SqlError | None = None
    update_count: int | None = None
    message: str | None = None
    query_id: str = "20260301_120000_00000_abcde"
    engine: str = "duckdb"
    route: FakeRoute = field(default_factory=FakeRoute)
    stats: FakeStats = field(default_factory=FakeStats)
    closed: bool = False
    canceled: bool = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        yield from self.parts
        if self.failure:
            raise self.failure

    def arrow(self) -> pa.Table:
        return pa.Table.from_batches(self.batches(), self.schema)

    def df(self) -> Any:
        return self.arrow().to_pandas()

    def cancel(self) -> None:
        self.canceled = True

    def close(self) -> None:
        self.closed = True


def rows_in(*sizes: int) -> list[pa.RecordBatch]:
    """Return ROWS as batches of those sizes."""
    columns = [pa.array(column, type_) for column, type_ in zip(zip(*ROWS, strict=True), SCHEMA.types, strict=True)]
    whole = pa.record_batch(columns, schema=SCHEMA)
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    return [whole.slice(start, size) for start, size in zip(starts, sizes, strict=True)]


@dataclass
class FakeGateway:
    """Answers each statement with the next of the results it was given, or raises it."""

    answers: list[FakeResult | root.SqlError]
    calls: list[tuple[str, object, float | None]] = field(default_factory=list)
    closed: bool = False

    def execute(
        self,
        _session: object,
        text: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        timeout_seconds: float | None = None,
    ) -> FakeResult:
        self.calls.append((text, parameters, timeout_seconds))
        answer = self.answers.pop(0)
        if isinstance(answer, root.SqlError):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True


def connect(*answers: FakeResult | root.SqlError) -> tuple[dbapi.Connection, FakeGateway]:
    fake = FakeGateway(list(answers))
    return dbapi.Connection(fake, object()), fake  # type: ignore[arg-type]


def query(*sizes: int, failure: root.SqlError | None = None) -> FakeResult:
    return FakeResult(parts=rows_in(*(sizes or (2, 1))), failure=failure)


UPDATE = FakeResult(schema=pa.schema([]), update_count=7, message="INSERT")


# Module interface


def test_the_module_globals_are_there() -> None:
    assert gateway.apilevel == "2.0"
    assert gateway.threadsafety in (0, 1, 2, 3)
    assert gateway.paramstyle == "qmark"
    assert callable(gateway.connect)


def test_every_public_name_can_be_had_from_the_package() -> None:
    assert {name for name in gateway.__all__ if getattr(gateway, name) is None} == set()
    assert {*dbapi.__all__, "Gateway"} == set(gateway.__all__)
    assert set(gateway.__all__) <= set(dir(gateway))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'conect'"):
        _ = gateway.conect


def test_the_exception_tree_is_pep_249s() -> None:
    parents = {
        "Warning": Exception,
        "Error": Exception,
        "InterfaceError": gateway.Error,
        "DatabaseError": gateway.Error,
        "DataError": gateway.DatabaseError,
        "OperationalError": gateway.DatabaseError,
        "IntegrityError": gateway.DatabaseError,
        "InternalError": gateway.DatabaseError,
        "ProgrammingError": gateway.DatabaseError,
        "NotSupportedError": gateway.DatabaseError,
    }

    for name, parent in parents.items():
        assert getattr(gateway, name).__bases__ == (parent,)
        assert getattr(dbapi.Connection, name) is getattr(gateway, name)


def test_constructors_make_values_that_can_be_parameters() -> None:
    assert gateway.Date(2026, 3, 1) == datetime.date(2026, 3, 1)
    assert gateway.Time(12, 30, 1) == datetime.time(12, 30, 1)
    assert gateway.Timestamp(2026, 3, 1, 12, 30, 1) == datetime.datetime(2026, 3, 1, 12, 30, 1)
    assert gateway.Binary(b"\x00") == b"\x00"


def test_constructors_from_ticks_are_local_time() -> None:
    ticks = time.mktime((2026, 3, 1, 12, 30, 1, 0, 0, -1))

    assert gateway.DateFromTicks(ticks) == datetime.date(2026, 3, 1)
    assert gateway.TimeFromTicks(ticks) == datetime.time(12, 30, 1)
    assert gateway.TimestampFromTicks(ticks) == datetime.datetime(2026, 3, 1, 12, 30, 1)


# Connections


def test_a_closed_connection_refuses_everything_but_closing() -> None:
    connection, fake = connect(query())
    cursor = connection.cursor()
    connection.close()
    connection.close()

    assert fake.closed
    for use in (
        connection.cursor,
        connection.commit,
        lambda: connection.execute("select 1"),
        lambda: cursor.execute("select 1"),
        cursor.fetchone,
    ):
        with pytest.raises(gateway.InterfaceError, match="closed"):
            use()


def test_leaving_the_block_closes() -> None:
    connection, fake = connect()
    with connection as entered:
        assert entered is connection

    assert fake.closed


def test_commit_does_nothing_and_rollback_is_not_supported() -> None:
    connection, fake = connect()
    connection.commit()

    assert fake.calls == []
    with pytest.raises(gateway.NotSupportedError):
        connection.rollback()


def test_statement_parameters_and_deadline_reach_the_gateway() -> None:
    connection, fake = connect(query(), query())
    connection.execute("select ?", [1], timeout_seconds=5)
    connection.cursor().execute("select :a", {"a": 1})

    assert fake.calls == [("select ?", [1], 5), ("select :a", {"a": 1}, None)]


# Cursors


def test_description_has_seven_items_for_each_column() -> None:
    cursor = connect(query())[0].cursor()
    assert cursor.description is None
    cursor.execute("select 1")

    assert cursor.description is not None
    assert [tuple(each) for each in cursor.description] == [
        ("n", "bigint", None, 8, None, None, False),
        ("d", "decimal(10,2)", None, None, 10, 2, True),
        ("s", "string", None, None, None, None, True),
        ("t", "timestamp", None, 8, None, None, True),
        ("b", "binary", None, None, None, None, True),
        ("n", "boolean", None, 1, None, None, True),
    ]


def test_type_codes_equal_exactly_their_type_object() -> None:
    cursor = connect(query())[0].cursor().execute("select 1")
    objects = [gateway.STRING, gateway.BINARY, gateway.NUMBER, gateway.DATETIME, gateway.ROWID]
    equal = [[kind for kind in objects if each[1] == kind] for each in cursor.description or ()]

    assert equal == [
        [gateway.NUMBER],
        [gateway.NUMBER],
        [gateway.STRING],
        [gateway.DATETIME],
        [gateway.BINARY],
        [gateway.NUMBER],
    ]
    assert len({*objects}) == 5
    assert gateway.STRING != gateway.BINARY


@pytest.mark.parametrize("sizes", [(3,), (2, 1), (1, 1, 1), (0, 3, 0)])
def test_rows_come_as_tuples_of_python_values_however_they_are_batched(sizes: tuple[int, ...]) -> None:
    cursor = connect(query(*sizes))[0].cursor().execute("select 1")

    assert cursor.fetchall() == ROWS
    assert cursor.fetchall() == []
    assert cursor.fetchone() is None
    assert cursor.fetchmany() == []


def test_fetching_goes_on_where_the_last_fetch_stopped() -> None:
    cursor = connect(query())[0].cursor().execute("select 1")

    assert cursor.fetchone() == ROWS[0]
    assert cursor.fetchmany(1) == ROWS[1:2]
    assert list(cursor) == ROWS[2:]


def test_fetchmany_gives_arraysize_rows() -> None:
    cursor = connect(query())[0].cursor().execute("select 1")
    assert cursor.arraysize == 1
    assert cursor.fetchmany() == ROWS[:1]
    cursor.arraysize = 5

    assert cursor.fetchmany() == ROWS[1:]


def test_duplicate_column_names_keep_their_values() -> None:
    row = connect(query())[0].cursor().execute("select 1").fetchone()

    assert row is not None
    assert (row[0], row[5]) == (1, True)


def test_rows_are_fetched_only_from_a_query() -> None:
    cursor = connect(UPDATE)[0].cursor()
    for fetch in (cursor.fetchone, cursor.fetchmany, cursor.fetchall, lambda: iter(cursor)):
        with pytest.raises(gateway.ProgrammingError):
            fetch()
    cursor.execute("insert into t values (1)")

    assert cursor.description is None
    with pytest.raises(gateway.ProgrammingError):
        cursor.fetchone()


def test_rowcount_is_known_for_changes_only() -> None:
    cursor = connect(query(), UPDATE)[0].cursor()
    assert cursor.rowcount == -1
    assert cursor.execute("select 1").rowcount == -1
    assert cursor.execute("insert into t values (1)").rowcount == 7


def test_executemany_runs_each_and_sums_the_counts() -> None:
    connection, fake = connect(UPDATE, UPDATE)
    cursor = connection.cursor().executemany("insert into t values (?)", [(1,), (2,)])

    assert cursor.rowcount == 14
    assert [call[1] for call in fake.calls] == [(1,), (2,)]


def test_executemany_of_nothing_changes_nothing() -> None:
    connection, fake = connect()

    assert connection.cursor().executemany("insert into t values (?)", []).rowcount == 0
    assert fake.calls == []


def test_executemany_of_a_query_is_refused() -> None:
    with pytest.raises(gateway.NotSupportedError):
        connect(query())[0].cursor().executemany("select ?", [(1,)])


def test_a_new_statement_gives_up_the_old_rows() -> None:
    first = query()
    cursor = connect(first, query(3))[0].cursor().execute("select 1")
    cursor.fetchone()
    cursor.execute("select 2")

    assert first.closed
    assert cursor.fetchall() == ROWS


def test_a_closed_cursor_refuses_everything_but_closing() -> None:
    result = query()
    cursor = connect(result)[0].cursor().execute("select 1")
    cursor.close()
    cursor.close()

    assert result.closed
    for use in (cursor.fetchone, lambda: cursor.execute("select 1"), lambda: cursor.setinputsizes([1])):
        with pytest.raises(gateway.InterfaceError, match="closed"):
            use()


def test_leaving_a_cursors_block_closes_it() -> None:
    result = query()
    with connect(result)[0].cursor() as cursor:
        cursor.execute("select 1")

    assert result.closed


def test_input_and_output_sizes_are_accepted() -> None:
    cursor = connect()[0].cursor()
    cursor.setinputsizes([25])
    cursor.setoutputsize(1000)
    cursor.setoutputsize(1000, 2)

    assert cursor.description is None


# Beside PEP 249


def test_a_result_tells_schema_engine_route_and_statistics() -> None:
    result = connect(query())[0].execute("select 1")

    assert result.schema == SCHEMA
    assert result.engine == "duckdb"
    assert result.route.reason == "small scan"
    assert result.query_id == "20260301_120000_00000_abcde"
    assert result.stats == {"engine": "duckdb", "rows": 3}


def test_a_result_gives_the_same_rows_in_every_way() -> None:
    result = connect(query())[0].execute("select 1")

    assert result.fetchall() == list(result) == ROWS
    assert result.arrow().num_rows == sum(batch.num_rows for batch in result.batches()) == len(result.df()) == 3


def test_cancel_and_close_reach_the_gateway() -> None:
    fake = query()
    result = connect(fake)[0].execute("select 1")
    result.cancel()
    result.close()

    assert (fake.canceled, fake.closed) == (True, True)


def test_threads_may_share_a_connection() -> None:
    connection, _ = connect(*(query() for _ in range(20)))
    found: list[list[Any]] = []
    threads = [
        threading.Thread(target=lambda: found.append(connection.cursor().execute("select 1").fetchall()))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [ROWS] * 20


# Errors


def raised(error: root.SqlError) -> gateway.Error:
    with pytest.raises(gateway.Error) as caught, dbapi_errors():
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.SqlSyntaxError("x"), "ProgrammingError"),
        (root.TableNotFoundError("x"), "ProgrammingError"),
        (errors.ParameterError("x"), "ProgrammingError"),
        (errors.DivisionByZeroError("x"), "DataError"),
        (errors.InvalidCastError("x"), "DataError"),
        (errors.NotSupportedError("x"), "NotSupportedError"),
        (errors.NotAllowedError("x"), "NotSupportedError"),
        (errors.OutOfMemoryError("x"), "OperationalError"),
        (errors.DeadlineExceededError("x"), "OperationalError"),
        (errors.QueryCanceledError("x"), "OperationalError"),
        (errors.EngineUnavailableError("x"), "OperationalError"),
        (root.CommitConflictError("x"), "OperationalError"),
        (errors.EngineFaultError("x"), "InternalError"),
        (root.SqlError("x"), "DatabaseError"),
    ],
)
def test_errors_are_sorted_by_who_can_put_them_right(error: root.SqlError, expected: str) -> None:
    assert type(raised(error)) is getattr(gateway, expected)


def all_errors() -> list[type[root.SqlError]]:
    modules = (root, errors)
    return [
        each
        for module in modules
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, root.SqlError)
    ]


@pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.__name__)
def test_every_error_keeps_its_fields_and_its_cause(cls: type[root.SqlError]) -> None:
    error = cls("it went wrong", hint="do this", line=3, column=7)
    mapped = raised(error)

    assert isinstance(mapped, gateway.DatabaseError)
    assert mapped.__cause__ is error
    assert str(mapped) == mapped.message == "it went wrong"
    assert (mapped.kind, mapped.code, mapped.retryable) == (cls.kind.value, cls.code, cls.retryable)
    assert (mapped.hint, mapped.line, mapped.column) == ("do this", 3, 7)


def test_every_kind_has_a_row_in_the_table() -> None:
    assert {root.SqlError, root.UserError, root.ResourceError, root.ExternalError, root.InternalError} <= set(ERRORS)


def test_an_error_on_execute_is_mapped() -> None:
    connection, _ = connect(root.TableNotFoundError("no table t"))

    with pytest.raises(gateway.ProgrammingError, match="no table t"):
        connection.execute("select * from t")


def test_an_error_between_rows_is_mapped_and_the_rows_before_it_are_given() -> None:
    cursor = connect(query(2, failure=errors.InvalidCastError("no number")))[0].cursor().execute("select 1")

    assert cursor.fetchmany(2) == ROWS[:2]
    with pytest.raises(gateway.DataError, match="no number"):
        cursor.fetchone()
