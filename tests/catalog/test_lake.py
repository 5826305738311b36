"""Names, schemas, tables, views, schema evolution and time travel."""

import datetime
import math
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.errors import (
    AlreadyExistsError,
    ColumnNotFoundError,
    CorruptFileError,
    FileAccessError,
    InvalidDefinitionError,
    InvalidNameError,
    SchemaNotFoundError,
    SnapshotNotFoundError,
    TableNotFoundError,
    UnsupportedTableError,
)
from catalog.identifiers import TableName
from catalog.lake import LakeCatalog
from catalog.predicates import ALWAYS, Comparison, Operator
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column, Schema
from catalog.store import CommitMode
from catalog.tables import PartitionField, Table, View
from catalog.writing import write_table

Named = Callable[[str], TableName]
Make = Callable[..., Table]
RowsOf = Callable[..., list[dict[str, Any]]]

WELLS = Schema((Column("Id", pa.int64(), nullable=False), Column("State", pa.string(), comment="two letters")))
SOME_WELLS = pa.table({"Id": [1, 2, 3], "State": ["TX", "OK", None]})


def test_a_new_catalog_has_its_first_schema(lake: LakeCatalog) -> None:
    assert lake.schemas() == ("default",)
    assert lake.tables("DEFAULT") == ()


def test_names_are_found_in_any_case_and_keep_theirs(lake: LakeCatalog, make: Make, named: Named) -> None:
    make("Wells", WELLS)
    loaded = lake.load(TableName("LAKE", "Default", "wELLS"))
    assert str(loaded.name) == "lake.default.Wells"
    assert [name.name for name in lake.tables("default")] == ["Wells"]
    with pytest.raises(AlreadyExistsError):
        lake.create_table(named("WELLS"), WELLS)


def test_what_was_written_is_read(make: Make, rows_of: RowsOf) -> None:
    table = make("wells", WELLS, SOME_WELLS)
    assert rows_of(table.scan(ALWAYS)) == SOME_WELLS.to_pylist()
    assert [column.field_id for column in table.schema] == [1, 2]
    assert table.schema.column("state").comment == "two letters"


def test_another_process_sees_a_commit(make: Make, reopen: Callable[[], LakeCatalog], named: Named) -> None:
    other = reopen()
    token = other.change_token()
    make("wells", WELLS, SOME_WELLS)
    assert other.change_token() != token
    assert other.load(named("wells")).statistics().record_count == 3  # type: ignore[union-attr]


def test_the_token_stays_while_nothing_changes(lake: LakeCatalog, make: Make, named: Named) -> None:
    make("wells", WELLS, SOME_WELLS)
    token = lake.change_token()
    lake.load(named("wells"))
    assert lake.change_token() == token


def test_every_type_survives(make: Make, rows_of: RowsOf) -> None:
    types = {
        "o": (pa.bool_(), True),
        "t1": (pa.int8(), -8),
        "t2": (pa.int16(), 16),
        "i": (pa.int32(), -(2**31)),
        "l": (pa.int64(), 2**63 - 1),
        "f": (pa.float32(), 0.5),
        "g": (pa.float64(), 1e300),
        "m": (pa.decimal128(38, 10), Decimal("1234567890123456789012345678.0123456789")),
        "s": (pa.string(), "naïve \U0001f600"),
        "b": (pa.binary(), b"\x00\xff"),
        "d": (pa.date32(), datetime.date(1582, 10, 15)),
        "z": (TIMESTAMP, datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.UTC)),
        "n": (TIMESTAMP_NTZ, datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)),
        "a": (pa.list_(pa.int32()), [1, None]),
        "k": (pa.map_(pa.string(), pa.float64()), [("x", 1.0)]),
        "r": (pa.struct([("x", pa.int32()), ("y", pa.list_(pa.string()))]), {"x": 1, "y": ["q"]}),
    }
    rows = pa.table({name: pa.array([value, None], type_) for name, (type_, value) in types.items()})
    schema = Schema(tuple(Column(name, type_) for name, (type_, _) in types.items()))
    table = make("types", schema, rows)
    assert rows_of(table.scan(ALWAYS)) == rows.to_pylist()
    widened = {"t1": pa.int32(), "t2": pa.int32()}
    assert {c.name: c.type for c in table.schema} == {n: widened.get(n, t) for n, (t, _) in types.items()}
    statistics = table.statistics().columns
    assert (statistics["m"].lower, statistics["l"].upper) == (types["m"][1], 2**63 - 1)
    assert (statistics["z"].lower, statistics["n"].upper) == (types["z"][1], types["n"][1])
    assert statistics["g"].lower is None


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ((), "column"),
        ((Column("a", pa.int32()), Column("A", pa.int32())), "'A'"),
        ((Column("t", pa.duration("us")),), "'t'"),
        ((Column("", pa.int32()),), "empty"),
    ],
)
def test_impossible_schemas_are_refused(
    lake: LakeCatalog, named: Named, columns: tuple[Column, ...], word: str
) -> None:
    with pytest.raises(InvalidDefinitionError, match=word):
        lake.create_table(named("t"), Schema(columns))
    with pytest.raises(TableNotFoundError):
        lake.load(named("t"))


