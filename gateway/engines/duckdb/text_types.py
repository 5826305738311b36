"""The types that a column of text may turn out to have, and the expressions that test and read them.

Text is read as text and converted here, never by DuckDB's own sniffer and casts: those read 1.5 as the
integer 2, 01234 as 1234, 0x1F as 31 and drop the time of a date with time, silently (duckdb 2.0.0).
A kind accepts a text only if its value keeps all that the text says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, type_name
from gateway.engines.duckdb.sql_text import literal

_INTEGER = "[+-]?(0|[1-9][0-9]*)"
_PLAIN = r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]{0,%d})?"
_FLOAT = r"[+-]?((0|[1-9][0-9]*)?(\.[0-9]*)?([eE][+-]?[0-9]+)?|[nN]a[nN]|[iI]nf(inity)?)"
_ISO_DATE = "[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ISO_MOMENT = f"{_ISO_DATE}([ T]{_CLOCK})?"
_ZONE = r" ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)"

MAX_DECIMAL_SCALE = 4
"""Up to so many digits after the point a column of plain numbers is money or a count, and decimal keeps it exact;
with more it is a measure, and double."""


@dataclass(frozen=True)
class Kind:
    """One way to read a text. Functions take and return SQL expressions."""

    label: str
    """For people: ``date like 12/31/2024``."""
    type: pa.DataType
    parse: Callable[[str], str]
    """The value, NULL when there is none."""
    pattern: str | None
    """What the whole trimmed text must match besides; None accepts every text as it is."""
    quick: Callable[[str], str] | None = None
    """A cheap sufficient condition for ``accepts``, since a regular expression per value costs a third of a load."""
    rival: str | None = None
    """The label of a kind that reads the same texts otherwise, when only the data can tell."""

    @property
    def takes_all(self) -> bool:
        return self.pattern is None

    def accepts(self, text: str) -> str:
        """Return the condition that this kind keeps all that ``text`` says; NULL texts give NULL."""
        if self.pattern is None:
            return f"({text} IS NOT NULL)"
        matches = f"regexp_full_match(trim({text}), {literal(self.pattern)})"
        return f"({matches} AND {self.parse(text)} IS NOT NULL)"

    def read(self, text: str, otherwise: str) -> str:
        """Return the value's expression; blank texts are NULL, what is not accepted is ``otherwise``."""
        value = self.parse(text)
        if self.pattern is None:
            return value
        first = f"WHEN {self.quick(text)} THEN {value} " if self.quick else ""
        return (
            f"CASE {first}WHEN {text} IS NULL THEN NULL WHEN {self.accepts(text)} THEN {value} "
            f"WHEN trim({text}) = '' THEN NULL ELSE {otherwise} END"
        )

    def rejects(self, text: str) -> str:
        """Return the condition, never NULL, that ``text`` says something this kind cannot keep."""
        if self.pattern is None:
            return "false"
        return f"coalesce(trim({text}) <> '' AND NOT {self.accepts(text)}, false)"


def _cast(sql_type: str) -> Callable[[str], str]:
    return lambda text: f"TRY_CAST({text} AS {sql_type})"


def _strptime(layout: str, sql_type: str) -> Callable[[str], str]:
    return lambda text: f"CAST(try_strptime({text}, {literal(layout)}) AS {sql_type})"


def _integer(type_: pa.DataType, sql_type: str) -> Kind:
    parse = _cast(sql_type)
    return Kind(f"whole numbers ({type_name(type_)})", type_, parse, _INTEGER, lambda t: f"{t} = {parse(t)}::VARCHAR")


_PLAIN_START = "(({0} >= '1' AND {0} < ':') OR {0} = '0' OR ({0} >= '0.' AND {0} < '0/'))"
"""A digit first and no leading zeros, by comparisons, which cost next to nothing; other numbers go the slow way."""


def decimal_kind(precision: int, scale: int) -> Kind:
    """Return exact numbers with at most ``scale`` digits after the point."""
    type_ = pa.decimal128(precision, scale)
    parse = _cast(f"DECIMAL({precision}, {scale})")

    def quick(text: str) -> str:
        # TRY_CAST rounds what has more digits than the type, which shows beside a double, up to 15 digits.
        witness = f"strlen({text}) < 16 AND {parse(text)}::DOUBLE = TRY_CAST({text} AS DOUBLE)"
        return f"{witness} AND {_PLAIN_START.format(text)}"

    return Kind(f"exact numbers ({type_name(type_)})", type_, parse, _PLAIN % scale, quick if scale else None)


BOOLEAN = Kind("true and false", pa.bool_(), _cast("BOOLEAN"), "(?i)true|false")
BIGINT = _integer(pa.int64(), "BIGINT")
HUGE = Kind("whole numbers (decimal(38,0))", pa.decimal128(38, 0), _cast("DECIMAL(38, 0)"), _INTEGER)
DECIMALS = tuple(decimal_kind(18, scale) for scale in range(1, MAX_DECIMAL_SCALE + 1))


def _float(type_: pa.DataType, sql_type: str) -> Kind:
    parse = _cast(sql_type)

    def quick(text: str) -> str:
        # TRY_CAST takes 1_000 for a number, too.
        return f"{parse(text)} IS NOT NULL AND NOT contains({text}, '_') AND {_PLAIN_START.format(text)}"

    return Kind(f"numbers ({type_name(type_)})", type_, parse, _FLOAT, quick)


