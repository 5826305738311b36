"""Values as cells of a sheet, exact: what a cell would round or misread is text.

Excel shows fifteen digits of a number and milliseconds of a time, and counts days from 1900-03-01 to
9999-12-31: integers and decimals of more digits, doubles beyond its range, finer or farther times, and
wall clocks that a change of offset makes ambiguous are text. So are intervals, times of day, binary and
nested values. Text is never a formula. NULL is an empty cell; the empty string is a cell with no text in it.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import NotSupportedError
from gateway.formats import xlsx_parts as parts
from gateway.formats.rows import any_contains
from gateway.values import END_OF_LISTED_CHANGES, LAST_DAY, data, has_free_text, is_number, local_clock, text

CELL_CHARACTERS = 32_767
"""UTF-16 code units of one cell."""
MAX_DIGITS = 15
_EPOCH = 25_569
"""1970-01-01 as a day of Excel's."""
_FIRST_DAY = 61 - _EPOCH
"""1900-03-01: Excel believes in a 29th of February 1900, so that days before it are one off."""
_SMALLEST = 2.2250738585072014e-308
_LARGEST = 9.99999999999999e307
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_CONTROLS = [chr(code) for code in range(0x20) if chr(code) not in "\t\n"]


def column_cells(column: pa.Array, name: str, time_zone: str) -> pa.Array:
    """Return every value of a column as the XML of its cell.

    Raises: NotSupportedError for a text that is too long for a cell.
    """
    type_ = column.type
    shown = text(column, time_zone)
    if pa.types.is_boolean(type_):
        cells = pc.if_else(column, '<c t="b"><v>1</v></c>', '<c t="b"><v>0</v></c>')
    elif is_number(type_):
        cells = _either(_is_exact_number(column, shown), _cell(shown, _number_style(type_)), shown, name)
    elif pa.types.is_date(type_):
        cells = _dates(column.cast(pa.date32()), shown, name)
    elif pa.types.is_timestamp(type_):
        cells = _timestamps(column, shown, name, time_zone)
    else:
        cells = _text_cells(shown, name, free=has_free_text(type_))
    return pc.fill_null(cells, "<c/>")


def header_cells(names: Sequence[str]) -> str:
    """Return the cells of the header row."""
    cells = _text_cells(pa.array(names, pa.string()), "header", free=True, style=parts.HEADER)
    return "".join(cells.to_pylist())


def _either(numeric: pa.Array | None, numbers: pa.Array, shown: pa.Array, name: str) -> pa.Array:
    """Return number cells where the mask says so and text cells elsewhere; None is everywhere."""
    if numeric is None or pc.all(numeric).as_py() is not False:
        return numbers
    return pc.if_else(numeric, numbers, _text_cells(shown, name, free=False, style=parts.TEXT))


def _cell(numbers: pa.Array, style: int) -> pa.Array:
    return pc.binary_join_element_wise(f'<c s="{style}"><v>', numbers, "</v></c>", "")


def _number_style(type_: pa.DataType) -> int:
    if pa.types.is_floating(type_):
        return parts.GENERAL
    scale = type_.scale if pa.types.is_decimal(type_) else 0
    return parts.DIGITS + scale if 0 <= scale <= parts.MAX_SCALE else parts.GENERAL


def _is_exact_number(column: pa.Array, shown: pa.Array) -> pa.Array | None:
    if pa.types.is_floating(column.type):
        size = pc.abs(column.cast(pa.float64()))
        normal = pc.and_(pc.greater_equal(size, _SMALLEST), pc.less_equal(size, _LARGEST))
        return pc.or_(normal, pc.equal(size, 0.0))
    if pa.types.is_integer(column.type) and column.type.bit_width < 64:
        return None
    if pa.types.is_decimal(column.type) and column.type.precision <= MAX_DIGITS:
        return None
    digits = pc.replace_substring_regex(shown, r"^-?[0.]*|\.", "")
    return pc.less_equal(pc.binary_length(digits), MAX_DIGITS)