def test_impossible_partitioning_is_refused(lake: LakeCatalog, named: Named) -> None:
    with pytest.raises(ColumnNotFoundError):
        lake.create_table(named("t"), WELLS, [PartitionField("nope", "identity", "nope")])
    with pytest.raises(InvalidDefinitionError, match="month"):
        lake.stage_new(named("t"), WELLS, [PartitionField("Id", "month", "Id_month")])


def test_nearest_names_are_offered(make: Make, lake: LakeCatalog, named: Named) -> None:
    make("production", WELLS)
    with pytest.raises(TableNotFoundError) as caught:
        lake.load(named("prodction"))
    assert caught.value.hint == "did you mean production?"
    with pytest.raises(SchemaNotFoundError) as missing:
        lake.load(TableName("lake", "defualt", "production"))
    assert missing.value.hint == "did you mean default?"


def test_schemas_come_and_go(lake: LakeCatalog, reopen: Callable[[], LakeCatalog]) -> None:
    lake.create_schema("Geo")
    lake.create_schema("geo", if_not_exists=True)
    with pytest.raises(AlreadyExistsError):
        lake.create_schema("GEO")
    with pytest.raises(InvalidNameError):
        lake.create_schema("a.b")
    lake.create_table(TableName("lake", "geo", "t"), WELLS)
    lake.create_view(View(TableName("lake", "geo", "v"), "select 1", "spark", "lake", "geo", None))
    with pytest.raises(InvalidDefinitionError, match="not empty"):
        lake.drop_schema("geo")
    lake.drop_schema("gEO", cascade=True)
    assert reopen().schemas() == ("default",)
    lake.drop_schema("geo", if_exists=True)
    with pytest.raises(SchemaNotFoundError):
        lake.drop_schema("geo")


def test_views_are_stored_and_replaced(lake: LakeCatalog, make: Make, named: Named) -> None:
    view = View(named("Recent"), "select * from wells", "spark", "lake", "default", ("a", "b"))
    lake.create_view(view)
    assert lake.load(named("recent")) == view
    with pytest.raises(AlreadyExistsError):
        lake.create_view(view)
    changed = View(named("recent"), "select 2", "duckdb", "lake", "default", None)
    lake.create_view(changed, or_replace=True)
    assert lake.load(named("RECENT")) == changed
    with pytest.raises(AlreadyExistsError):
        lake.create_table(named("Recent"), WELLS)
    make("wells", WELLS)
    with pytest.raises(AlreadyExistsError):
        lake.create_view(View(named("WELLS"), "select 1", "spark", "lake", "default", None), or_replace=True)
    with pytest.raises(TableNotFoundError, match="is a view"):
        lake.drop_table(named("recent"))
    lake.drop_view(named("recent"))
    assert lake.views("default") == ()
    with pytest.raises(TableNotFoundError):
        lake.drop_view(named("recent"))


def test_dropping_a_table_deletes_its_files(lake: LakeCatalog, make: Make, named: Named) -> None:
    table = make("wells", WELLS, SOME_WELLS)
    assert Path(table.location).is_dir()
    lake.drop_table(named("wells"))
    assert not Path(table.location).exists()
    lake.drop_table(named("wells"), if_exists=True)
    with pytest.raises(TableNotFoundError):
        lake.drop_table(named("wells"))


