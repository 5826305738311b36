"""An Iceberg table's metadata file, read as far as planning needs it.

Parsed from JSON by hand: PyIceberg's models cost a second of imports, which every process would pay to
answer `select count(*)`. PyIceberg writes; this reads. Source: Iceberg table spec, "Table Metadata".
"""

import datetime
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from catalog.errors import CorruptFileError, UnsupportedTableError
from catalog.identifiers import fold
from catalog.locations import read_bytes
from catalog.predicates import Literal
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column, Schema
from catalog.tables import PartitionField, Snapshot

FIELD_ID = b"PARQUET:field_id"
"""Metadata key that carries the field ids of members of nested types inside ``Column.type``."""

NEWEST_FORMAT = 3


@dataclass(frozen=True, slots=True)
class SpecField:
    """One field of a partition spec, by ids."""

    source_id: int
    field_id: int
    transform: str
    name: str


@dataclass(frozen=True, slots=True)
class SnapshotEntry:
    """A snapshot and where its list of manifests is."""

    snapshot: Snapshot
    schema_id: int | None
    manifest_list: str | None
    manifests: tuple[str, ...] = ()
    """Format version 1 may name the manifests directly."""


@dataclass(frozen=True)
class TableMetadata:
    """One version of a table's metadata; immutable, named by its location."""

    location: str
    """Of the metadata file."""
    document: Mapping[str, Any] = field(repr=False)

    @property
    def table_location(self) -> str:
        return str(self.document["location"])

    @property
    def uuid(self) -> str:
        return str(self.document.get("table-uuid") or "")

    @property
    def properties(self) -> Mapping[str, str]:
        return self.document.get("properties") or {}

    @cached_property
    def schema_documents(self) -> dict[int, Mapping[str, Any]]:
        found = {int(schema.get("schema-id", 0)): schema for schema in self.document.get("schemas") or ()}
        if not found:  # format version 1
            found[0] = self.document["schema"]
        return found

    @property
    def current_schema_id(self) -> int:
        return int(self.document.get("current-schema-id", 0))

    @cached_property
    def specs(self) -> dict[int, tuple[SpecField, ...]]:
        documents = self.document.get("partition-specs")
        if documents is None:  # format version 1
            documents = [{"spec-id": 0, "fields": self.document.get("partition-spec", [])}]
        return {int(spec["spec-id"]): tuple(_spec_fields(spec["fields"])) for spec in documents}

    @property
    def default_spec(self) -> tuple[SpecField, ...]:
        return self.specs[int(self.document.get("default-spec-id", 0))]

    @property
    def current_snapshot_id(self) -> int | None:
        found = self.document.get("current-snapshot-id")
        return None if found in (None, -1) else int(found)

    @cached_property
    def snapshots(self) -> dict[int, SnapshotEntry]:
        entries = map(_snapshot, self.document.get("snapshots") or ())
        ordered = sorted(entries, key=lambda entry: (entry.snapshot.committed_at, entry.snapshot.id))
        return {entry.snapshot.id: entry for entry in ordered}

    @cached_property
    def history(self) -> tuple[tuple[datetime.datetime, int], ...]:
        """When which snapshot became current, oldest first."""
        log = self.document.get("snapshot-log") or ()
        return tuple((_instant(entry["timestamp-ms"]), int(entry["snapshot-id"])) for entry in log)

    @cached_property
    def name_mapping(self) -> Mapping[str, int] | None:
        """Column name → field id for files without ids, of top-level columns; None when the table has none."""
        text = self.properties.get("schema.name-mapping.default")
        if text is None:
            return None
        return {
            name: int(item["field-id"]) for item in json.loads(text) if "field-id" in item for name in item["names"]
        }

    def schema(self, schema_id: int) -> Schema:
        """Return the columns of that schema with field ids.

        Raises: UnsupportedTableError naming the column whose type or name cannot be read faithfully.
        """
        document = self.schema_documents[schema_id]
        columns = tuple(_column(item) for item in document["fields"])
        _refuse_collisions(columns)
        return Schema(columns)

    def defaults(self, schema_id: int) -> dict[str, Literal]:
        """Return the initial-default of columns that older files lack, by name."""
        found: dict[str, Literal] = {}
        for item in self.schema_documents[schema_id]["fields"]:
            if item.get("initial-default") is not None:
                found[item["name"]] = _literal(item["initial-default"], arrow_type(item["type"], item["name"]))
        return found

    def partitioning(self, schema_id: int) -> tuple[PartitionField, ...]:
        """Return the current spec by the column names of that schema; void and dropped sources are left out."""
        names = {int(item["id"]): item["name"] for item in self.schema_documents[schema_id]["fields"]}
        return tuple(
            PartitionField(names[term.source_id], term.transform, term.name)
            for term in self.default_spec
            if term.transform != "void" and term.source_id in names
        )