def _dates(dates: pa.Array, shown: pa.Array, name: str) -> pa.Array:
    days = dates.view(pa.int32())
    known = pc.and_(pc.greater_equal(days, _FIRST_DAY), pc.less_equal(days, LAST_DAY))
    serials = pc.add(days.cast(pa.int64()), _EPOCH).cast(pa.string())
    return _either(known, _cell(serials, parts.DATE), shown, name)


def _timestamps(column: pa.Array, shown: pa.Array, name: str, time_zone: str) -> pa.Array:
    unit = column.type.unit
    shifted = column.type.tz is not None and time_zone != "UTC"
    local = local_clock(column, time_zone)[0] if shifted else column.view(pa.timestamp(unit))
    ticks, per_second = local.view(pa.int64()), _PER_SECOND[unit]
    known = pc.and_(_whole(ticks, max(per_second // 1000, 1)), _between(ticks, _FIRST_DAY, LAST_DAY + 1, per_second))
    if shifted:
        known = pc.and_(known, _unambiguous(pc.if_else(known, local, None), time_zone, per_second))
    days = pc.add(pc.divide(ticks.cast(pa.float64(), safe=False), 86_400.0 * per_second), float(_EPOCH))
    serials = days.cast(pa.string())
    cells = pc.if_else(_whole(ticks, per_second), _cell(serials, parts.SECONDS), _cell(serials, parts.MILLISECONDS))
    return _either(known, cells, shown, name)


def _whole(ticks: pa.Array, step: int) -> pa.Array:
    return pc.equal(pc.multiply(pc.divide(ticks, step), step), ticks)


def _between(ticks: pa.Array, first_day: int, end_day: int, per_second: int) -> pa.Array:
    days = pc.divide(ticks.cast(pa.float64(), safe=False), 86_400.0 * per_second)
    return pc.and_(pc.greater_equal(days, float(first_day)), pc.less(days, float(end_day)))


def _unambiguous(local: pa.Array, time_zone: str, per_second: int) -> pa.Array:
    """Return which wall clocks name one instant; later ones than Arrow knows changes of are not among them."""
    earliest, latest = (
        pc.assume_timezone(local, time_zone, ambiguous=choice, nonexistent="earliest")
        for choice in ("earliest", "latest")
    )
    listed = pc.less(local.view(pa.int64()), END_OF_LISTED_CHANGES * per_second)
    return pc.fill_null(pc.and_(pc.equal(earliest, latest), listed), False)


def _text_cells(shown: pa.Array, name: str, *, free: bool, style: int = parts.GENERAL) -> pa.Array:
    """Return text cells; ``free`` text may hold any character and be of any length."""
    if free:
        _check_length(shown, name)
        shown = _escaped(shown)
    opening = f'<c t="inlineStr" s="{style}"><is><t xml:space="preserve">'
    return pc.binary_join_element_wise(opening, shown, "</t></is></c>", "")


def _check_length(shown: pa.Array, name: str) -> None:
    candidates = shown.filter(pc.greater(pc.utf8_length(shown), CELL_CHARACTERS // 2))
    longest = max((len(value.encode("utf-16-le")) // 2 for value in candidates.to_pylist()), default=0)
    if longest > CELL_CHARACTERS:
        raise NotSupportedError(
            f"column {name} has a text of {longest:,} characters, a cell of a sheet holds {CELL_CHARACTERS:,}",
            hint="write csv or parquet, or select a part: left(column, 32767)",
        )


def _escaped(strings: pa.Array) -> pa.Array:
    """Return text as XML holds it; what XML cannot is ``_x000B_``. Source: ECMA-376 part 1, 22.9.2.19 (ST_Xstring)."""
    characters = data(strings)
    present = any_contains(strings, ["&", "<", ">", "_", *_CONTROLS])
    if "_" in present:
        strings = pc.replace_substring_regex(strings, "_(x[0-9A-Fa-f]{4}_)", r"_x005F_\1")
    for mark, written in {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.items():
        strings = pc.replace_substring(strings, mark, written) if mark in present else strings
    for control in (*_CONTROLS, "\ufffe", "\uffff"):
        if control in present or (control > "\x7f" and control.encode() in characters):
            strings = pc.replace_substring(strings, control, f"_x{ord(control):04X}_")
    return strings
