"""Tables whose rows were deleted by others: position deletes, deletion vectors, equality deletes; foreign files."""

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriterV2,
)
from pyiceberg.table import Table as PyIcebergTable
from pyiceberg.table.name_mapping import create_mapping_from_schema
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.typedef import Record
from pyroaring import BitMap64

from catalog.deletes import matches
from catalog.errors import CorruptFileError, UnsupportedTableError
from catalog.identifiers import TableName
from catalog.lake import LakeCatalog
from catalog.predicates import ALWAYS, Comparison, Operator
from catalog.schema import Column, Schema
from catalog.store import CommitMode
from catalog.tables import PartitionField, Table
from catalog.writing import write_table

Named = Callable[[str], TableName]
Make = Callable[..., Table]
RowsOf = Callable[..., list[dict[str, Any]]]

SCHEMA = Schema((Column("n", pa.int64()), Column("s", pa.string()), Column("f", pa.float64())))


def rows(*numbers: int) -> pa.Table:
    return pa.table({"n": numbers, "s": [f"s{n}" for n in numbers], "f": [float("nan")] * len(numbers)})


class DeleteManifestWriter(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class AddDeletes(_FastAppendFiles):
    """A commit of delete files, as Spark's merge-on-read makes them."""

    def __init__(self, table: PyIcebergTable, deletes: Sequence[DataFile]) -> None:
        transaction = table.transaction()
        super().__init__(operation=Operation.DELETE, transaction=transaction, io=table.io)
        self._deletes = deletes

    def _existing_manifests(self) -> list[ManifestFile]:
        writer = DeleteManifestWriter(
            spec=self._transaction.table_metadata.spec(),
            schema=self.schema(),
            output_file=self.new_manifest_output(),
            snapshot_id=self._snapshot_id,
            avro_compression="null",
        )
        with writer:
            for file in self._deletes:
                writer.add(
                    ManifestEntry.from_args(
                        status=ManifestEntryStatus.ADDED,
                        snapshot_id=self._snapshot_id,
                        sequence_number=None,
                        file_sequence_number=None,
                        data_file=file,
                    )
                )
        return [*super()._existing_manifests(), writer.to_manifest_file()]


def delete_file(path: str, content: DataFileContent, **facts: Any) -> DataFile:
    file = DataFile.from_args(
        **{
            "content": content,
            "file_path": path,
            "file_format": FileFormat.PARQUET,
            "partition": Record(),
            "record_count": 1,
            "file_size_in_bytes": os.path.getsize(path),
            "column_sizes": {},
            "value_counts": {},
            "null_value_counts": {},
            "nan_value_counts": {},
            "lower_bounds": {},
            "upper_bounds": {},
            **facts,
        }
    )
    file.spec_id = 0
    return file


def add_deletes(lake: LakeCatalog, name: str, *files: DataFile) -> Table:
    table = lake._backend.committer().catalog.load_table(("default", name))
    producer = AddDeletes(table, files)
    producer.commit()
    producer._transaction.commit_transaction()
    return lake.load(TableName("lake", "default", name))  # type: ignore[return-value]


def position_deletes(folder: str, *positions: tuple[str, int]) -> DataFile:
    path = f"{folder}/pos-{len(os.listdir(folder))}.parquet"
    paths = [f"file://{where}" for where, _ in positions]
    pq.write_table(pa.table({"file_path": paths, "pos": [position for _, position in positions]}), path)
    return delete_file(path, DataFileContent.POSITION_DELETES)


def equality_deletes(folder: str, keys: pa.Table, ids: list[int]) -> DataFile:
    path = f"{folder}/eq-{len(os.listdir(folder))}.parquet"
    fields = [
        pa.field(f.name, f.type, metadata={"PARQUET:field_id": str(i)}) for f, i in zip(keys.schema, ids, strict=True)
    ]
    pq.write_table(keys.cast(pa.schema(fields)), path)
    return delete_file(path, DataFileContent.EQUALITY_DELETES, equality_ids=ids)


def test_deleted_positions_are_gone(lake: LakeCatalog, make: Make, append: Make, rows_of: RowsOf) -> None:
    table = make("t", SCHEMA, rows(1, 2, 3, 4), rows(5, 6))
    first, second = table.scan(ALWAYS).files.paths.to_pylist()
    folder = Path(table.location, "data").as_posix()
    after = add_deletes(
        lake, "t", position_deletes(folder, (first, 0), (first, 2)), position_deletes(folder, (first, 3))
    )
    scan = after.scan(ALWAYS)
    assert [row["n"] for row in rows_of(scan)] == [2, 5, 6]
    assert scan.files.record_counts.to_pylist() == [1, 2]
    assert scan.files.paths.to_pylist()[1] == second
    assert scan.files.sizes_bytes.to_pylist()[0] == os.path.getsize(scan.files.paths[0].as_py())
    assert scan.files.bounds["n"].null_count.to_pylist() == [None, 0]
    assert after.statistics().record_count is None
    assert after.scan(ALWAYS).files.paths == scan.files.paths
    assert [row["n"] for row in rows_of(append("t", rows(7)).scan(ALWAYS))] == [2, 5, 6, 7]
    assert [row["n"] for row in rows_of(table.scan(ALWAYS))] == [1, 2, 3, 4, 5, 6]


def test_copies_keep_field_ids_and_write_no_float_statistics(lake: LakeCatalog, make: Make) -> None:
    table = make("t", SCHEMA, rows(1, 2))
    path = table.scan(ALWAYS).files.paths[0].as_py()
    after = add_deletes(lake, "t", position_deletes(os.path.dirname(path), (path, 0)))
    [copy] = after.scan(ALWAYS).files.paths.to_pylist()
    with pq.ParquetFile(copy) as file:
        assert [field.metadata[b"PARQUET:field_id"] for field in file.schema_arrow] == [b"1", b"2", b"3"]
        assert file.metadata.row_group(0).column(0).is_stats_set
        assert not file.metadata.row_group(0).column(2).is_stats_set


def test_a_file_without_rows_left_is_not_scanned(lake: LakeCatalog, make: Make) -> None:
    table = make("t", SCHEMA, rows(1))
    path = table.scan(ALWAYS).files.paths[0].as_py()
    scan = add_deletes(lake, "t", position_deletes(os.path.dirname(path), (path, 0))).scan(ALWAYS)
    assert (len(scan.files), scan.files_total) == (0, 1)


def test_copies_are_made_row_group_by_row_group(lake: LakeCatalog, named: Named, rows_of: RowsOf) -> None:
    target = lake.stage_new(named("t"), Schema((Column("n", pa.int64()),)))
    [file] = write_table(target, pa.table({"n": list(range(100))}))
    pq.write_table(pq.ParquetFile(file.path).read(), file.path, row_group_size=7)
    lake.commit_new(named("t"), target, [file])
    gone = [0, 6, 7, 13, 50, 99]
    after = add_deletes(lake, "t", position_deletes(os.path.dirname(file.path), *((file.path, n) for n in gone)))
    assert [row["n"] for row in rows_of(after.scan(ALWAYS))] == [n for n in range(100) if n not in gone]


def test_only_surviving_files_are_copied(lake: LakeCatalog, make: Make, home: Path) -> None:
    table = make("t", SCHEMA, rows(1, 2), rows(50, 51))
    first, second = table.scan(ALWAYS).files.paths.to_pylist()
    folder = os.path.dirname(first)
    after = add_deletes(lake, "t", position_deletes(folder, (first, 0), (second, 0)))
    after.scan(Comparison("n", Operator.GT, 10))
    assert len(list((home / "cache" / "copies").rglob("*.parquet"))) == 1


def test_equal_rows_are_gone_from_older_files_only(
    lake: LakeCatalog, make: Make, append: Make, rows_of: RowsOf
) -> None:
    table = make("t", SCHEMA, pa.table({"n": [1, 2, None], "s": ["a", None, "c"], "f": [0.0, 1.0, 2.0]}))
    folder = os.path.dirname(table.scan(ALWAYS).files.paths[0].as_py())
    add_deletes(lake, "t", equality_deletes(folder, pa.table({"n": pa.array([1, None], pa.int64())}), [1]))
    after = append("t", rows(1))
    assert [row["n"] for row in rows_of(after.scan(ALWAYS))] == [2, 1]
    both = pa.table({"n": pa.array([2, 1]), "s": pa.array([None, "x"], pa.string())})
    after = add_deletes(lake, "t", equality_deletes(folder, both, [1, 2]))
    assert [row["n"] for row in rows_of(after.scan(ALWAYS))] == [1]


def test_rows_deleted_by_a_float_are_refused(lake: LakeCatalog, make: Make) -> None:
    table = make("t", SCHEMA, rows(1))
    folder = os.path.dirname(table.scan(ALWAYS).files.paths[0].as_py())
    after = add_deletes(lake, "t", equality_deletes(folder, pa.table({"f": [0.0]}), [3]))
    with pytest.raises(UnsupportedTableError, match="double"):
        after.scan(ALWAYS)


def test_deletes_of_another_partition_do_not_apply(lake: LakeCatalog, make: Make, rows_of: RowsOf) -> None:
    spec = (PartitionField("n", "identity", "n"),)
    table = make("t", SCHEMA, rows(1, 2), partitioning=spec)
    scan = table.scan(ALWAYS)
    folder = os.path.dirname(scan.files.paths[0].as_py())
    keys = equality_deletes(folder, pa.table({"s": ["s1", "s2"]}), [2])
    keys[3] = Record(1)
    after = add_deletes(lake, "t", keys)
    assert [row["n"] for row in rows_of(after.scan(ALWAYS))] == [2]


def test_a_missing_delete_file_is_an_error(lake: LakeCatalog, make: Make) -> None:
    table = make("t", SCHEMA, rows(1, 2))
    path = table.scan(ALWAYS).files.paths[0].as_py()
    deletes = position_deletes(os.path.dirname(path), (path, 0))
    after = add_deletes(lake, "t", deletes)
    Path(deletes.file_path).write_bytes(b"PAR1 broken")
    with pytest.raises(CorruptFileError, match=r"pos-\d+\.parquet"):
        after.scan(ALWAYS)


def test_deleting_on_top_of_deletes_removes_the_original(
    lake: LakeCatalog, make: Make, named: Named, rows_of: RowsOf, reopen: Callable[[], LakeCatalog]
) -> None:
    table = make("t", SCHEMA, rows(1, 2, 3))
    path = table.scan(ALWAYS).files.paths[0].as_py()
    after = add_deletes(lake, "t", position_deletes(os.path.dirname(path), (path, 0)))
    copies = after.scan(ALWAYS).files.paths.to_pylist()
    other = reopen()
    target = other.stage(named("t"))
    final = other.replace_files(named("t"), target, write_table(target, rows(3)), copies, after.snapshot_id)
    assert [row["n"] for row in rows_of(final.scan(ALWAYS))] == [3]
    assert [row["n"] for row in rows_of(lake.load(named("t")).scan(ALWAYS))] == [3]  # type: ignore[union-attr]


def test_an_overwrite_drops_the_deletes_too(lake: LakeCatalog, make: Make, append: Make, rows_of: RowsOf) -> None:
    table = make("t", SCHEMA, rows(1, 2, 3))
    path = table.scan(ALWAYS).files.paths[0].as_py()
    add_deletes(lake, "t", position_deletes(os.path.dirname(path), (path, 0)))
    after = append("t", rows(9), CommitMode.OVERWRITE)
    assert after.statistics().record_count == 1
    assert [row["n"] for row in rows_of(after.scan(ALWAYS))] == [9]


def vector_blob(positions: list[int]) -> bytes:
    """Return a deletion vector as Puffin stores it."""
    body = b"\xd1\xd3\x39\x64" + BitMap64(positions).serialize()
    return len(body).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def test_deletion_vectors_are_applied(tmp_path: Path) -> None:
    from catalog.deletes import DeletedRows
    from catalog.formats.manifests import DeleteFile

    blob = vector_blob([1, 5, 2**33])
    path = tmp_path / "v.puffin"
    path.write_bytes(b"PFA1" + blob + b"rest")
    delete = DeleteFile(str(path), 1, "PUFFIN", 0, 0, "[]", 3, "file:///data/x.parquet", 4, len(blob), ())
    assert DeletedRows().positions("file:///data/x.parquet", [delete]).tolist() == [1, 5, 2**33]
    assert DeletedRows().positions("/data/y.parquet", [delete]).tolist() == []
    path.write_bytes(b"PFA1" + blob[:-5] + b"x" + blob[-4:])
    with pytest.raises(CorruptFileError, match=r"v\.puffin"):
        DeletedRows().positions("/data/x.parquet", [delete])


def test_a_vector_replaces_the_position_deletes_of_its_file() -> None:
    from catalog.deletes import DataFileKey, DeleteIndex
    from catalog.formats.manifests import DeleteFile

    def delete(name: str, content: int, format_: str, sequence: int, referenced: str | None) -> DeleteFile:
        return DeleteFile(name, content, format_, 0, 0, "[]", sequence, referenced, 0, 0, ())

    deletes = [
        delete("pos", 1, "PARQUET", 5, None),
        delete("vector", 1, "PUFFIN", 6, "file:///d"),
        delete("old-eq", 2, "PARQUET", 4, None),
        delete("new-eq", 2, "PARQUET", 5, None),
    ]
    index = DeleteIndex(deletes, frozenset({0}))

    def applying(location: str, sequence: int, spec: int = 0) -> set[str]:
        return {d.location for d in index.applying_to(DataFileKey(location, spec, "[]", sequence))}

    assert applying("/d", 4) == {"vector", "new-eq"}
    assert applying("/other", 4) == {"pos", "new-eq"}
    assert applying("/other", 5) == {"pos"}
    assert applying("/other", 6) == set()
    assert applying("/other", 3, spec=1) == {"old-eq", "new-eq"}


def test_null_equals_null_when_rows_are_deleted_by_value() -> None:
    table = pa.table({"1": pa.array([1, None, 2]), "2": pa.array(["a", None, "b"])})
    keys = pa.table({"1": pa.array([None, 2], pa.int32()), "2": pa.array([None, "x"])})
    assert matches(table, keys).tolist() == [False, True, False]
    assert matches(table.select(["1"]), keys.select(["1"])).tolist() == [False, True, True]


def add_foreign(lake: LakeCatalog, name: str, path: str) -> Table:
    """Commit a file that another engine wrote, without field ids."""
    table = lake._backend.committer().catalog.load_table(("default", name))
    table.add_files([path])
    return lake.load(TableName("lake", "default", name))  # type: ignore[return-value]


def test_files_without_field_ids_are_read_by_name(lake: LakeCatalog, make: Make, rows_of: RowsOf, home: Path) -> None:
    make("t", SCHEMA)
    path = f"{home}/foreign.parquet"
    pq.write_table(rows(1, 2), path)
    table = add_foreign(lake, "t", path)
    scan = table.scan(ALWAYS)
    assert not scan.by_field_id
    assert [row["s"] for row in rows_of(scan)] == ["s1", "s2"]


def test_files_with_and_without_field_ids_are_read_together(
    lake: LakeCatalog, make: Make, named: Named, rows_of: RowsOf, home: Path
) -> None:
    make("t", SCHEMA, rows(3))
    path = f"{home}/foreign.parquet"
    pq.write_table(rows(1, 2), path)
    scan = add_foreign(lake, "t", path).scan(ALWAYS)
    assert scan.by_field_id
    assert sorted(row["s"] for row in rows_of(scan)) == ["s1", "s2", "s3"]
    lake.rename_column(named("t"), "s", "text")
    renamed = lake.load(named("t")).scan(ALWAYS)  # type: ignore[union-attr]
    assert sorted(row["text"] for row in rows_of(renamed)) == ["s1", "s2", "s3"]


def test_a_partition_column_that_files_lack_comes_from_the_manifest(
    lake: LakeCatalog, named: Named, rows_of: RowsOf
) -> None:
    schema = Schema((Column("n", pa.int64()), Column("state", pa.string())))
    target = lake.stage_new(named("t"), schema, (PartitionField("state", "identity", "state"),))
    files = write_table(target, pa.table({"n": [1, 2, 3], "state": ["TX", "OK", None]}))
    lake.commit_new(named("t"), target, files)
    for file in files:  # as a migrated Hive table has them
        pq.write_table(pq.ParquetFile(file.path).read(columns=["n"]), file.path)
    table = lake._backend.committer().catalog.load_table(("default", "t"))
    mapping = create_mapping_from_schema(table.schema()).model_dump_json()
    with table.transaction() as transaction:
        transaction.set_properties({"schema.name-mapping.default": mapping})
    found = rows_of(lake.load(named("t")).scan(ALWAYS))  # type: ignore[union-attr]
    assert sorted((row["n"], row["state"]) for row in found if row["state"]) == [(1, "TX"), (2, "OK")]
    assert {"n": 3, "state": None} in found


def test_a_newer_format_is_refused(lake: LakeCatalog, make: Make, home: Path) -> None:
    table = make("t", SCHEMA)
    with sqlite3.connect(home / "catalog.sqlite") as connection:
        [location] = connection.execute("SELECT metadata_location FROM iceberg_tables").fetchone()
    path = Path(location.removeprefix("file://"))
    document = json.loads(path.read_text()) | {"format-version": 4}
    newer = path.with_name("99-newer.metadata.json")
    newer.write_text(json.dumps(document))
    with sqlite3.connect(home / "catalog.sqlite") as connection:
        connection.execute("UPDATE iceberg_tables SET metadata_location = ?", (f"file://{newer}",))
    connection.close()
    with pytest.raises(UnsupportedTableError, match="format version 4"):
        lake.load(table.name)