def read_metadata(location: str, properties: Mapping[str, str]) -> TableMetadata:
    """Return the metadata at that location.

    Raises: FileAccessError when the file is missing; CorruptFileError; UnsupportedTableError for a newer format.
    """
    content = read_bytes(location, properties)
    try:
        if content[:2] == b"\x1f\x8b":
            content = zlib.decompress(content, 31)
        document = json.loads(content)
    except (ValueError, zlib.error) as error:
        raise CorruptFileError(f"{location} is not Iceberg table metadata: {error}") from error
    return parse_metadata(document, location)


def parse_metadata(document: Any, location: str) -> TableMetadata:
    """Return checked metadata. Raises: CorruptFileError; UnsupportedTableError for a newer format."""
    if not isinstance(document, dict) or "format-version" not in document or "location" not in document:
        raise CorruptFileError(f"{location} is not Iceberg table metadata")
    if document["format-version"] > NEWEST_FORMAT:
        raise UnsupportedTableError(
            f"{location} has Iceberg format version {document['format-version']}; up to {NEWEST_FORMAT} can be read"
        )
    return TableMetadata(location, document)


def _instant(milliseconds: int) -> datetime.datetime:
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(milliseconds=milliseconds)


def _snapshot(document: Mapping[str, Any]) -> SnapshotEntry:
    summary = {str(key): str(value) for key, value in (document.get("summary") or {}).items()}
    parent = document.get("parent-snapshot-id")
    schema_id = document.get("schema-id")
    return SnapshotEntry(
        Snapshot(
            id=int(document["snapshot-id"]),
            parent_id=None if parent is None else int(parent),
            committed_at=_instant(document["timestamp-ms"]),
            operation=summary.get("operation", "append"),
            summary=summary,
        ),
        schema_id=None if schema_id is None else int(schema_id),
        manifest_list=document.get("manifest-list"),
        manifests=tuple(document.get("manifests") or ()),
    )


def _spec_fields(documents: Any) -> list[SpecField]:
    return [
        SpecField(
            source_id=int(item.get("source-id", (item.get("source-ids") or [-1])[0])),
            field_id=int(item.get("field-id", 1000 + position)),  # format version 1 counts from 1000
            transform=str(item["transform"]) if len(item.get("source-ids") or [0]) == 1 else "unknown",
            name=str(item["name"]),
        )
        for position, item in enumerate(documents)
    ]


def _column(item: Mapping[str, Any]) -> Column:
    return Column(
        name=item["name"],
        type=arrow_type(item["type"], item["name"]),
        nullable=not item.get("required", False),
        field_id=int(item["id"]),
        comment=item.get("doc"),
    )


def _refuse_collisions(columns: tuple[Column, ...]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        other = seen.setdefault(fold(column.name), column.name)
        if other is not column.name:
            raise UnsupportedTableError(
                f"columns {other!r} and {column.name!r} differ only in case",
                hint="names are case-insensitive here; rename one of them where the table is written",
            )


_PRIMITIVES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": TIMESTAMP_NTZ,
    "timestamptz": TIMESTAMP,
    "string": pa.string(),
    "binary": pa.binary(),
}
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)\Z")


def arrow_type(type_: Any, column: str) -> pa.DataType:
    """Return the Arrow form of an Iceberg type.

    Raises: UnsupportedTableError naming the column.
    """
    if isinstance(type_, str):
        if type_ in _PRIMITIVES:
            return _PRIMITIVES[type_]
        if match := _DECIMAL.match(type_):
            return pa.decimal128(int(match[1]), int(match[2]))
        if type_.startswith("fixed["):
            return pa.binary()
        raise UnsupportedTableError(
            f"column {column!r} has type {type_}, which cannot be read the same on both engines"
        )
    match type_["type"]:
        case "struct":
            members = [_member(item, column) for item in type_["fields"]]
            return pa.struct(members)
        case "list":
            nullable = not type_["element-required"]
            return pa.list_(_field("element", type_["element"], nullable, type_["element-id"], column))
        case "map":
            key = _field("key", type_["key"], False, type_["key-id"], column)
            item = _field("value", type_["value"], not type_["value-required"], type_["value-id"], column)
            return pa.map_(key, item)
    raise UnsupportedTableError(f"column {column!r} has type {type_['type']}, which cannot be read")


def _member(item: Mapping[str, Any], column: str) -> pa.Field:
    return _field(item["name"], item["type"], not item["required"], item["id"], f"{column}.{item['name']}")


def _field(name: str, type_: Any, nullable: bool, field_id: int, column: str) -> pa.Field:
    return pa.field(name, arrow_type(type_, column), nullable, metadata={FIELD_ID: str(field_id).encode()})


def _literal(value: Any, type_: pa.DataType) -> Literal:
    """Return a default as a value of its type. Source: Iceberg table spec, "JSON Single-Value Serialization"."""
    if pa.types.is_binary(type_):
        return bytes.fromhex(value)
    if pa.types.is_date(type_) or pa.types.is_timestamp(type_) or pa.types.is_decimal(type_):
        decoded: Literal = pa.scalar(str(value)).cast(type_).as_py()
        return decoded
    plain: Literal = value
    return plain
