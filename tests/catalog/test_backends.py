"""Catalogs that PyIceberg connects to, homes in odd places, and many processes at the door."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from catalog.errors import (
    AlreadyExistsError,
    ExternalError,
    FileAccessError,
    SchemaNotFoundError,
    TableNotFoundError,
    UnsupportedTableError,
)
from catalog.identifiers import TableName
from catalog.lake import LakeCatalog, open_catalog
from catalog.predicates import ALWAYS
from catalog.schema import Column, Schema
from catalog.store import CommitMode
from catalog.tables import PartitionField, View
from catalog.writing import write_table

NUMBERS = Schema((Column("n", pa.int64()),))
ONE = pa.table({"n": [1]})
RowsOf = Callable[..., list[dict[str, Any]]]


def name(table: str, schema: str = "main") -> TableName:
    return TableName("other", schema, table)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[LakeCatalog]:
    """A catalog as a configuration names it: here another SQL one, which needs no server."""
    properties = {"type": "sql", "uri": f"sqlite:///{tmp_path}/other.sqlite", "warehouse": f"file://{tmp_path}/there"}
    catalog = open_catalog(
        "other",
        database=tmp_path / "home.sqlite",
        warehouse=tmp_path / "unused",
        cache=tmp_path / "cache",
        properties=properties,
    )
    yield catalog
    catalog.close()


def test_a_configured_catalog_has_no_schema_of_ours(other: LakeCatalog) -> None:
    assert other.schemas() == ()
    assert other.change_token() is None
    with pytest.raises(SchemaNotFoundError):
        other.load(name("t"))


def test_tables_of_a_configured_catalog(other: LakeCatalog, rows_of: RowsOf) -> None:
    other.create_schema("Main")
    other.create_table(name("Numbers"), NUMBERS, [PartitionField("n", "bucket[2]", "nb")])
    target = other.stage(name("numbers"))
    table = other.commit(name("numbers"), target, write_table(target, ONE), CommitMode.APPEND)
    assert rows_of(table.scan(ALWAYS)) == [{"n": 1}]
    assert str(table.name) == "other.Main.Numbers"
    staged = other.stage_new(name("second"), NUMBERS)
    assert rows_of(other.commit_new(name("second"), staged, write_table(staged, ONE)).scan(ALWAYS)) == [{"n": 1}]
    with pytest.raises(AlreadyExistsError):
        other.create_table(name("NUMBERS"), NUMBERS)
    other.rename_column(name("numbers"), "n", "m")
    assert [column.name for column in other.load(name("numbers")).schema] == ["m"]  # type: ignore[union-attr]
    assert [str(each) for each in other.tables("main")] == ["other.Main.Numbers", "other.Main.second"]
    other.drop_table(name("numbers"))
    with pytest.raises(TableNotFoundError):
        other.load(name("numbers"))


def test_views_stand_beside_a_configured_catalog(other: LakeCatalog) -> None:
    other.create_schema("main")
    view = View(name("v"), "select 1", "spark", "other", "main", None)
    other.create_view(view)
    assert other.load(name("V")) == view
    with pytest.raises(AlreadyExistsError):
        other.create_table(name("v"), NUMBERS)
    other.drop_schema("main", cascade=True)
    assert other.schemas() == ()


def test_a_configured_catalog_replaces_no_table(other: LakeCatalog) -> None:
    other.create_schema("main")
    other.create_table(name("t"), NUMBERS)
    target = other.stage_new(name("t"), NUMBERS, replace=True)
    with pytest.raises(UnsupportedTableError, match="replaced"):
        other.commit_new(name("t"), target, write_table(target, ONE), replace=True)


def test_a_catalog_that_cannot_be_reached_is_an_external_error(tmp_path: Path) -> None:
    catalog = open_catalog(
        "far",
        database=tmp_path / "home.sqlite",
        warehouse=tmp_path,
        cache=tmp_path / "cache",
        properties={"type": "rest", "uri": "http://127.0.0.1:9/"},
    )
    with pytest.raises(ExternalError):
        catalog.schemas()


def test_pyiceberg_reads_and_writes_the_embedded_catalog(lake: LakeCatalog, home: Path, rows_of: RowsOf) -> None:
    lake.create_table(TableName("lake", "default", "t"), NUMBERS)
    with SqlCatalog("lake", uri=f"sqlite:///{home}/catalog.sqlite") as theirs:
        theirs.load_table("default.t").append(ONE)
        assert theirs.load_table("default.t").scan().to_arrow() == ONE
        theirs.create_table("default.theirs", ONE.schema, location=f"file://{home}/theirs")
        with pytest.raises(Exception, match="exists"):
            theirs.create_table("default.T", ONE.schema, location=f"file://{home}/t2")
    assert rows_of(lake.load(TableName("lake", "default", "t")).scan(ALWAYS)) == [{"n": 1}]  # type: ignore[union-attr]
    lake.drop_table(TableName("lake", "default", "theirs"))
    assert (home / "theirs").is_dir()


OPENER = """
import sys
from pathlib import Path
from catalog.lake import open_catalog
home = Path(sys.argv[1])
sys.stdin.readline()
lake = open_catalog("lake", database=home / "c.sqlite", warehouse=home / "w", cache=home / "cache", properties={})
assert lake.schemas() == ("default",), lake.schemas()
"""


def test_many_processes_open_a_new_home_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENER, str(tmp_path)]
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        process.communicate("go\n")
    assert [process.returncode for process in processes] == [0] * 4


def test_a_home_with_an_odd_name(tmp_path: Path, rows_of: RowsOf) -> None:
    home = tmp_path / "Öl & gas 100% [a*b]"
    lake = open_catalog("lake", database=home / "c.sqlite", warehouse=home / "w", cache=home / "cache", properties={})
    odd = TableName("lake", "default", "wells/№ #1?")
    lake.create_table(odd, NUMBERS)
    target = lake.stage(odd)
    table = lake.commit(odd, target, write_table(target, ONE), CommitMode.APPEND)
    assert rows_of(table.scan(ALWAYS)) == [{"n": 1}]
    lake.close()


@pytest.mark.parametrize("character", "#?")
def test_a_home_that_no_location_can_name_is_refused(tmp_path: Path, character: str) -> None:
    home = tmp_path / f"a{character}b"
    with pytest.raises(FileAccessError, match="holds # or"):
        open_catalog("lake", database=home / "c.sqlite", warehouse=home / "w", cache=home / "cache", properties={})


def test_a_database_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").write_text("this is no database, but long enough to be looked at as one" * 20)
    with pytest.raises(ExternalError, match=r"c\.sqlite"):
        open_catalog("lake", database=tmp_path / "c.sqlite", warehouse=tmp_path, cache=tmp_path, properties={})