def test_without_purge_the_files_stay_and_a_new_table_does_not_see_them(lake: LakeCatalog, make: Make) -> None:
    table = make("wells", WELLS, SOME_WELLS)
    lake.drop_table(table.name, purge=False)
    again = make("wells", WELLS)
    assert Path(table.location).is_dir()
    assert again.location != table.location
    assert len(again.scan(ALWAYS).files) == 0


def test_columns_are_found_by_id_after_renames(
    lake: LakeCatalog, make: Make, append: Make, named: Named, rows_of: RowsOf
) -> None:
    make("wells", WELLS, SOME_WELLS)
    lake.rename_column(named("wells"), "STATE", "region")
    lake.add_column(named("wells"), Column("depth", pa.float64(), comment="feet"))
    table = append("wells", pa.table({"Id": [4], "region": ["NM"], "depth": [math.inf]}))
    assert rows_of(table.scan(ALWAYS))[-1] == {"Id": 4, "region": "NM", "depth": math.inf}
    assert rows_of(table.scan(ALWAYS))[0] == {"Id": 1, "region": "TX", "depth": None}
    lake.drop_column(named("wells"), "region")
    lake.add_column(named("wells"), Column("region", pa.string()))
    reborn = lake.load(named("wells"))
    assert [row["region"] for row in rows_of(reborn.scan(ALWAYS))] == [None] * 4  # type: ignore[union-attr]
    assert reborn.scan(Comparison("region", Operator.EQ, "TX")).files_total == 2  # type: ignore[union-attr]


def test_column_changes_are_checked(lake: LakeCatalog, make: Make, named: Named) -> None:
    make("wells", WELLS, partitioning=(PartitionField("State", "identity", "State"),))
    with pytest.raises(ColumnNotFoundError) as caught:
        lake.rename_column(named("wells"), "sttae", "x")
    assert caught.value.hint == "did you mean State?"
    with pytest.raises(AlreadyExistsError):
        lake.rename_column(named("wells"), "id", "STATE")
    with pytest.raises(AlreadyExistsError):
        lake.add_column(named("wells"), Column("ID", pa.int32()))
    with pytest.raises(InvalidDefinitionError, match="NULL"):
        lake.add_column(named("wells"), Column("n", pa.int32(), nullable=False))
    with pytest.raises(InvalidDefinitionError, match="partitioned"):
        lake.drop_column(named("wells"), "state")
    lake.rename_column(named("wells"), "id", "ID")
    assert [column.name for column in lake.load(named("wells")).schema] == ["ID", "State"]  # type: ignore[union-attr]


def test_a_widened_column_keeps_its_old_bounds(lake: LakeCatalog, make: Make, append: Make, rows_of: RowsOf) -> None:
    make(
        "t",
        Schema((Column("n", pa.int32()), Column("m", pa.decimal128(4, 2)))),
        pa.table({"n": [1], "m": [Decimal(1)]}),
    )
    pyiceberg = lake._backend.committer().catalog.load_table(("default", "t"))
    from pyiceberg.types import DecimalType, LongType

    with pyiceberg.update_schema() as update:
        update.update_column("n", LongType())
        update.update_column("m", DecimalType(10, 2))
    table = append("t", pa.table({"n": [2**40], "m": pa.array([Decimal("12345678.25")], pa.decimal128(10, 2))}))
    assert [column.type for column in table.schema] == [pa.int64(), pa.decimal128(10, 2)]
    found = table.scan(Comparison("n", Operator.GT, 2**33))
    assert (len(found.files), found.files_total) == (1, 2)
    assert [row["n"] for row in rows_of(table.scan(ALWAYS))] == [1, 2**40]
    assert table.statistics().columns["m"].upper == Decimal("12345678.25")


