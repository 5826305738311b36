import inspect

import pytest

from catalog import errors as root
from gateway import errors
from repl.exits import DONE, FAILED, INTERRUPTED, RETRY, USAGE, UsageError, exit_code, worse


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SqlSyntaxError("x"), 1),
        (root.TableNotFoundError("x"), 1),
        (errors.DeadlineExceededError("x"), 1),
        (errors.OutOfMemoryError("x"), 1),
        (errors.EngineFaultError("x"), 1),
        (errors.InvalidSettingError("x"), 1),
        (UsageError("x"), 2),
        (errors.QueueFullError("x"), 3),
        (errors.EngineUnavailableError("x"), 3),
        (root.CommitConflictError("x"), 3),
        (errors.QueryCanceledError("x"), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_and_their_exit_codes(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_exactly_what_is_worth_retrying_exits_with_3() -> None:
    classes = [
        each
        for module in (root, errors)
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, root.SqlError)
    ]

    assert {each for each in classes if each.retryable} == {each for each in classes if exit_code(each("x")) == RETRY}


def test_of_two_exit_codes_the_one_that_tells_more_stays() -> None:
    assert worse(DONE, RETRY) == worse(RETRY, DONE) == RETRY
    assert worse(RETRY, FAILED) == worse(FAILED, RETRY) == FAILED
    assert worse(DONE, DONE) == DONE
    assert worse(USAGE, FAILED) == USAGE
    assert worse(DONE, INTERRUPTED) == INTERRUPTED
