import datetime as dt
import zoneinfo
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.values import date_text, text

MICROS_OF_A_DAY = 86_400 * 10**6


@pytest.mark.parametrize(
    ("type_", "value", "shown"),
    [
        (pa.float64(), 1.0, "1.0"),
        (pa.float64(), -0.0, "-0.0"),
        (pa.float64(), 1e20, "1e+20"),
        (pa.float64(), 1234567890.0, "1234567890.0"),
        (pa.float64(), 12345678901.0, "1.2345678901e+10"),
        (pa.float64(), 5e-324, "5e-324"),
        (pa.float64(), float("nan"), "NaN"),
        (pa.float64(), float("inf"), "Infinity"),
        (pa.float64(), float("-inf"), "-Infinity"),
        (pa.float32(), 0.1, "0.1"),
        (pa.float16(), 1.5, "1.5"),
        (pa.decimal128(20, 8), Decimal("0.00000001"), "0.00000001"),
        (pa.decimal128(20, 8), Decimal("0"), "0.00000000"),
        (pa.decimal128(4, 1), Decimal("-0.5"), "-0.5"),
        (pa.decimal256(60, 2), Decimal("1" * 50), "1" * 50 + ".00"),
        (pa.bool_(), True, "true"),
        (pa.binary(), b"\x00\xffA", "00ff41"),
        (pa.large_binary(), b"a", "61"),
        (pa.binary(2), b"ab", "6162"),
        (pa.large_string(), "é", "é"),
        (pa.string_view(), "é", "é"),
        (pa.time64("us"), dt.time(1, 2, 3, 400000), "01:02:03.4"),
        (pa.time32("s"), dt.time(10, 0, 0), "10:00:00"),
        (pa.duration("us"), dt.timedelta(days=1, seconds=2, microseconds=3), "1 00:00:02.000003"),
        (pa.duration("s"), dt.timedelta(seconds=-90), "-0 00:01:30"),
        (pa.month_day_nano_interval(), pa.MonthDayNano([-14, 0, 0]), "-1-2"),
        (pa.month_day_nano_interval(), pa.MonthDayNano([1, 2, -3_000_000]), "0-1 2 -00:00:00.003"),
        (pa.timestamp("ns"), 1_500_000_000, "1970-01-01 00:00:01.5"),
        (pa.timestamp("ms"), 253_402_300_800_000, "+10000-01-01 00:00:00"),
        (pa.timestamp("s"), -1, "1969-12-31 23:59:59"),
        (pa.list_(pa.int64()), [1, None], "[1,null]"),
        (pa.map_(pa.date32(), pa.bool_()), [(dt.date(2024, 2, 29), True)], '{"2024-02-29":true}'),
        (pa.struct({"a": pa.float64()}), {"a": float("nan")}, '{"a":"NaN"}'),
    ],
)
def test_text_form(type_: pa.DataType, value: Any, shown: str) -> None:
    assert text(pa.array([None, value], type_)).to_pylist() == [None, shown]
    assert text(pa.array([None, value, None], type_)[1:]).to_pylist() == [shown, None]
    assert text(pa.array([], type_)).to_pylist() == []
    assert text(pa.array([None], type_)).to_pylist() == [None]


@given(st.dates())
def test_dates_of_four_digits_are_iso(date: dt.date) -> None:
    day = date.toordinal() - dt.date(1970, 1, 1).toordinal()
    assert date_text(day) == date.isoformat() == text(pa.array([date])).to_pylist()[0]


@given(st.dates(), st.integers(-14_000, 14_000))
def test_far_dates_are_like_those_400_years_nearer(date: dt.date, cycles: int) -> None:
    day = date.toordinal() - dt.date(1970, 1, 1).toordinal() + 146_097 * cycles
    shown = text(pa.array([day, 0], pa.int32()).view(pa.date32())).to_pylist()[0]
    year, month, dom = shown.rsplit("-", 2)
    assert (int(year), int(month), int(dom)) == (date.year + 400 * cycles, date.month, date.day)
    assert year.startswith("+") == (int(year) > 9999)


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_timestamp_is_its_date_and_time(micros: int) -> None:
    day, rest = divmod(micros, MICROS_OF_A_DAY)
    time = (dt.datetime.min + dt.timedelta(microseconds=rest)).time()
    clock = time.isoformat().rstrip("0").rstrip(".") if time.microsecond else time.isoformat()
    assert text(pa.array([micros], pa.int64()).view(pa.timestamp("us"))).to_pylist() == [f"{date_text(day)} {clock}"]


@given(
    st.datetimes(dt.datetime(1850, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)),
    st.sampled_from(["America/New_York", "Asia/Kolkata", "Europe/Amsterdam", "Pacific/Apia", "UTC"]),
)
def test_instants_name_the_same_moment_in_any_zone(moment: dt.datetime, zone: str) -> None:
    shown = text(pa.array([moment], pa.timestamp("us", "UTC")), zone).to_pylist()[0]
    parsed = dt.datetime.fromisoformat(shown)
    assert parsed == moment
    assert parsed.utcoffset() == moment.astimezone(zoneinfo.ZoneInfo(zone)).utcoffset()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_read_back_and_are_never_taken_for_integers(value: float) -> None:
    shown = text(pa.array([value])).to_pylist()[0]
    assert float(shown).hex() == value.hex()
    assert "." in shown or "e" in shown


def test_summer_time_goes_on_for_ever() -> None:
    july_2201 = 7_289_654_400 + 181 * 86_400
    moments = pa.array([2**31, july_2201 + 25 * 146_097 * 86_400, None], pa.int64())
    far = text(moments.view(pa.timestamp("s", "UTC")), "America/New_York").to_pylist()
    assert far == ["2038-01-18T22:14:08-05:00", "+12201-06-30T20:00:00-04:00", None]


def test_bytes_that_are_no_text_are_replaced() -> None:
    offsets = pa.array([0, 2, 3], pa.int32()).buffers()[1]
    broken = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"\xff\xfeA")])
    assert text(broken).to_pylist() == ["\ufffd\ufffd", "A"]


def test_dictionaries_are_their_values() -> None:
    assert text(pa.array([1.0, None, 1.0]).dictionary_encode()).to_pylist() == ["1.0", None, "1.0"]