def test_time_travel_shows_the_schema_of_its_time(
    lake: LakeCatalog, make: Make, append: Make, named: Named, rows_of: RowsOf
) -> None:
    first = make("wells", WELLS, SOME_WELLS)
    lake.add_column(named("wells"), Column("depth", pa.int32()))
    second = append("wells", pa.table({"Id": [4], "State": ["NM"], "depth": [9]}))
    old, new = second.snapshots()
    assert (old.id, new.parent_id, old.operation) == (first.snapshot_id, old.id, "append")
    then = second.at_snapshot(old.id)
    assert rows_of(then.scan(ALWAYS)) == SOME_WELLS.to_pylist()
    assert [column.name for column in then.schema] == ["Id", "State"]
    assert second.at_time(old.committed_at).snapshot_id == old.id
    assert second.at_time(new.committed_at).snapshot_id == new.id
    assert then.identity != second.identity
    with pytest.raises(SnapshotNotFoundError):
        second.at_snapshot(17)
    with pytest.raises(SnapshotNotFoundError):
        second.at_time(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))


def test_a_narrowed_scan_names_only_the_columns_asked_for(make: Make) -> None:
    scan = make("wells", WELLS, SOME_WELLS).scan(ALWAYS, ["STATE"])
    assert [column.name for column in scan.schema] == ["State"]
    assert set(scan.files.bounds) == {"state"}
    assert len(make("empty", WELLS).scan(ALWAYS, []).schema) == 0


def test_missing_metadata_is_named(make: Make, reopen: Callable[[], LakeCatalog]) -> None:
    table = make("wells", WELLS, SOME_WELLS)
    for file in Path(table.location, "metadata").glob("*.json"):
        file.unlink()
    with pytest.raises(FileAccessError, match=r"metadata\.json"):
        reopen().load(table.name)


def test_corrupt_metadata_is_named(make: Make, reopen: Callable[[], LakeCatalog]) -> None:
    table = make("wells", WELLS, SOME_WELLS)
    for file in Path(table.location, "metadata").iterdir():
        file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(CorruptFileError, match=r"metadata\.json"):
        reopen().load(table.name)


def test_a_corrupt_manifest_is_named(make: Make, reopen: Callable[[], LakeCatalog]) -> None:
    table = make("wells", WELLS, SOME_WELLS)
    for file in Path(table.location, "metadata").glob("*-m0.avro"):
        file.write_bytes(file.read_bytes()[:-20])
    loaded = reopen().load(table.name)
    with pytest.raises(CorruptFileError, match=r"m0\.avro"):
        loaded.scan(ALWAYS)  # type: ignore[union-attr]


def test_a_broken_cache_is_made_again(make: Make, home: Path, reopen: Callable[[], LakeCatalog]) -> None:
    table = make("wells", WELLS, SOME_WELLS)
    table.scan(ALWAYS)
    kept = list((home / "cache" / "snapshots").rglob("*.arrow"))
    assert kept
    for file in kept:
        file.write_bytes(file.read_bytes()[:100])
    assert reopen().load(table.name).scan(ALWAYS).files == table.scan(ALWAYS).files  # type: ignore[union-attr]


def test_columns_that_differ_in_case_are_refused(make: Make, lake: LakeCatalog, named: Named) -> None:
    make("t", Schema((Column("a", pa.int32()), Column("b", pa.int32()))))
    with lake._backend.committer().catalog.load_table(("default", "t")).update_schema() as update:
        update.rename_column("b", "A")
    with pytest.raises(UnsupportedTableError, match="differ only in case"):
        lake.load(named("t")).schema  # noqa: B018


def test_statistics_count_rows_nulls_and_partitions(make: Make) -> None:
    rows = pa.table({"Id": [1, 2, 3, 4], "State": ["TX", "TX", None, "OK"]})
    table = make("wells", WELLS, rows, rows, partitioning=(PartitionField("State", "identity", "State"),))
    statistics = table.statistics()
    assert (statistics.record_count, statistics.file_count) == (8, 6)
    state, number = statistics.columns["State"], statistics.columns["Id"]
    assert (state.null_count, state.distinct_count, state.lower, state.upper) == (2, 2, "OK", "TX")
    assert (number.null_count, number.lower, number.upper, number.distinct_count) == (0, 1, 4, None)
    assert number.size_bytes is not None
    assert statistics.size_bytes == sum(Path(p).stat().st_size for p in table.scan(ALWAYS).files.paths.to_pylist())


