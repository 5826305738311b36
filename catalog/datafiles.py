"""What a commit says of the files it adds: Iceberg's metrics, from footers, checked against the table.

A file that does not hold what the table says is refused here, before anybody can read it wrongly.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from catalog.decimals import to_bytes, unscaled
from catalog.errors import CorruptFileError, InternalError, InvalidDefinitionError
from catalog.footers import ColumnFooter, Footer, read_footer
from catalog.formats.metadata import FIELD_ID
from catalog.partitions import apply, micros, parse_transform, result_type
from catalog.predicates import Literal
from catalog.schema import Column, Schema
from catalog.store import WriteTarget, WrittenFile
from catalog.tables import PartitionField

_TEXT_BOUND = 16
"""Characters or bytes of a text bound kept in the manifest, as Iceberg's default metrics mode."""
_EPOCH = datetime.date(1970, 1, 1)


@dataclass(frozen=True)
class FileFacts:
    """One data file as a manifest describes it, bounds as Iceberg's single-value bytes by field id."""

    location: str
    record_count: int
    size_bytes: int
    partition: tuple[Any, ...]
    """As PyIceberg stores it: days as int, instants as microseconds."""
    column_sizes: Mapping[int, int]
    value_counts: Mapping[int, int]
    null_counts: Mapping[int, int]
    lower_bounds: Mapping[int, bytes]
    upper_bounds: Mapping[int, bytes]
    split_offsets: tuple[int, ...]


def describe(target: WriteTarget, files: Sequence[WrittenFile], location_of: Mapping[str, str]) -> list[FileFacts]:
    """Return the facts of written files; empty files are left out.

    ``location_of`` gives for a path the location that goes into the manifest.
    Raises: CorruptFileError for a file that is not what the target asked for; InvalidDefinitionError for a
    NULL in a column that takes none.
    """
    facts = [_describe(target, file, location_of[file.path]) for file in files]
    return [file for file in facts if file.record_count]


def _describe(target: WriteTarget, file: WrittenFile, location: str) -> FileFacts:
    footer = read_footer(file.path)
    columns = {column.name: _footer_of(footer, column, file.path) for column in target.schema}
    _check_nulls(target.schema, columns, footer, file.path)
    stored = {column.field_id: columns[column.name] for column in target.schema if column.field_id is not None}
    bounds = {column.field_id: _bounds(column, columns[column.name], footer) for column in target.schema}
    plain = [column for column in target.schema if not pa.types.is_nested(column.type)]
    return FileFacts(
        location=location,
        record_count=footer.record_count,
        size_bytes=footer.size_bytes,
        partition=_partition(target, file, columns, footer),
        column_sizes={field_id: column.size_bytes for field_id, column in stored.items()},
        value_counts={column.field_id: footer.record_count for column in plain if column.field_id is not None},
        null_counts={
            column.field_id: known
            for column in plain
            if column.field_id is not None and (known := columns[column.name].null_count) is not None
        },
        lower_bounds={field_id: pair[0] for field_id, pair in bounds.items() if field_id and pair[0] is not None},
        upper_bounds={field_id: pair[1] for field_id, pair in bounds.items() if field_id and pair[1] is not None},
        split_offsets=footer.split_offsets,
    )


def _footer_of(footer: Footer, column: Column, path: str) -> ColumnFooter:
    """Return what the footer says of a column, found by field id and checked.

    Raises: CorruptFileError.
    """
    for field in footer.schema:
        if (field.metadata or {}).get(FIELD_ID) == str(column.field_id).encode():
            if not _same_type(field.type, column.type):
                raise CorruptFileError(f"{path} holds column {column.name!r} as {field.type}, not {column.type}")
            return footer.columns.get(field.name) or ColumnFooter(None, None, None, 0)
    raise CorruptFileError(f"{path} lacks column {column.name!r} with field id {column.field_id}")


