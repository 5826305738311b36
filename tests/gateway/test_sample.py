"""Sample data: the same bytes for the same seed, as awkward as the real thing, and loaded with the right types."""

import csv
import datetime
from collections import Counter
from pathlib import Path

import pytest

from catalog.errors import UserError
from catalog.identifiers import TableName
from catalog.lake import open_catalog
from catalog.predicates import And, Comparison, Operator
from catalog.schema import type_name
from catalog.store import Catalog
from catalog.tables import View
from gateway.engines.duckdb.ingest import DuckDBIngest
from gateway.loading import LoadProgress
from gateway.sample import tpch, wells
from gateway.settings import DuckDBSettings

ROWS = 20_000


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> wells.WellsSample:
    return wells.generate(tmp_path_factory.mktemp("wells"), ROWS)


@pytest.fixture
def lake(tmp_path: Path) -> tuple[Catalog, DuckDBIngest]:
    catalog = open_catalog(
        "lake", database=tmp_path / "c.sqlite", warehouse=tmp_path / "w", cache=tmp_path / "cache", properties={}
    )
    return catalog, DuckDBIngest(DuckDBSettings(memory_limit_bytes=500_000_000, threads=2), tmp_path / "tmp")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def types(catalog: Catalog, schema: str, name: str) -> dict[str, str]:
    table = catalog.load(TableName("lake", schema, name))
    assert not isinstance(table, View)
    return {column.name: type_name(column.type) for column in table.schema}


def test_equal_seeds_give_equal_bytes(sample: wells.WellsSample, tmp_path: Path) -> None:
    again = wells.generate(tmp_path / "again", ROWS)
    other = wells.generate(tmp_path / "other", ROWS, seed=7)
    for name in ("operators", "wells", "production"):
        content = getattr(sample, name).read_bytes()
        assert getattr(again, name).read_bytes() == content
        assert getattr(other, name).read_bytes() != content
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == [
        "operators.csv",
        "production.csv",
        "wells.csv",
    ]


@pytest.mark.parametrize("rows", [1, 999, ROWS])
def test_production_has_just_as_many_rows_as_asked(tmp_path: Path, rows: int) -> None:
    made = wells.generate(tmp_path, rows)
    assert made.production_count == rows == len(read(made.production))
    assert made.well_count == len(read(made.wells))


def test_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        wells.generate(tmp_path, 0)


def test_wells_are_skewed_incomplete_and_consistent(sample: wells.WellsSample) -> None:
    operators, all_wells = read(sample.operators), read(sample.wells)
    numbers = {row["OPERATOR_NO"] for row in operators}
    assert {row["OPERATOR_NO"] for row in all_wells} <= numbers
    assert len({row["API_WELL_NO"] for row in all_wells}) == len(all_wells)
    counts = Counter(row["OPERATOR_NO"] for row in all_wells).most_common()
    assert counts[0][1] > 5 * (len(all_wells) / len(operators))
    names = "".join(row["OPERATOR_NAME"] for row in operators)
    assert all(awkward in names for awkward in (",", '"', "'", "&", "ñ", "É", ";"))
    for column in ("SPUD_DATE", "COMPLETION_DATE", "LATITUDE", "LEASE_COST_USD", "FORMATION"):
        empty = sum(not row[column] for row in all_wells)
        assert 0 < empty < len(all_wells) / 3
    assert any(row["ZIP"].startswith("0") for row in operators)
    assert any("\n" in row["REMARKS"] for row in all_wells)


