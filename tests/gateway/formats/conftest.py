"""One table of awkward values, which every format must carry."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest


@pytest.fixture
def awkward() -> pa.RecordBatch:
    micros = [0, None, 1_709_168_523_456_789, -62_135_596_800_000_001, 253_402_300_800_000_000, 1_709_168_523_000_000]
    columns: dict[str, pa.Array] = {
        "int": pa.array([0, None, 2**63 - 1, -(2**63), 2**53 + 1, 7]),
        "tiny": pa.array([0, None, 127, -128, 1, 2], pa.int8()),
        "flag": pa.array([True, None, False, True, None, False]),
        "decimal": pa.array(
            [Decimal("0.000000000"), None, Decimal("12345678901234567890.123456789"), Decimal("-0.000000001"), 1, -1],
            pa.decimal128(38, 9),
        ),
        "double": pa.array([0.1, None, float("nan"), float("-inf"), -0.0, 1e20]),
        "float": pa.array([0.1, None, 16777216.0, float("inf"), 1e10, 5.0], pa.float32()),
        "text": pa.array(
            ["", None, 'say "hi", \\ or\r\nnew\tline', "=1+1|*x*<b>&amp;`", "日本語 e\u0301 👩‍🚀 \u202eשלום", " NULL "]
        ),
        "control": pa.array(["\x00\x01\x1f\x7f\x85", None, "_x0041_", "-1", "@x", "\\N"]),
        "binary": pa.array([b"", None, b"\x00\xff", b"abc", b"\n", b'"']),
        "date": pa.array([0, None, 19_782, -719_163, 2_932_897, -719_529], pa.int32()).view(pa.date32()),
        "ntz": pa.array(micros, pa.int64()).view(pa.timestamp("us")),
        "instant": pa.array(micros, pa.int64()).view(pa.timestamp("us", "UTC")),
        "day_time": pa.array([0, None, 86_399_999_999, -1, 86_400_000_000, 5], pa.int64()).view(pa.duration("us")),
        "year_month": pa.array(
            [pa.MonthDayNano([months, 0, 0]) if months is not None else None for months in (0, None, 14, -14, 12, 1)]
        ),
        "list": pa.array([[], None, [1, None], [2**63 - 1], [0], [3, 4]]),
        "map": pa.array(
            [[], None, [(Decimal("1.50"), 'a"b')], [(Decimal("2.00"), None)], [], []],
            pa.map_(pa.decimal128(5, 2), pa.string()),
        ),
        "struct": pa.array(
            [
                {"a": None, "b": [{"c": dt.date(2024, 2, 29)}]},
                None,
                {"a": "é\n", "b": []},
                {"a": "", "b": None},
                None,
                None,
            ]
        ),
        "void": pa.nulls(6),
        'a "name", |\n<b>': pa.array(["x", None, "y", "z", "", "w"]),
    }
    arrays = [*columns.values(), columns["tiny"]]
    return pa.record_batch(arrays, names=[*columns, "int"])