def _same_type(written: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_nested(wanted):
        return bool(written.id == wanted.id)
    if pa.types.is_timestamp(wanted):
        same_zone = pa.types.is_timestamp(written) and (written.tz is None) == (wanted.tz is None)
        return bool(same_zone and written.unit in ("us", "ms"))
    if pa.types.is_binary(wanted):
        return bool(pa.types.is_binary(written) or pa.types.is_large_binary(written))
    if pa.types.is_string(wanted):
        return bool(pa.types.is_string(written) or pa.types.is_large_string(written))
    return bool(written == wanted)


def _check_nulls(schema: Schema, columns: Mapping[str, ColumnFooter], footer: Footer, path: str) -> None:
    for column in schema:
        if column.nullable or pa.types.is_nested(column.type):
            continue
        null_count = columns[column.name].null_count
        if null_count is None:
            null_count = _count_nulls(path, footer, column)
        if null_count:
            raise InvalidDefinitionError(f"column {column.name!r} takes no NULL, and {null_count} rows have one")


def _count_nulls(path: str, footer: Footer, column: Column) -> int:
    """Return the NULLs of a column that was written without statistics, by reading it."""
    import pyarrow.parquet as pq

    [name] = [f.name for f in footer.schema if (f.metadata or {}).get(FIELD_ID) == str(column.field_id).encode()]
    with pq.ParquetFile(path) as file:
        return sum(batch.column(0).null_count for batch in file.iter_batches(columns=[name]))


def _bounds(column: Column, known: ColumnFooter, footer: Footer) -> tuple[bytes | None, bytes | None]:
    """Return Iceberg's bytes of a column's bounds; floats have none (NaN and -0.0 would be lost)."""
    if pa.types.is_nested(column.type) or pa.types.is_floating(column.type):
        return None, None
    scale_up = _microseconds_per_unit(footer, column)
    lower = _serialize(known.lower, column.type, scale_up)
    upper = _serialize(known.upper, column.type, scale_up)
    if pa.types.is_string(column.type):
        return _cut_text(lower), _raised_text(upper)
    if pa.types.is_binary(column.type):
        return (None if lower is None else lower[:_TEXT_BOUND]), _raised_bytes(upper)
    return lower, upper


def _microseconds_per_unit(footer: Footer, column: Column) -> int:
    if not pa.types.is_timestamp(column.type):
        return 1
    for field in footer.schema:
        if (field.metadata or {}).get(FIELD_ID) == str(column.field_id).encode():
            return 1000 if field.type.unit == "ms" else 1
    return 1


def _serialize(value: Any, type_: pa.DataType, scale_up: int) -> bytes | None:
    """Return a value as stored in Parquet in Iceberg's form. Source: spec, "Single-value serialization"."""
    if value is None:
        return None
    if pa.types.is_boolean(type_):
        return b"\x01" if value else b"\x00"
    if pa.types.is_decimal(type_):
        return to_bytes(unscaled(value, type_.scale))
    if isinstance(value, bytes):
        return value
    width = 4 if pa.types.is_int32(type_) or pa.types.is_date(type_) else 8
    return (int(value) * scale_up).to_bytes(width, "little", signed=True)


def _cut_text(value: bytes | None) -> bytes | None:
    try:
        return None if value is None else value.decode()[:_TEXT_BOUND].encode()
    except UnicodeDecodeError:
        return None


def _raised_text(value: bytes | None) -> bytes | None:
    """Return an upper bound of at most 16 characters, None when none is large enough."""
    try:
        text = None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
    if text is None or len(text) <= _TEXT_BOUND:
        return value
    for end in range(_TEXT_BOUND, 0, -1):
        following = ord(text[end - 1]) + 1
        if following == 0xD800:  # surrogates are no characters
            following = 0xE000
        if following <= 0x10FFFF:
            return (text[: end - 1] + chr(following)).encode()
    return None


def _raised_bytes(value: bytes | None) -> bytes | None:
    if value is None or len(value) <= _TEXT_BOUND:
        return value
    for end in range(_TEXT_BOUND, 0, -1):
        if value[end - 1] < 0xFF:
            return value[: end - 1] + bytes([value[end - 1] + 1])
    return None


def _partition(
    target: WriteTarget, file: WrittenFile, columns: Mapping[str, ColumnFooter], footer: Footer
) -> tuple[Any, ...]:
    if len(file.partition) != len(target.partitioning):
        raise InternalError(
            f"{file.path} has {len(file.partition)} partition values for {len(target.partitioning)} fields"
        )
    values = []
    for field, value in zip(target.partitioning, file.partition, strict=True):
        column = target.schema.column(field.source)
        _check_partition(field, column, value, columns[column.name], footer, file.path)
        values.append(_stored(value))
    return tuple(values)


def _stored(value: Literal | None) -> Any:
    if isinstance(value, datetime.datetime):
        return micros(value)
    if isinstance(value, datetime.date):
        return (value - _EPOCH).days
    return value


def _check_partition(
    field: PartitionField, column: Column, value: Literal | None, known: ColumnFooter, footer: Footer, path: str
) -> None:
    """Refuse a file whose rows are not all of the partition it claims: pruning would lose them."""
    transform = parse_transform(field.transform)
    if transform is None or not transform.keeps_order:
        return
    if value is None:
        if known.null_count not in (None, footer.record_count):
            raise CorruptFileError(f"{path} has values of {column.name!r} in the partition of NULL")
        return
    if known.null_count:
        raise CorruptFileError(f"{path} has NULLs of {column.name!r} in partition {value!r}")
    scale_up = _microseconds_per_unit(footer, column)
    low, high = (_literal(bound, column.type, scale_up) for bound in (known.lower, known.upper))
    if low is None or high is None:
        return
    actual = _stored(value)
    lowest, highest = (_stored(apply(transform, bound, column.type)) for bound in (low, high))
    if pa.types.is_decimal(result_type(transform, column.type)):
        actual = Decimal(actual)
    if lowest > highest:  # truncation wrapped around at the smallest integer
        return
    if not lowest <= actual <= highest or (not isinstance(actual, str | bytes) and lowest != highest):
        raise CorruptFileError(f"{path} has {column.name!r} from {low!r} to {high!r} in partition {value!r}")


def _literal(value: Any, type_: pa.DataType, scale_up: int) -> Literal | None:
    """Return a bound as stored as a value of the column's type, None when Python has no such value."""
    try:
        if value is None or not (pa.types.is_date(type_) or pa.types.is_timestamp(type_)):
            plain: Literal | None = value.decode() if pa.types.is_string(type_) and value is not None else value
            return plain
        stored = pa.int32() if pa.types.is_date(type_) else pa.int64()
        instant: Literal = pa.scalar(int(value) * scale_up, stored).cast(type_).as_py()
        return instant
    except (ValueError, OverflowError):
        return None
