import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import InvalidDefinitionError
from catalog.schema import TIMESTAMP, TIMESTAMP_NTZ, Column
from catalog.tables import FileFormat, PartitionField
from gateway import statements
from gateway.errors import NotAllowedError, NotSupportedError, SqlSyntaxError
from gateway.statements import parse, parse_partitioning, parse_type, split

_PIECES = st.sampled_from(
    ["select 1", ";", "'", '"', "`", "--", "\n", "/*", "*/", "\\", "$$", "$a$", "r'", "E'", "#", " ", "a", ";;", "é"]
)


@given(st.lists(_PIECES, max_size=30).map("".join), st.sampled_from(["spark", "duckdb", "postgres", "mysql", "trino"]))
def test_splitting_keeps_every_character(script: str, dialect: str) -> None:
    found = split(script, dialect)
    if found:
        assert "".join(each.text for each in found) == script
    else:
        assert not script.replace(";", "").strip() or "--" in script or "/*" in script or "#" in script


@given(st.lists(_PIECES, max_size=30).map("".join))
def test_offsets_lines_and_columns_point_into_the_script(script: str) -> None:
    for each in split(script):
        assert script[each.offset : each.offset + len(each.text)] == each.text
        assert each.line == script.count("\n", 0, each.offset) + 1
        assert each.column == each.offset - script.rfind("\n", 0, each.offset)


@pytest.mark.parametrize(
    ("script", "dialect", "texts"),
    [
        ("select 1; select 2", "spark", ["select 1;", " select 2"]),
        ("select ';'; x", "spark", ["select ';';", " x"]),
        ("select 'it\\'s;'; x", "spark", ["select 'it\\'s;';", " x"]),
        ("select r'\\'; x", "spark", ["select r'\\';", " x"]),
        ("select 'a\\'; x", "duckdb", ["select 'a\\';", " x"]),
        ("/* a /* ; */ ; */ select 1; x", "spark", ["/* a /* ; */ ; */ select 1;", " x"]),
        ("/* a /* */ select 1; x", "mysql", ["/* a /* */ select 1;", " x"]),
        ("select $$;$$; x", "postgres", ["select $$;$$;", " x"]),
        ("select `;`; x -- ;\n", "spark", ["select `;`;", " x -- ;\n"]),
        ("; ;select 1; ; -- c", "spark", ["; ;select 1; ; -- c"]),
        ("select 1;\n", "spark", ["select 1;\n"]),
        ("  -- nothing", "spark", []),
    ],
)
def test_semicolons_end_statements_outside_quotes_and_comments(script: str, dialect: str, texts: list[str]) -> None:
    assert [each.text for each in split(script, dialect)] == texts


@pytest.mark.parametrize(
    ("script", "terminated"),
    [
        ("select 1;", True),
        ("select 1", False),
        ("select ';", False),
        ("select 1 /* ;", False),
        ("select 1; -- c", True),
    ],
)
def test_a_statement_is_terminated_by_its_semicolon(script: str, terminated: bool) -> None:
    assert split(script)[-1].terminated is terminated


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("select 1 +", 1, 11),
        ("select *\nfrom t where\n", 2, 13),
        ("select a b c from t", 1, 12),
        ("select 'abc", 1, 8),
        ("select 1 /* x", 1, 10),
        ("select cast(1 as int", 1, 21),
        ("insert into t\nselect nope +", 2, 14),
        ("show nothing", 1, 6),
        ("selec 1", 1, 1),
        ("", 1, 1),
        ("drop table a.b.c.d", 1, 19),
        ("select a is null = true", 1, 18),
    ],
)
def test_syntax_errors_say_where(text: str, line: int, column: int) -> None:
    with pytest.raises(SqlSyntaxError) as raised:
        parse(text)
    assert (raised.value.line, raised.value.column) == (line, column)
    assert "\x1b" not in raised.value.message


def test_a_hundred_parentheses_are_read() -> None:
    assert isinstance(parse("select " + "(" * 100 + "1" + ")" * 100), statements.Query)


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    with pytest.raises(SqlSyntaxError, match="too deeply"):
        parse("select " + "(" * 5000 + "1" + ")" * 5000)


@pytest.mark.parametrize(
    "text",
    [
        "copy t to 'x'",
        "attach 'x' as y",
        "install httpfs",
        "load 'x'",
        "pragma version",
        "add jar 'x.jar'",
        "set spark.sql.ansi.enabled = false",
        "select transform(a) using 'cat' from t",
        "insert overwrite directory '/tmp/x' select 1",
        "create table t (a int) location '/x'",
        "create function f as 'x'",
        "map a using 'cat'",
    ],
)
def test_what_reaches_outside_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(NotAllowedError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    ["update t set a = 1", "merge into t using u on a = b", "truncate table t", "create temp view v as select 1"],
)
def test_what_is_not_there_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(NotSupportedError) as raised:
        parse(text)
    assert raised.value.hint


