"""Whole tables: whatever was committed under whatever partitioning, a scan keeps every row the predicate accepts."""

import datetime
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from catalog.identifiers import TableName
from catalog.lake import LakeCatalog, open_catalog
from catalog.predicates import ALWAYS, And, Comparison, In, IsNotNull, IsNull, Operator, Or, Predicate, StartsWith
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column, Schema
from catalog.store import CommitMode
from catalog.tables import PartitionField, Table
from catalog.writing import write_table

VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "n": (pa.int64(), st.integers(-20, 20)),
    "f": (pa.float64(), st.sampled_from([0.0, -0.0, 1.5, math.nan, math.inf, -2.0])),
    "m": (pa.decimal128(30, 2), st.decimals(-9, 9, places=2) | st.just(Decimal("1234567890123456789012345678.25"))),
    "s": (pa.string(), st.text("ab\u00e9", max_size=3) | st.sampled_from(["a" * 20, "a" * 20 + "b"])),
    "d": (pa.date32(), st.dates(datetime.date(1968, 1, 1), datetime.date(1972, 1, 1))),
    "t": (
        TIMESTAMP,
        st.datetimes(datetime.datetime(1969, 12, 1), datetime.datetime(1970, 2, 1), timezones=st.just(datetime.UTC)),
    ),
    "w": (TIMESTAMP_NTZ, st.datetimes(datetime.datetime(1969, 12, 1), datetime.datetime(1970, 2, 1))),
}
SPECS = [
    (),
    (PartitionField("n", "identity", "n"),),
    (PartitionField("s", "truncate[1]", "s1"), PartitionField("d", "month", "dm")),
    (PartitionField("n", "bucket[3]", "nb"), PartitionField("f", "identity", "f")),
    (PartitionField("d", "year", "dy"), PartitionField("t", "day", "td")),
    (PartitionField("w", "hour", "wh"),),
    (PartitionField("s", "identity", "s"), PartitionField("m", "truncate[100]", "mt")),
]
SCHEMA = Schema(tuple(Column(name, type_) for name, (type_, _) in VALUES.items()))
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | values for name, (_, values) in VALUES.items()}), max_size=6)


def terms(column: str) -> st.SearchStrategy[Predicate]:
    literals = VALUES[column][1]
    kinds: list[st.SearchStrategy[Predicate]] = [
        st.builds(Comparison, st.just(column), st.sampled_from(Operator), literals),
        st.builds(In, st.just(column), st.lists(literals, min_size=1, max_size=3).map(tuple)),
        st.sampled_from([IsNull(column), IsNotNull(column)]),
    ]
    if column == "s":
        kinds.append(st.builds(StartsWith, st.just(column), literals))
    return st.one_of(kinds)


PREDICATES: st.SearchStrategy[Predicate] = st.recursive(
    st.sampled_from(sorted(VALUES)).flatmap(terms),
    lambda inner: st.one_of(st.builds(kind, st.lists(inner, max_size=3).map(tuple)) for kind in (And, Or)),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> LakeCatalog:
    home: Path = tmp_path_factory.mktemp("home")
    return open_catalog(
        "lake", database=home / "c.sqlite", warehouse=home / "warehouse", cache=home / "cache", properties={}
    )


def arrow(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], type_) for name, (type_, _) in VALUES.items()})


def change_spec(lake: LakeCatalog, name: TableName, old: tuple[PartitionField, ...], new: PartitionField) -> None:
    table = lake._backend.committer().catalog.load_table(("default", name.name))
    with table.update_spec() as update:
        for field in old:
            update.remove_field(field.name)
        update.add_field(new.source, new.transform, new.name + "_later")


def build(lake: LakeCatalog, data: st.DataObject) -> tuple[Table, list[dict[str, Any]]]:
    """Make a table of two commits, with another partitioning between them when one is drawn."""
    name = TableName("lake", "default", f"t{len(lake.tables('default'))}")
    spec = data.draw(st.sampled_from(SPECS))
    first, second = data.draw(ROWS), data.draw(ROWS)
    target = lake.stage_new(name, SCHEMA, spec)
    lake.commit_new(name, target, write_table(target, arrow(first)))
    later = data.draw(st.none() | st.sampled_from([spec[0] for spec in SPECS if spec]))
    if later is not None and later.transform != "identity":
        change_spec(lake, name, spec, later)
    target = lake.stage(name)
    return lake.commit(name, target, write_table(target, arrow(second)), CommitMode.APPEND), arrow(
        first + second
    ).to_pylist()


def key(row: dict[str, Any]) -> str:
    return repr([row[name] for name in VALUES])


# Every example makes two commits, so shrinking takes longer than reading what is found.
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(data=st.data())
def test_a_scan_never_loses_a_row(
    data: st.DataObject,
    shared: LakeCatalog,
    meaning: Callable[[Predicate, dict[str, object]], bool],
    read: Callable[..., list[dict[str, Any]]],
) -> None:
    table, rows = build(shared, data)
    assert sorted(map(key, read(table.scan(ALWAYS)))) == sorted(map(key, rows))
    for predicate in data.draw(st.lists(PREDICATES, min_size=1, max_size=8)):
        found = sorted(key(row) for row in read(table.scan(predicate)) if meaning(predicate, row))
        assert found == sorted(key(row) for row in rows if meaning(predicate, row))
