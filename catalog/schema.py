"""Columns and their types, held as Arrow.

The types are those of the reference dialect, Spark SQL, each with one Arrow form:

    boolean bool · tinyint int8 · smallint int16 · int int32 · bigint int64 · float float32 ·
    double float64 · decimal(p,s) decimal128 · string string · binary binary · date date32 ·
    timestamp timestamp[us, UTC] · timestamp_ntz timestamp[us] · array list · map map · struct struct ·
    interval day-time duration[us] · interval year-month month_day_nano_interval · void null
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from catalog.errors import ColumnNotFoundError
from catalog.identifiers import fold

TIMESTAMP = pa.timestamp("us", tz="UTC")
"""An instant: Spark's TIMESTAMP, Iceberg's timestamptz."""
TIMESTAMP_NTZ = pa.timestamp("us")
"""A wall clock without zone: Spark's TIMESTAMP_NTZ, Iceberg's timestamp."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table or a result."""

    name: str
    """For display; compared folded."""
    type: pa.DataType
    """One of the Arrow forms in the module's table. Fields inside nested types of an Iceberg table carry their
    field ids in Arrow metadata, ``PARQUET:field_id``, which comparing types ignores."""
    nullable: bool = True
    field_id: int | None = None
    """Iceberg field id, which finds the column inside data files; None outside Iceberg."""
    comment: str | None = None
    """What SHOW COLUMNS prints."""


@dataclass(frozen=True)
class Schema:
    """Columns in order. No two names are equal folded."""

    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {fold(column.name): column for column in self.columns}

    def find(self, name: str) -> Column | None:
        """Return the column of that name, or None."""
        return self._by_name.get(fold(name))

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises: ColumnNotFoundError.
        """
        found = self.find(name)
        if found is None:
            raise ColumnNotFoundError(f"column {name!r} does not exist")
        return found

    @cached_property
    def arrow(self) -> pa.Schema:
        """The same columns as an Arrow schema, without metadata."""
        return pa.schema([pa.field(column.name, column.type, column.nullable) for column in self.columns])


def type_name(type_: pa.DataType) -> str:
    """Return the reference dialect's name of a type, as DESCRIBE prints it.

    Shape: lower case, no spaces: ``decimal(10,2)``, ``array<string>``,
    ``struct<a:int,b:map<string,double>>``; ``void`` for null.
    """
    simple = _TYPE_NAMES.get(type_)
    if simple is not None:
        return simple
    if pa.types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    if pa.types.is_timestamp(type_):
        return "timestamp_ntz" if type_.tz is None else "timestamp"
    if pa.types.is_map(type_):
        return f"map<{type_name(type_.key_type)},{type_name(type_.item_type)}>"
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return f"array<{type_name(type_.value_type)}>"
    if pa.types.is_struct(type_):
        inner = ",".join(f"{member.name}:{type_name(member.type)}" for member in type_)
        return f"struct<{inner}>"
    if pa.types.is_dictionary(type_):
        return type_name(type_.value_type)
    return str(type_)


_TYPE_NAMES: dict[pa.DataType, str] = {
    pa.null(): "void",
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.large_string(): "string",
    pa.binary(): "binary",
    pa.large_binary(): "binary",
    pa.date32(): "date",
    pa.duration("us"): "interval day to second",
    pa.month_day_nano_interval(): "interval year to month",
}
