"""Spark's error classes in headgate's terms, by one table."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.connect import SparkConnectGrpcException

from catalog.errors import SqlError
from gateway.errors import EngineDiedError, EngineFaultError


@contextmanager
def spark_errors() -> Iterator[None]:
    """Translate what pyspark and gRPC raise; the cause is kept."""
    try:
        yield
    except (PySparkException, grpc.RpcError) as error:
        raise translated(error) from error


def translated(error: Exception) -> SqlError:
    """Return the SqlError that says what Spark's error means."""
    if isinstance(error, SparkConnectGrpcException) and error.getGrpcStatusCode() == grpc.StatusCode.UNAVAILABLE:
        return EngineDiedError("Spark went away while it worked", hint="run the query again")
    return EngineFaultError(str(error).partition("\n\nJVM stacktrace")[0])