DOUBLE = _float(pa.float64(), "DOUBLE")
STRING = Kind("text", pa.string(), lambda text: text, None)
ISO_DATE = Kind(
    "dates like 2024-12-31",
    pa.date32(),
    _cast("DATE"),
    _ISO_DATE,
    lambda text: f"strlen({text}) = 10 AND TRY_CAST({text} AS DATE) >= DATE '1000-01-01'",
)
ISO_MOMENT = Kind(
    "times like 2024-12-31 23:59:59",
    TIMESTAMP_NTZ,
    _cast("TIMESTAMP"),
    _ISO_MOMENT,
    lambda text: f"{text} LIKE '____-__-__ __:__:__' AND TRY_CAST({text} AS TIMESTAMP) IS NOT NULL",
)
ISO_INSTANT = Kind(
    "times with zone like 2024-12-31T23:59:59Z", TIMESTAMP, _cast("TIMESTAMPTZ"), f"{_ISO_DATE}[ T]{_CLOCK}{_ZONE}"
)


def _layouts(
    layouts: Sequence[tuple[str, str, str]], type_: pa.DataType, sql_type: str, rivals: dict[str, str]
) -> tuple[Kind, ...]:
    def kind(label: str, layout: str, pattern: str) -> Kind:
        parse = _strptime(layout, sql_type)
        # A year of two digits is read as one of the first century.
        return Kind(
            label, type_, parse, pattern, lambda text: f"{parse(text)} >= {sql_type} '1000-01-01'", rivals.get(label)
        )

    return tuple(kind(*one) for one in layouts)


_SLASHED = "[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}"
_DASHED = "[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}"
_MONTH_FIRST = "dates like 12/31/2024 (month first)"
_DAY_FIRST = "dates like 31/12/2024 (day first)"
_MONTH_FIRST_DASHED = "dates like 12-31-2024 (month first)"
_DAY_FIRST_DASHED = "dates like 31-12-2024 (day first)"
DATE_LAYOUTS = _layouts(
    [
        (_MONTH_FIRST, "%m/%d/%Y", _SLASHED),
        (_DAY_FIRST, "%d/%m/%Y", _SLASHED),
        (_MONTH_FIRST_DASHED, "%m-%d-%Y", _DASHED),
        (_DAY_FIRST_DASHED, "%d-%m-%Y", _DASHED),
        ("dates like 31.12.2024", "%d.%m.%Y", r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}"),
        ("dates like 31-DEC-2024", "%d-%b-%Y", "[0-9]{1,2}-[A-Za-z]{3}-[0-9]{4}"),
        ("dates like Dec 31, 2024", "%b %d, %Y", "[A-Za-z]{3} [0-9]{1,2}, [0-9]{4}"),
    ],
    pa.date32(),
    "DATE",
    {_MONTH_FIRST: _DAY_FIRST, _MONTH_FIRST_DASHED: _DAY_FIRST_DASHED},
)
_MONTH_FIRST_TIME = "times like 12/31/2024 23:59 (month first)"
_DAY_FIRST_TIME = "times like 31/12/2024 23:59 (day first)"
_MONTH_FIRST_SECOND = "times like 12/31/2024 23:59:59 (month first)"
_DAY_FIRST_SECOND = "times like 31/12/2024 23:59:59 (day first)"
MOMENT_LAYOUTS = _layouts(
    [
        (_MONTH_FIRST_SECOND, "%m/%d/%Y %H:%M:%S", f"{_SLASHED} [0-9]{{1,2}}:[0-9]{{2}}:[0-9]{{2}}"),
        (_DAY_FIRST_SECOND, "%d/%m/%Y %H:%M:%S", f"{_SLASHED} [0-9]{{1,2}}:[0-9]{{2}}:[0-9]{{2}}"),
        (_MONTH_FIRST_TIME, "%m/%d/%Y %H:%M", f"{_SLASHED} [0-9]{{1,2}}:[0-9]{{2}}"),
        (_DAY_FIRST_TIME, "%d/%m/%Y %H:%M", f"{_SLASHED} [0-9]{{1,2}}:[0-9]{{2}}"),
        (
            "times like 12/31/2024 11:59:59 PM",
            "%m/%d/%Y %I:%M:%S %p",
            f"{_SLASHED} [0-9]{{1,2}}:[0-9]{{2}}:[0-9]{{2}} [AaPp][Mm]",
        ),
    ],
    TIMESTAMP_NTZ,
    "TIMESTAMP",
    {_MONTH_FIRST_SECOND: _DAY_FIRST_SECOND, _MONTH_FIRST_TIME: _DAY_FIRST_TIME},
)

CANDIDATES: tuple[Kind, ...] = (
    BOOLEAN,
    BIGINT,
    *DECIMALS,
    HUGE,
    DOUBLE,
    ISO_DATE,
    *DATE_LAYOUTS,
    ISO_MOMENT,
    *MOMENT_LAYOUTS,
    ISO_INSTANT,
    STRING,
)
"""Narrowest first: a column takes the first kind that accepts all of its texts."""


def candidates_for(type_: pa.DataType) -> tuple[Kind, ...]:
    """Return the kinds whose values a column of that type can hold, first choice first; empty when text cannot."""
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return (STRING,)
    if pa.types.is_boolean(type_):
        return (BOOLEAN,)
    if type_ in _INTEGERS:
        return (_integer(type_, _INTEGERS[type_]),)
    if pa.types.is_decimal(type_):
        return (decimal_kind(type_.precision, type_.scale),)
    if pa.types.is_floating(type_):
        return (_float(type_, "FLOAT" if type_ == pa.float32() else "DOUBLE"),)
    if pa.types.is_date(type_):
        return (ISO_DATE, *DATE_LAYOUTS)
    if pa.types.is_timestamp(type_):
        return (ISO_MOMENT, *MOMENT_LAYOUTS) if type_.tz is None else (ISO_INSTANT,)
    return ()


_INTEGERS = {pa.int8(): "TINYINT", pa.int16(): "SMALLINT", pa.int32(): "INTEGER", pa.int64(): "BIGINT"}
