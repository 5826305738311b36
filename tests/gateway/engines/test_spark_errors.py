import grpc
import pyspark.errors.exceptions.base as base
import pyspark.errors.exceptions.connect as connect
import pytest
from pyspark.errors import PySparkException

from catalog.errors import ColumnNotFoundError, CorruptFileError, DiskFullError, SqlError
from gateway.engines.spark.errors import CONDITIONS, spark_errors, translated
from gateway.errors import (
    DivisionByZeroError,
    EngineDiedError,
    EngineFaultError,
    EngineUnavailableError,
    EvaluationError,
    NumericOverflowError,
    OutOfMemoryError,
    QueryCanceledError,
    SqlSyntaxError,
)


def spark_error(message: str, condition: str | None = None, state: str | None = None) -> PySparkException:
    return connect.AnalysisException(message=message, errorClass=condition, sql_state=state)


def test_advice_becomes_the_hint_and_spark_settings_are_not_mentioned() -> None:
    error = translated(
        spark_error(
            "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead. "
            'If necessary set "spark.sql.ansi.enabled" to "false" to bypass this error. SQLSTATE: 22012\n'
            "== SQL (line 2, position 8) ==\nselect 1/0\n       ^^^",
            "DIVIDE_BY_ZERO",
            "22012",
        ),
        {},
    )
    assert isinstance(error, DivisionByZeroError)
    assert error.message == "Division by zero."
    assert error.hint == "Use `try_divide` to tolerate divisor being 0 and return NULL instead."
    assert (error.line, error.column) == (2, 8)


def test_names_of_ours_do_not_leak_and_suggestions_are_the_hint() -> None:
    error = translated(
        spark_error(
            "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name `hg_1`.`nope` "
            "cannot be resolved. Did you mean one of the following? [`hg_1`.`state`, `hg_1`.`status`]. "
            "SQLSTATE: 42703; line 1 pos 7;\n'Project ['hg_1.nope]\n+- SubqueryAlias hg_1",
            "UNRESOLVED_COLUMN.WITH_SUGGESTION",
            "42703",
        ),
        {"hg_1": "lake.default.wells"},
    )
    assert isinstance(error, ColumnNotFoundError)
    assert error.hint == "did you mean `state` or `status`?"
    assert "hg_1" not in error.message
    assert (error.line, error.column) == (1, 8)


def test_a_syntax_error_has_its_place() -> None:
    error = translated(
        spark_error(
            "[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'. SQLSTATE: 42601 (line 1, pos 0)", None, "42601"
        ),
        {},
    )
    assert isinstance(error, SqlSyntaxError)
    assert (error.message, error.line, error.column) == ("Syntax error at or near 'selec'.", 1, 1)


def test_a_file_that_cannot_be_read_says_why() -> None:
    text = (
        "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file file:///a.parquet.  SQLSTATE: KD001\n\n"
        "JVM stacktrace:\norg.apache.spark.SparkException\n\tat x\n"
        "Caused by: java.lang.RuntimeException: a.parquet is not a Parquet file."
    )
    error = translated(spark_error(text, "FAILED_READ_FILE.NO_HINT", "KD001"), {})
    assert isinstance(error, CorruptFileError)
    assert error.message == "Encountered error while reading file file:///a.parquet: a.parquet is not a Parquet file."


@pytest.mark.parametrize(
    ("message", "condition", "state", "expected"),
    [
        ("x", "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003", NumericOverflowError),
        ("x", "OPERATION_CANCELED", "HY008", QueryCanceledError),
        ("x", "INVALID_HANDLE.SESSION_CHANGED", "HY000", EngineDiedError),
        ("x", "A_CONDITION_OF_TOMORROW", "22999", EvaluationError),
        ("x", "A_CONDITION_OF_TOMORROW", "XX000", EngineFaultError),
        ("Job aborted: java.lang.OutOfMemoryError: Java heap space", None, None, OutOfMemoryError),
        ("Job aborted: No space left on device", "TASK_WRITE_FAILED", "58030", DiskFullError),
        ("boom: No space left on device", "USER_RAISED_EXCEPTION", "P0001", EvaluationError),
    ],
)
def test_a_condition_decides_before_a_state(
    message: str, condition: str | None, state: str | None, expected: type[SqlError]
) -> None:
    assert type(translated(spark_error(message, condition, state), {})) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, EngineDiedError),
        (grpc.StatusCode.UNAUTHENTICATED, EngineUnavailableError),
        (grpc.StatusCode.CANCELLED, QueryCanceledError),
        (grpc.StatusCode.INTERNAL, EngineFaultError),
    ],
)
def test_a_call_that_failed_is_told_from_a_query_that_did(status: grpc.StatusCode, expected: type[SqlError]) -> None:
    error = connect.SparkConnectGrpcException(message="no", grpc_status_code=status)
    assert type(translated(error, {})) is expected


def exception_classes() -> list[type[PySparkException]]:
    found = {
        value
        for module in (base, connect)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, PySparkException)
    }
    return sorted(found, key=lambda class_: (class_.__module__, class_.__name__))


@pytest.mark.parametrize("class_", exception_classes(), ids=lambda class_: f"{class_.__module__}.{class_.__name__}")
def test_every_exception_of_pyspark_becomes_ours(class_: type[PySparkException]) -> None:
    with pytest.raises(SqlError) as caught, spark_errors():
        raise class_("something happened")
    assert caught.value.message
    assert isinstance(caught.value.__cause__, class_)


def test_no_row_of_the_table_hides_another() -> None:
    assert all(condition == condition.upper() for condition in CONDITIONS)
