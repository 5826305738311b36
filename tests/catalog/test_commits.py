"""Commits by several processes, conflicts, and writers that die."""

import datetime
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.errors import (
    CommitConflictError,
    CorruptFileError,
    InternalError,
    InvalidDefinitionError,
    TableNotFoundError,
    UnsupportedTableError,
)
from catalog.identifiers import TableName
from catalog.lake import LakeCatalog
from catalog.predicates import ALWAYS, Comparison, Operator
from catalog.schema import Column, Schema
from catalog.store import CommitMode, WrittenFile
from catalog.tables import PartitionField, Table
from catalog.writing import write_table

Named = Callable[[str], TableName]
Make = Callable[..., Table]
RowsOf = Callable[..., list[dict[str, Any]]]
Reopen = Callable[[], LakeCatalog]

ROOT = Path(__file__).parents[2]
NUMBERS = Schema((Column("n", pa.int64()),))
ONE = pa.table({"n": [1]})

WRITER = """
import sys
from pathlib import Path
import pyarrow as pa
from catalog.identifiers import TableName
from catalog.lake import open_catalog
from catalog.store import CommitMode
from catalog.writing import write_table
home, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
lake = open_catalog("lake", database=home / "catalog.sqlite", warehouse=home / "warehouse",
                    cache=home / "cache", properties={})
name = TableName("lake", "default", "numbers")
lake.load(name)
print("ready", flush=True)
sys.stdin.readline()
for n in range(first, first + count):
    target = lake.stage(name)
    lake.commit(name, target, write_table(target, pa.table({"n": [n]})), CommitMode.APPEND)
    print(n, flush=True)
"""


def start_writer(home: Path, first: int, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home), str(first), str(count)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def release(writer: "subprocess.Popen[str]") -> None:
    assert writer.stdout is not None
    assert writer.stdin is not None
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("go\n")
    writer.stdin.flush()


def end(writer: "subprocess.Popen[str]") -> None:
    assert writer.stdout is not None
    assert writer.stdin is not None
    writer.stdin.close()
    writer.stdout.close()
    writer.wait()


def test_two_processes_append_at_once_and_both_succeed(
    home: Path, make: Make, reopen: Reopen, named: Named, rows_of: RowsOf
) -> None:
    make("numbers", NUMBERS)
    writers = [start_writer(home, first, 5) for first in (0, 100)]
    for writer in writers:
        release(writer)
    for writer in writers:
        assert writer.wait() == 0
        end(writer)
    table = reopen().load(named("numbers"))
    found = sorted(row["n"] for row in rows_of(table.scan(ALWAYS)))  # type: ignore[union-attr]
    assert found == [*range(5), *range(100, 105)]
    assert len(table.snapshots()) == 10  # type: ignore[union-attr]


def test_a_killed_writer_leaves_a_readable_table_and_its_debris_goes(
    home: Path, make: Make, reopen: Reopen, named: Named, rows_of: RowsOf
) -> None:
    table = make("numbers", NUMBERS)
    writer = start_writer(home, 0, 1000)
    release(writer)
    assert writer.stdout is not None
    committed = [int(writer.stdout.readline()) for _ in range(3)]
    os.kill(writer.pid, signal.SIGKILL)
    committed += [int(line) for line in writer.stdout.read().split()]
    end(writer)
    lake = reopen()
    found = [row["n"] for row in rows_of(lake.load(named("numbers")).scan(ALWAYS))]  # type: ignore[union-attr]
    assert found[: len(committed)] == committed
    assert len(found) <= len(committed) + 1
    lake.clean_debris(older_than_seconds=0)
    assert [row["n"] for row in rows_of(lake.load(named("numbers")).scan(ALWAYS))] == found  # type: ignore[union-attr]
    files = [path for path in Path(table.location, "data").rglob("*") if path.is_file()]
    assert len(files) == len(found)
    assert lake.clean_debris(older_than_seconds=0) == 0


def test_a_live_writers_folder_is_never_cleaned(lake: LakeCatalog, make: Make, reopen: Reopen, named: Named) -> None:
    make("numbers", NUMBERS)
    target = lake.stage(named("numbers"))
    new = lake.stage_new(named("other"), NUMBERS)
    files, others = write_table(target, ONE), write_table(new, ONE)
    assert reopen().clean_debris(older_than_seconds=0) == 0
    lake.commit(named("numbers"), target, files, CommitMode.APPEND)
    lake.commit_new(named("other"), new, others)
    assert reopen().clean_debris(older_than_seconds=0) == 0
    assert lake.load(named("other")).statistics().record_count == 1  # type: ignore[union-attr]


def test_a_dead_writers_young_folder_is_left_alone(home: Path, make: Make, reopen: Reopen, named: Named) -> None:
    table = make("numbers", NUMBERS)
    script = (
        WRITER.split("for n in range")[0]
        + "lake.stage(name); lake.stage_new(TableName('lake', 'default', 'x'), lake.load(name).schema)"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(home), "0", "0"],
        cwd=ROOT,
        input="\n",
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    folders = lambda: [*Path(table.location, "data").glob("w-*"), *(home / "warehouse" / "default").glob("x-*")]  # noqa: E731
    assert len(folders()) == 2
    assert reopen().clean_debris(older_than_seconds=3600) == 0
    assert len(folders()) == 2
    assert reopen().clean_debris(older_than_seconds=0) == 2
    assert folders() == []
    assert named("x") not in reopen().tables("default")


