"""One SQL in front of DuckDB and Spark.

``gateway.connect()`` is all that most programs need; PEP 249's names are here too. Names are found on
first use, so that importing a part of the package loads that part only.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.dbapi import *  # noqa: F403
    from gateway.service import Gateway as Gateway

_HOMES = {
    "gateway.dbapi": (
        "apilevel threadsafety paramstyle connect Connection Cursor ResultSet ColumnDescription"
        " STRING BINARY NUMBER DATETIME ROWID"
        " Binary Date DateFromTicks Time TimeFromTicks Timestamp TimestampFromTicks"
    ),
    "gateway.dbapi_errors": (
        "Warning Error InterfaceError DatabaseError DataError OperationalError"
        " IntegrityError InternalError ProgrammingError NotSupportedError"
    ),
    "gateway.service": "Gateway",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}
__all__ = [*_HOME_OF]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'gateway' has no attribute {name!r}")
    found = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
