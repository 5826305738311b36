"""One small table of awkward values, a column per type; every example of the portable set runs over it."""

# ruff: noqa: E501  rows of a table read best on one line

import datetime as dt
from decimal import Decimal

import pyarrow as pa

_UTC = dt.UTC
_INT = [0, 1, -1, 7, 2147483647, -2147483648, None, 2, -7, 100]
AWKWARD = pa.table(
    {
        "k": pa.array(range(10), pa.int32()),
        "i": pa.array(_INT, pa.int32()),
        "l": pa.array([0, 1, -1, 2**63 - 1, -(2**63), None, 5, 2**53 + 1, -12, 3], pa.int64()),
        "y": pa.array([0, 1, -1, 127, -128, None, 3, 4, 5, 6], pa.int8()),
        "d": pa.array(
            [Decimal(x) if x else None for x in
             ("0.00", "1.25", "-1.25", "99999999.99", "-99999999.99", None, "2.50", "-2.50", "0.01", "3.14")],
            pa.decimal128(10, 2),
        ),
        "f": pa.array(
            [0.0, -0.0, float("nan"), float("inf"), float("-inf"), None, 1.5, -2.5, 1e300, 0.1], pa.float64()
        ),
        "r": pa.array([0.0, -0.0, float("nan"), float("inf"), float("-inf"), None, 1.5, -2.5, 1e30, 0.5], pa.float32()),
        "s": pa.array(["", "a", "abc", "Ab C", "naïve", None, " x ", "a1b22", "日本語", "😀b"], pa.string()),
        "dt": pa.array(
            [dt.date(2024, 2, 29), dt.date(1970, 1, 1), dt.date(1969, 12, 31), dt.date(9999, 12, 31), None,
             dt.date(1900, 3, 1), dt.date(2023, 1, 31), dt.date(2000, 12, 30), dt.date(2024, 3, 10), dt.date(2021, 1, 3)],
            pa.date32(),
        ),
        "ts": pa.array(
            [dt.datetime(2024, 2, 29, 23, 59, 59, 999999, _UTC), dt.datetime(1970, 1, 1, tzinfo=_UTC),
             dt.datetime(1969, 12, 31, 23, 59, 59, 1, _UTC), dt.datetime(2024, 3, 10, 2, 30, tzinfo=_UTC), None,
             dt.datetime(2024, 11, 3, 1, 30, tzinfo=_UTC), dt.datetime(1900, 1, 1, tzinfo=_UTC),
             dt.datetime(2000, 1, 1, 12, 0, 0, 100000, _UTC), dt.datetime(2023, 12, 31, 23, 0, tzinfo=_UTC),
             dt.datetime(2021, 1, 3, 5, 6, 7, tzinfo=_UTC)],
            pa.timestamp("us", tz="UTC"),
        ),
        "n": pa.array(
            [dt.datetime(2024, 2, 29, 23, 59, 59, 999999), dt.datetime(1970, 1, 1), dt.datetime(1969, 12, 31, 23, 59, 59, 1),
             dt.datetime(2024, 3, 10, 2, 30), None, dt.datetime(2024, 11, 3, 1, 30), dt.datetime(1900, 1, 1),
             dt.datetime(2000, 1, 1, 12, 0, 0, 100000), dt.datetime(2023, 12, 31, 23), dt.datetime(2021, 1, 3, 5, 6, 7)],
            pa.timestamp("us"),
        ),
        "b": pa.array([True, False, None] * 3 + [True], pa.bool_()),
        "bin": pa.array([b"", b"a", b"\x00\xff", None, b"abc", b"\xc3\xa9", b"x", b"y", b"z", b"\x7f"], pa.binary()),
        "ai": pa.array([[], [1], [1, None, 3], None, [3, 1, 2, 1], [None], [0], [-1, 5], [2], [7, 7]], pa.list_(pa.int32())),
        "sa": pa.array([[], ["a"], ["b", None], None, ["c", "a", ""], [None], ["x"], ["é"], ["y"], ["z", "z"]],
                       pa.list_(pa.string())),
    }
)  # fmt: skip