def test_discarded_files_are_gone(lake: LakeCatalog, make: Make, named: Named) -> None:
    table = make("numbers", NUMBERS)
    target = lake.stage(named("numbers"))
    write_table(target, ONE)
    lake.discard(target)
    lake.discard(target)
    assert list(Path(table.location, "data").rglob("*")) == []
    with pytest.raises(InternalError):
        lake.commit(named("numbers"), target, (), CommitMode.APPEND)


def test_an_overwrite_conflicts_with_rows_it_did_not_see(
    lake: LakeCatalog, make: Make, append: Make, named: Named
) -> None:
    make("numbers", NUMBERS, ONE)
    target = lake.stage(named("numbers"))
    files = write_table(target, ONE)
    append("numbers", pa.table({"n": [2]}))
    with pytest.raises(CommitConflictError) as caught:
        lake.commit(named("numbers"), target, files, CommitMode.OVERWRITE)
    assert caught.value.retryable
    assert lake.load(named("numbers")).statistics().record_count == 2  # type: ignore[union-attr]
    lake.discard(target)


def test_an_append_conflicts_when_the_partitioning_changed(lake: LakeCatalog, make: Make, named: Named) -> None:
    make("numbers", NUMBERS, ONE)
    target = lake.stage(named("numbers"))
    files = write_table(target, ONE)
    with lake._backend.committer().catalog.load_table(("default", "numbers")).update_spec() as update:
        update.add_identity("n")
    with pytest.raises(CommitConflictError, match="partitioning"):
        lake.commit(named("numbers"), target, files, CommitMode.APPEND)


def test_two_tables_of_one_name_cannot_be_made_at_once(lake: LakeCatalog, reopen: Reopen, named: Named) -> None:
    other = reopen()
    mine, theirs = lake.stage_new(named("T"), NUMBERS), other.stage_new(named("t"), NUMBERS)
    lake.commit_new(named("T"), mine, write_table(mine, ONE))
    from catalog.errors import AlreadyExistsError

    with pytest.raises(AlreadyExistsError):
        other.commit_new(named("t"), theirs, write_table(theirs, ONE))
    other.discard(theirs)
    assert [name.name for name in reopen().tables("default")] == ["T"]


def test_files_are_replaced_in_one_commit(lake: LakeCatalog, make: Make, named: Named, rows_of: RowsOf) -> None:
    spec = (PartitionField("n", "bucket[4]", "n_bucket"),)
    table = make("numbers", NUMBERS, pa.table({"n": list(range(10))}), pa.table({"n": [10, 11]}), partitioning=spec)
    gone = table.scan(Comparison("n", Operator.EQ, 3)).files
    kept = pa.table({"n": [row["n"] for row in rows_of(table.scan(Comparison("n", Operator.EQ, 3))) if row["n"] != 3]})
    target = lake.stage(named("numbers"))
    after = lake.replace_files(
        named("numbers"), target, write_table(target, kept), gone.paths.to_pylist(), table.snapshot_id
    )
    assert sorted(row["n"] for row in rows_of(after.scan(ALWAYS))) == [n for n in range(12) if n != 3]
    assert after.snapshots()[-1].operation == "overwrite"
    again = lake.stage(named("numbers"))
    with pytest.raises(CommitConflictError):
        lake.replace_files(named("numbers"), again, (), gone.paths.to_pylist(), table.snapshot_id)
    emptied = lake.replace_files(
        named("numbers"), again, (), after.scan(ALWAYS).files.paths.to_pylist(), after.snapshot_id
    )
    assert emptied.statistics().record_count == 0
    assert emptied.snapshots()[-1].operation == "delete"


def test_many_partitions_are_overwritten(make: Make, append: Make) -> None:
    spec = (PartitionField("n", "identity", "n"),)
    make("numbers", NUMBERS, pa.table({"n": list(range(600))}), partitioning=spec)
    assert append("numbers", ONE, CommitMode.OVERWRITE).statistics().record_count == 1