def test_long_text_has_bounds_that_are_never_narrower(make: Make) -> None:
    texts = ["a" * 40, "\U0010ffff" * 20, "z" * 16 + "b"]
    table = make("t", Schema((Column("s", pa.string()),)), *(pa.table({"s": [text]}) for text in texts))
    for text in texts:
        found = table.scan(Comparison("s", Operator.EQ, text)).files
        assert len(found) == 1


def test_nan_and_negative_zero_are_not_pruned(make: Make) -> None:
    files = [pa.table({"f": [value, 1.0]}) for value in (math.nan, -0.0, 5.0)]
    table = make("t", Schema((Column("f", pa.float64()),)), *files)
    assert len(table.scan(Comparison("f", Operator.GT, 100.0)).files) == 3
    assert len(table.scan(Comparison("f", Operator.EQ, 0.0)).files) == 3


def test_reading_needs_no_pyiceberg(make: Make, home: Path) -> None:
    make("wells", WELLS, SOME_WELLS)
    script = f"""
import sys
from pathlib import Path
from catalog.lake import open_catalog
from catalog.identifiers import TableName
from catalog.predicates import ALWAYS
home = Path({str(home)!r})
lake = open_catalog("lake", database=home / "catalog.sqlite", warehouse=home / "warehouse",
                    cache=home / "cache", properties={{}})
assert len(lake.load(TableName("lake", "default", "wells")).scan(ALWAYS).files) == 1
heavy = {{"pyiceberg.table", "pyiceberg.catalog", "sqlalchemy", "pydantic", "pyarrow.dataset"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])


def test_a_new_table_and_its_rows_appear_together(
    lake: LakeCatalog, named: Named, rows_of: RowsOf, reopen: Callable[[], LakeCatalog]
) -> None:
    spec = (PartitionField("Id", "bucket[2]", "Id_bucket"),)
    target = lake.stage_new(named("wells"), WELLS, spec)
    files = write_table(target, SOME_WELLS)
    with pytest.raises(TableNotFoundError):
        reopen().load(named("wells"))
    table = lake.commit_new(named("wells"), target, files)
    assert table.schema == target.schema
    assert table.partitioning == spec
    assert sorted(row["Id"] for row in rows_of(table.scan(ALWAYS))) == [1, 2, 3]
    assert len(table.snapshots()) == 1


def test_replacing_swaps_the_table_in_one_step(lake: LakeCatalog, make: Make, named: Named, rows_of: RowsOf) -> None:
    old = make("wells", WELLS, SOME_WELLS)
    with pytest.raises(AlreadyExistsError):
        lake.stage_new(named("wells"), WELLS)
    schema = Schema((Column("other", pa.string()),))
    target = lake.stage_new(named("Wells"), schema, replace=True)
    files = write_table(target, pa.table({"other": ["x"]}))
    assert lake.load(named("wells")).schema == old.schema  # type: ignore[union-attr]
    table = lake.commit_new(named("Wells"), target, files, replace=True)
    assert rows_of(table.scan(ALWAYS)) == [{"other": "x"}]
    assert rows_of(old.scan(ALWAYS)) == SOME_WELLS.to_pylist()
    assert len(lake.tables("default")) == 1


def test_an_empty_commit_new_makes_an_empty_table(lake: LakeCatalog, named: Named) -> None:
    target = lake.stage_new(named("t"), WELLS)
    table = lake.commit_new(named("t"), target, ())
    assert table.statistics().record_count == 0


def test_overwrite_replaces_all_rows_and_keeps_history(make: Make, append: Make, rows_of: RowsOf) -> None:
    before = make("wells", WELLS, SOME_WELLS, SOME_WELLS)
    after = append("wells", SOME_WELLS.slice(0, 1), CommitMode.OVERWRITE)
    assert rows_of(after.scan(ALWAYS)) == SOME_WELLS.slice(0, 1).to_pylist()
    assert len(rows_of(after.at_snapshot(before.snapshot_id or 0).scan(ALWAYS))) == 6
    assert after.snapshots()[-1].summary["total-records"] == "1"