def test_create_table_is_read_whole() -> None:
    found = parse(
        "create table if not exists geo.t"
        " (id bigint not null comment 'k', n array<map<string,struct<a:int,b:timestamp>>>)"
        " using iceberg partitioned by (state, months(d), bucket(16, id))"
        " comment 'hi' tblproperties ('a' = 'b')"
    )
    nested = pa.list_(pa.map_(pa.string(), pa.struct([("a", pa.int32()), ("b", TIMESTAMP)])))
    assert found == statements.CreateTable(
        ("geo", "t"),
        (Column("id", pa.int64(), nullable=False, comment="k"), Column("n", nested)),
        (
            PartitionField("state", "identity", "state"),
            PartitionField("d", "month", "d_month"),
            PartitionField("id", "bucket[16]", "id_bucket"),
        ),
        if_not_exists=True,
        comment="hi",
        properties={"a": "b"},
    )


def test_create_external_table_takes_the_format_from_the_path() -> None:
    found = parse("create external table t partitioned by (y) options (header true) location 's3://b/x.csv.gz'")
    assert found == statements.CreateExternalTable(
        ("t",), FileFormat.CSV, "s3://b/x.csv.gz", None, ("y",), {"header": "true"}
    )


def test_a_query_inside_a_statement_keeps_its_place() -> None:
    found = parse("create view v (a)\nas select 1")
    assert isinstance(found, statements.CreateView)
    assert found.query.text == " " * 17 + "\n   select 1"
    assert found.query.sql == "select 1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drop table if exists a.b purge", statements.DropTable(("a", "b"), True, True)),
        ("drop schema s cascade", statements.DropSchema(("s",), cascade=True)),
        ("alter table t rename column a to b", statements.RenameColumn(("t",), "a", "b")),
        ("alter table t drop columns (a, b)", statements.DropColumns(("t",), ("a", "b"))),
        ("show tables in geo like 'w*'", statements.Show(statements.Showing.TABLES, ("geo",), "w*")),
        ("show columns from wells in geo", statements.Show(statements.Showing.COLUMNS, ("geo", "wells"))),
        ("show create table t", statements.Show(statements.Showing.CREATE_TABLE, ("t",))),
        ("desc extended geo.t", statements.Describe(("geo", "t"), True)),
        ("use lake.geo", statements.Use(("lake", "geo"))),
        ("use catalog lake", statements.Use(("lake",), "catalog")),
        ("set engine = spark", statements.SetVariable("engine", "spark")),
        ("set time zone 'Europe/Berlin'", statements.SetVariable("time_zone", "Europe/Berlin")),
        ("set", statements.SetVariable()),
        ("reset engine", statements.Reset("engine")),
        ("prepare p from select ?", statements.Prepare("p", "select ?")),
        ("execute p using 1, -1.5, null", statements.Execute("p", (1, Decimal("-1.5"), None))),
        ("execute immediate 'select :a' using 1 as a", statements.ExecuteImmediate("select :a", (), {"a": 1})),
        ("deallocate prepare p", statements.Deallocate("p")),
        ("analyze table t compute statistics", statements.Analyze(("t",))),
        (
            "call system.x('t', d => date '2020-01-01')",
            statements.Call(("system", "x"), ("t",), {"d": datetime.date(2020, 1, 1)}),
        ),
    ],
)
def test_statements_without_query(text: str, expected: statements.Statement) -> None:
    assert parse(text) == expected


def test_delete_keeps_the_rows_where_the_condition_is_not_true() -> None:
    found = parse("delete from geo.t where a > 1")
    assert isinstance(found, statements.Delete)
    assert found.keep is not None
    assert found.keep.sql == "SELECT*from geo.t where  NOT coalesce((a > 1\n), false)"
    assert found.gone.text.index("a > 1") == "delete from geo.t where a > 1".index("a > 1")


def test_explain_holds_the_statement_it_explains() -> None:
    found = parse("explain route select 1")
    assert isinstance(found, statements.Explain)
    assert found.mode is statements.ExplainMode.ROUTE
    assert isinstance(found.statement, statements.Query)


def test_partition_terms_as_on_the_command_line() -> None:
    assert parse_partitioning("state, month(spud_date), bucket(16, id), truncate(4, s), years(d)") == (
        PartitionField("state", "identity", "state"),
        PartitionField("spud_date", "month", "spud_date_month"),
        PartitionField("id", "bucket[16]", "id_bucket"),
        PartitionField("s", "truncate[4]", "s_trunc"),
        PartitionField("d", "year", "d_year"),
    )
    with pytest.raises(InvalidDefinitionError):
        parse_partitioning("week(d)")
    with pytest.raises(SqlSyntaxError):
        parse_partitioning("a, ")


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("decimal(10, 2)", pa.decimal128(10, 2)),
        ("timestamp", TIMESTAMP),
        ("timestamp_ntz", TIMESTAMP_NTZ),
        ("varchar(10)", pa.string()),
        (
            "struct<a: int not null, b: array<long>>",
            pa.struct([pa.field("a", pa.int32(), False), ("b", pa.list_(pa.int64()))]),
        ),
    ],
)
def test_types(text: str, type_: pa.DataType) -> None:
    assert parse_type(text) == type_


def test_splitting_needs_no_sqlglot() -> None:
    import subprocess
    import sys

    code = "import sys, gateway.statements as s; s.split('select 1;'); sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
