"""What can go wrong above the catalog. The root and its kinds are in ``catalog.errors``."""

from catalog.errors import ExternalError, InternalError, ResourceError, UserError


class SqlSyntaxError(UserError):
    """The text is no statement; line and column say where it stops being one."""

    code = "SYNTAX_ERROR"


class AmbiguousColumnError(UserError):
    code = "AMBIGUOUS_COLUMN"


class TypeMismatchError(UserError):
    """An operand or argument has a type that the operator or function does not take."""

    code = "TYPE_MISMATCH"


class FunctionNotFoundError(UserError):
    code = "FUNCTION_NOT_FOUND"


class NotAllowedError(UserError):
    """A statement or function that headgate refuses by design: files, network, processes, engine settings."""

    code = "NOT_ALLOWED"


class NotSupportedError(UserError):
    """Meaningful SQL that headgate cannot run faithfully."""

    code = "NOT_SUPPORTED"


class InvalidSettingError(UserError):
    code = "INVALID_SETTING"


class ParameterError(UserError):
    """Too few, too many, or a value no SQL type holds."""

    code = "INVALID_PARAMETER"


class EvaluationError(UserError):
    """The statement is well formed but its data makes it fail: the answer is an error."""

    code = "EVALUATION_ERROR"


class DivisionByZeroError(EvaluationError):
    code = "DIVISION_BY_ZERO"


class NumericOverflowError(EvaluationError):
    code = "NUMERIC_OVERFLOW"


class InvalidCastError(EvaluationError):
    code = "INVALID_CAST"


class IndexOutOfBoundsError(EvaluationError):
    code = "INDEX_OUT_OF_BOUNDS"


class SubqueryCardinalityError(EvaluationError):
    """A scalar subquery gave more than one row."""

    code = "SCALAR_SUBQUERY_TOO_MANY_ROWS"


class PinnedEngineError(UserError):
    """A pin to an engine cannot hold; a pin is never ignored."""

    code = "ENGINE_PIN_IMPOSSIBLE"


class QueryCanceledError(ResourceError):
    """The user or an operator cancelled the query. A state, not a fault."""

    code = "CANCELED"


class DeadlineExceededError(ResourceError):
    code = "DEADLINE_EXCEEDED"


class OutOfMemoryError(ResourceError):
    """An engine hit its memory or spill budget; another engine may still answer."""

    code = "OUT_OF_MEMORY"


class BeyondEngineError(ResourceError):
    """The engine met a value that it cannot treat as the reference does; another engine may still answer."""

    code = "BEYOND_ENGINE"


class QueueFullError(ResourceError):
    code = "QUEUE_FULL"
    retryable = True


class EngineUnavailableError(ExternalError):
    """The engine cannot be started or reached: no Java, no connection."""

    code = "ENGINE_UNAVAILABLE"
    retryable = True


class EngineDiedError(ExternalError):
    """The engine went away while it worked."""

    code = "ENGINE_DIED"
    retryable = True


class EngineFaultError(InternalError):
    """An engine failed in a way that no row of its error table knows."""

    code = "ENGINE_FAULT"


class ResultExpiredError(UserError):
    """The snapshot of a result is gone: past its age, or quota needed its place."""

    code = "RESULT_EXPIRED"


class UnknownPreparedStatementError(UserError):
    """EXECUTE or DEALLOCATE of a name that PREPARE did not make in this session."""

    code = "PREPARED_STATEMENT_NOT_FOUND"


class UnknownProcedureError(UserError):
    """CALL of a procedure that headgate does not have."""

    code = "PROCEDURE_NOT_FOUND"