def test_many_appends_leave_few_manifests(lake: LakeCatalog, named: Named, append: Make, rows_of: RowsOf) -> None:
    lake.create_table(named("numbers"), NUMBERS, properties={"commit.manifest.min-count-to-merge": "5"})
    for n in range(12):
        table = append("numbers", pa.table({"n": [n]}))
    scan = table.scan(ALWAYS)
    assert sorted(row["n"] for row in rows_of(scan)) == list(range(12))
    entry = table.metadata.snapshots[table.snapshot_id]  # type: ignore[attr-defined]
    assert len(table.reader.manifests(entry)) < 8  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("rows", "partition", "word"),
    [
        (pa.table({"d": [datetime.date(2020, 1, 1), datetime.date(2020, 2, 1)]}), (600,), "partition 600"),
        (pa.table({"d": [datetime.date(2020, 1, 1)]}), (601,), "partition 601"),
        (pa.table({"d": [datetime.date(2020, 1, 1), None]}), (600,), "NULLs"),
        (pa.table({"d": [datetime.date(2020, 1, 1)]}), (None,), "partition of NULL"),
    ],
)
def test_a_file_in_the_wrong_partition_is_refused(
    lake: LakeCatalog, named: Named, rows: pa.Table, partition: tuple[Any, ...], word: str
) -> None:
    schema = Schema((Column("d", pa.date32()),))
    target = lake.stage_new(named("t"), schema, (PartitionField("d", "month", "d_month"),))
    path = f"{target.folder}/x.parquet"
    pq.write_table(rows.cast(pa.schema([pa.field("d", pa.date32(), metadata={"PARQUET:field_id": "1"})])), path)
    with pytest.raises(CorruptFileError, match=word):
        lake.commit_new(named("t"), target, [WrittenFile(path, partition)])
    lake.discard(target)
    with pytest.raises(TableNotFoundError):
        lake.load(named("t"))


def test_a_file_that_is_not_what_was_asked_for_is_refused(lake: LakeCatalog, make: Make, named: Named) -> None:
    make("numbers", NUMBERS)
    target = lake.stage(named("numbers"))
    path = f"{target.folder}/x.parquet"
    for rows, word in ((ONE, "field id 1"), (pa.table({"m": [1]}), "lacks column 'n'")):
        pq.write_table(rows, path)
        with pytest.raises(CorruptFileError, match=word):
            lake.commit(named("numbers"), target, [WrittenFile(path, ())], CommitMode.APPEND)
    narrow = pa.schema([pa.field("n", pa.int32(), metadata={"PARQUET:field_id": "1"})])
    pq.write_table(ONE.cast(narrow), path)
    with pytest.raises(CorruptFileError, match="int32"):
        lake.commit(named("numbers"), target, [WrittenFile(path, ())], CommitMode.APPEND)
    Path(path).write_bytes(b"PAR1")
    with pytest.raises(CorruptFileError, match=r"x\.parquet"):
        lake.commit(named("numbers"), target, [WrittenFile(path, ())], CommitMode.APPEND)


@pytest.mark.parametrize("type_", [pa.int64(), pa.float64()])
def test_null_is_refused_where_a_column_takes_none(lake: LakeCatalog, named: Named, type_: pa.DataType) -> None:
    target = lake.stage_new(named("t"), Schema((Column("x", type_, nullable=False),)))
    path = f"{target.folder}/x.parquet"
    with_ids = pa.schema([pa.field("x", type_, metadata={"PARQUET:field_id": "1"})])
    pq.write_table(
        pa.table({"x": pa.array([1, None], type_)}, schema=with_ids), path, write_statistics=type_ == pa.int64()
    )
    with pytest.raises(InvalidDefinitionError, match="takes no NULL"):
        lake.commit_new(named("t"), target, [WrittenFile(path, ())])


def test_views_take_no_rows(lake: LakeCatalog, named: Named) -> None:
    from catalog.tables import View

    lake.create_view(View(named("v"), "select 1", "spark", "lake", "default", None))
    with pytest.raises(UnsupportedTableError, match="a view"):
        lake.stage(named("v"))


def test_expired_snapshots_take_their_files_along(
    lake: LakeCatalog, make: Make, append: Make, named: Named, rows_of: RowsOf
) -> None:
    make("numbers", NUMBERS, ONE)
    append("numbers", pa.table({"n": [2]}))
    table = append("numbers", pa.table({"n": [3]}), CommitMode.OVERWRITE)
    data = Path(table.location, "data")
    assert len(list(data.rglob("*.parquet"))) == 3
    assert lake.expire_snapshots(named("numbers"), older_than_ms=0, retain_last=1) == 0
    assert lake.expire_snapshots(named("numbers"), older_than_ms=None, retain_last=2) == 1
    assert len(list(data.rglob("*.parquet"))) == 3
    assert lake.expire_snapshots(named("numbers"), older_than_ms=None, retain_last=1) == 1
    after = lake.load(named("numbers"))
    assert [row["n"] for row in rows_of(after.scan(ALWAYS))] == [3]  # type: ignore[union-attr]
    assert len(list(data.rglob("*.parquet"))) == 1
    assert len(after.snapshots()) == 1  # type: ignore[union-attr]
    assert lake.clean_debris(older_than_seconds=0) == 0


def test_the_folder_of_a_replaced_table_is_debris(lake: LakeCatalog, make: Make, named: Named) -> None:
    old = make("numbers", NUMBERS, ONE)
    target = lake.stage_new(named("numbers"), NUMBERS, replace=True)
    lake.commit_new(named("numbers"), target, write_table(target, ONE), replace=True)
    assert Path(old.location).is_dir()
    assert lake.clean_debris(older_than_seconds=3600) == 0
    assert lake.clean_debris(older_than_seconds=0) == 1
    assert not Path(old.location).exists()
    assert lake.load(named("numbers")).statistics().record_count == 1  # type: ignore[union-attr]
