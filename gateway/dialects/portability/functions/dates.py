"""Functions of dates and instants."""

from gateway.dialects.portability.functions.registry import scalar
from gateway.dialects.portability.types import DATE, INT

# Parts. A timestamp's parts are those of its local time.
for _type, _local in (("date", "{0}"), ("timestamp_ntz", "{0}"), ("timestamp", "CAST({0} AS TIMESTAMP)")):
    for _name, _sql in (
        ("year", "year({})"),
        ("quarter", "quarter({})"),
        ("month", "month({})"),
        ("day dayofmonth", "day({})"),
        ("dayofyear", "dayofyear({})"),
        ("weekofyear", "weekofyear({})"),
        ("dayofweek", "(dayofweek({}) + 1)"),
        ("weekday", "(isodow({}) - 1)"),
        ("hg_isodow", "isodow({})"),
        ("hg_isoyear", "isoyear({})"),
    ):
        _column = {"date": "dt", "timestamp_ntz": "n", "timestamp": "ts"}[_type]
        scalar(_name, _type, INT, _sql.format(_local), *([] if _name[:3] == "hg_" else [f"$({_column})"]))
for _type, _local in (("timestamp_ntz", "{0}"), ("timestamp", "CAST({0} AS TIMESTAMP)")):
    for _name in ("hour", "minute", "second"):
        _column = {"timestamp_ntz": "n", "timestamp": "ts"}[_type]
        scalar(_name, _type, INT, f"{_name}({_local})", f"$({_column})")

__all__ = ["DATE"]