def test_production_declines_stops_and_is_corrected(sample: wells.WellsSample) -> None:
    rows = read(sample.production)
    known = {row["API_WELL_NO"] for row in read(sample.wells)}
    assert {row["API_WELL_NO"] for row in rows} <= known
    seen = Counter((row["API_WELL_NO"], row["PROD_MONTH"], row["REPORT_TYPE"]) for row in rows)
    assert set(seen.values()) == {1}
    revised = [key for key in seen if key[2] == "R"]
    assert 0 < len(revised) < len(rows) / 20
    assert any(row["DAYS_ON"] == "0" and row["GAS_MCF"] in ("0", "") for row in rows)
    assert any(row["OIL_BBL"] == "" for row in rows)
    first, last = Counter[str](), Counter[str]()
    by_well: dict[str, list[int]] = {}
    for row in rows:
        by_well.setdefault(row["API_WELL_NO"], []).append(int(row["GAS_MCF"] or 0))
    for well, gas in by_well.items():
        if len(gas) >= 36:
            first[well], last[well] = sum(gas[:12]), sum(gas[-12:])
    assert sum(last.values()) < sum(first.values()) / 2


def test_wells_are_loaded_partitioned_with_the_types_meant(lake: tuple[Catalog, DuckDBIngest], tmp_path: Path) -> None:
    catalog, engine = lake
    seen: list[LoadProgress] = []
    reports = wells.load_wells(catalog, engine, tmp_path / "sample", rows=ROWS, on_progress=seen.append)
    assert [(report.table.name, report.skipped_count, report.warnings) for report in reports] == [
        ("operators", 0, ()),
        ("wells", 0, ()),
        ("production", 0, ()),
    ]
    assert reports[2].record_count == ROWS
    assert {progress.stage for progress in seen} >= {"making", "looking", "committing"}
    assert types(catalog, "default", "wells") == {
        "API_WELL_NO": "string",
        "WELL_NAME": "string",
        "OPERATOR_NO": "bigint",
        "STATE": "string",
        "COUNTY": "string",
        "FIELD_NAME": "string",
        "FORMATION": "string",
        "STATUS": "string",
        "WELL_TYPE": "string",
        "HORIZONTAL": "boolean",
        "SPUD_DATE": "date",
        "COMPLETION_DATE": "date",
        "LATITUDE": "double",
        "LONGITUDE": "double",
        "TOTAL_DEPTH_FT": "bigint",
        "LATERAL_LENGTH_FT": "bigint",
        "LEASE_COST_USD": "decimal(18,2)",
        "REMARKS": "string",
    }
    assert types(catalog, "default", "production") == {
        "API_WELL_NO": "string",
        "PROD_MONTH": "date",
        "OIL_BBL": "bigint",
        "GAS_MCF": "bigint",
        "WATER_BBL": "decimal(18,1)",
        "DAYS_ON": "bigint",
        "REPORT_TYPE": "string",
        "FILED_ON": "date",
    }
    assert types(catalog, "default", "operators")["ZIP"] == "string"


def test_a_year_of_production_is_one_file(lake: tuple[Catalog, DuckDBIngest], tmp_path: Path) -> None:
    catalog, engine = lake
    wells.load_wells(catalog, engine, tmp_path / "sample", rows=ROWS)
    table = catalog.load(TableName("lake", "default", "production"))
    assert not isinstance(table, View)
    one_year = And(
        (
            Comparison("PROD_MONTH", Operator.GE, datetime.date(2015, 1, 1)),
            Comparison("PROD_MONTH", Operator.LT, datetime.date(2016, 1, 1)),
        )
    )
    scan = table.scan(one_year)
    assert len(scan.files) == 1
    assert scan.files_total > 10


def test_tpch_is_loaded_with_its_types_and_counts(lake: tuple[Catalog, DuckDBIngest], tmp_path: Path) -> None:
    catalog, engine = lake
    reports = tpch.load_tpch(catalog, engine, tmp_path / "tpch", scale=0.01)
    assert {report.table.name: report.record_count for report in reports} == {
        "region": 5,
        "nation": 25,
        "supplier": 100,
        "customer": 1500,
        "part": 2000,
        "partsupp": 8000,
        "orders": 15000,
        "lineitem": 60175,
    }
    lineitem = types(catalog, "tpch", "lineitem")
    assert lineitem["l_extendedprice"] == "decimal(15,2)"
    assert lineitem["l_shipdate"] == "date"
    assert lineitem["l_linenumber"] == "int"
    assert lineitem["l_comment"] == "string"
    with pytest.raises(UserError):
        tpch.generate(tmp_path / "none", 0)
