"""What libraries raise becomes a SqlError of the right kind."""

import errno
import inspect
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyiceberg.exceptions
import pytest

from catalog.errors import (
    CommitConflictError,
    CorruptFileError,
    DiskFullError,
    ExternalError,
    FileAccessError,
    InvalidDefinitionError,
    SqlError,
    TableNotFoundError,
)
from catalog.translation import PYICEBERG_ERRORS, catalog_errors, file_errors

EXCEPTIONS = [
    cls
    for _, cls in inspect.getmembers(pyiceberg.exceptions, inspect.isclass)
    if issubclass(cls, Exception) and cls.__module__ == "pyiceberg.exceptions"
]


@pytest.mark.parametrize("exception", EXCEPTIONS)
def test_every_exception_of_pyiceberg_is_translated(exception: type[Exception]) -> None:
    with pytest.raises(SqlError) as caught, catalog_errors("lake.default.t"):
        raise exception("the reason")
    assert "the reason" in caught.value.message
    assert isinstance(caught.value.__cause__, exception)


def test_the_table_names_only_exceptions_that_exist() -> None:
    names = {cls.__name__ for cls in EXCEPTIONS}
    assert set(PYICEBERG_ERRORS) <= names


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        (pyiceberg.exceptions.CommitFailedException("x"), CommitConflictError),
        (pyiceberg.exceptions.NoSuchTableError("x"), TableNotFoundError),
        (pyiceberg.exceptions.ServerError("x"), ExternalError),
        (OSError(errno.ENOSPC, "No space left on device"), DiskFullError),
        (PermissionError(errno.EACCES, "Permission denied"), FileAccessError),
        (ValueError("x"), InvalidDefinitionError),
    ],
)
def test_kinds_of_errors(exception: Exception, expected: type[SqlError]) -> None:
    with pytest.raises(expected), catalog_errors("t"):
        raise exception


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        (pa.ArrowInvalid("bad footer"), CorruptFileError),
        (OSError("Couldn't deserialize thrift"), CorruptFileError),
        (OSError(errno.ENOSPC, "No space left on device"), DiskFullError),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), FileAccessError),
    ],
)
def test_errors_of_one_file_name_it(exception: Exception, expected: type[SqlError]) -> None:
    with pytest.raises(expected, match="/data/x.parquet"), file_errors("/data/x.parquet"):  # noqa: RUF043
        raise exception


def test_our_own_errors_and_mistakes_pass_through() -> None:
    for error in (CorruptFileError("mine"), KeyError("a mistake of ours")):
        with pytest.raises(type(error)) as caught, catalog_errors("t"):
            raise error
        assert caught.value is error


def test_pandas_is_kept_out_until_it_is_asked_for() -> None:
    script = """
import sys
from catalog.arrow import keep_pandas_out
keep_pandas_out()
import pyarrow as pa
table = pa.table({"a": pa.array([1, None])})
pa.scalar(1)
assert "pandas" not in sys.modules
frame = table.to_pandas()
import pandas
assert isinstance(frame, pandas.DataFrame)
assert pa.Table.from_pandas(frame).column("a").null_count == 1
"""
    pytest.importorskip("pandas")
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
