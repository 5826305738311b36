"""Values as JSON text, exact: 64-bit integers and decimals keep every digit, NULL is null.

Numbers are numbers; NaN and the infinities, which JSON lacks, are strings. Dates, timestamps,
intervals and binary are strings in the form of ``gateway.values``. A map is an object whose keys are
the text forms of its keys.
"""

import functools
import json
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from gateway.values import data, is_number, text

_ESCAPES = {character: json.dumps(character)[1:-1] for character in map(chr, (*range(0x20), 0x22, 0x5C))}
"""What RFC 8259 wants escaped, backslash last in code order but first to be replaced."""
_TO_ESCAPE = bytes(map(ord, _ESCAPES))


def json_text(array: pa.Array, *, time_zone: str = "UTC", exact_text: bool = False) -> pa.Array:
    """Return every value as JSON; NULL is ``null``, so no item is NULL.

    ``exact_text`` writes 64-bit integers and decimals as strings, for readers whose numbers are doubles.
    """
    convert = functools.partial(json_text, time_zone=time_zone, exact_text=exact_text)
    type_ = array.type
    if pa.types.is_null(type_):
        return pa.array(["null"] * len(array), pa.string())
    if isinstance(type_, pa.BaseExtensionType):
        return convert(array.storage)
    if pa.types.is_dictionary(type_):
        return convert(array.dictionary_decode())
    if pa.types.is_map(type_):
        return _map(array, convert, time_zone)
    if pa.types.is_struct(type_):
        return _struct(array, convert)
    if pa.types.is_nested(type_):
        return _list(array, convert)
    return pc.fill_null(_scalar(array, time_zone, exact_text), "null")


def quoted(strings: pa.Array) -> pa.Array:
    """Return text as JSON strings; NULL stays NULL."""
    return pc.binary_join_element_wise('"', _escaped(strings), '"', "")


def unique_names(names: Iterable[str], *, folded: bool = False) -> list[str]:
    """Return the names with repeated ones made different: ``a, a, a`` becomes ``a, a_1, a_2``.

    The first keeps its name; a number that would meet another column's name is passed over. ``folded``
    takes ``A`` for a repeated ``a``.
    """
    fold = str.casefold if folded else str
    wanted = list(names)
    taken = set(map(fold, wanted))
    seen: set[str] = set()
    unique = []
    for name in wanted:
        chosen, number = name, 0
        while fold(chosen) in seen or (number and fold(chosen) in taken):
            number += 1
            chosen = f"{name}_{number}"
        seen.add(fold(chosen))
        unique.append(chosen)
    return unique


def _escaped(strings: pa.Array) -> pa.Array:
    characters = data(strings)
    if len(characters.translate(None, _TO_ESCAPE)) == len(characters):
        return strings
    present = [character for character in _ESCAPES if character.encode() in characters]
    for character in sorted(present, key=lambda one: one != "\\"):
        strings = pc.replace_substring(strings, character, _ESCAPES[character])
    return strings


def _scalar(array: pa.Array, time_zone: str, exact_text: bool) -> pa.Array:
    type_ = array.type
    shown = text(array, time_zone)
    if pa.types.is_boolean(type_):
        return shown
    if pa.types.is_floating(type_):
        finite = pc.is_finite(array)
        return shown if pc.all(finite).as_py() is not False else pc.if_else(finite, shown, quoted(shown))
    if is_number(type_) and not (exact_text and _beyond_doubles(type_)):
        return shown
    return quoted(shown)


def _beyond_doubles(type_: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(type_) or type_ in (pa.int64(), pa.uint64()))


def _wrapped(array: pa.Array, opening: str, inner: pa.Array, closing: str) -> pa.Array:
    shown = pc.binary_join_element_wise(opening, inner, closing, "")
    return pc.if_else(array.is_valid(), shown, "null") if array.null_count else shown


def _joined(array: pa.Array, items: pa.Array) -> pa.Array:
    """Return for every list of ``array`` its part of ``items``, with commas; items start at the first offset."""
    offsets = pc.subtract(array.offsets, array.offsets[0])
    # The slots of NULL lists may hold anything: their text is thrown away later.
    return pc.binary_join(pa.ListArray.from_arrays(offsets, items), ",")


def _span(array: pa.Array, values: pa.Array) -> pa.Array:
    first, last = array.offsets[0].as_py(), array.offsets[-1].as_py()
    return values.slice(first, last - first)


def _list(array: pa.Array, convert: "functools.partial[pa.Array]") -> pa.Array:
    lists = array.cast(pa.list_(array.type.value_field))
    if not len(lists):
        return pa.array([], pa.string())
    return _wrapped(lists, "[", _joined(lists, convert(_span(lists, lists.values))), "]")


def _map(array: pa.Array, convert: "functools.partial[pa.Array]", time_zone: str) -> pa.Array:
    if not len(array):
        return pa.array([], pa.string())
    keys = quoted(text(_span(array, array.keys), time_zone))
    entries = pc.binary_join_element_wise(keys, convert(_span(array, array.items)), ":")
    return _wrapped(array, "{", _joined(array, entries), "}")


def _struct(array: pa.Array, convert: "functools.partial[pa.Array]") -> pa.Array:
    if not array.type.num_fields:
        return pc.if_else(array.is_valid(), "{}", "null")
    names = unique_names(member.name for member in array.type)
    members = [
        pc.binary_join_element_wise(f"{json.dumps(name, ensure_ascii=False)}:", convert(values), "")
        for name, values in zip(names, array.flatten(), strict=True)
    ]
    return _wrapped(array, "{", pc.binary_join_element_wise(*members, ","), "}")
