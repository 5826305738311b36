import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
from repl.startup import import_arrow_alone
before = dict(os.environ)
import_arrow_alone()
import pyarrow as pa
pa.array(["a", None]); pa.scalar(1); pa.array([1.5], pa.float64()); pa.schema([("n", pa.int64())]).empty_table()
assert "pandas" not in sys.modules
assert dict(os.environ) == before
frame = pa.table({"n": [1, 2]}).to_pandas()
assert frame["n"].tolist() == [1, 2]
import pandas
assert pa.array(pandas.Series([1, None])).to_pylist() == [1.0, None]
"""


def run(script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


def test_arrays_are_made_without_pandas_and_frames_with_it() -> None:
    assert run(SCRIPT).stderr == ""


def test_without_the_help_pyarrow_does_import_pandas() -> None:
    """When this fails, `import_arrow_alone` is no longer needed."""
    pytest.importorskip("pandas")
    script = "import sys; import pyarrow as pa; pa.array(['a']); print('pandas' in sys.modules)"

    assert run(script).stdout == "True\n"


def test_an_arrow_that_is_there_already_is_left_alone() -> None:
    script = (
        "import sys; import pyarrow as pa; from repl.startup import import_arrow_alone; import_arrow_alone();"
        " pa.array(['a']); print('pandas' in sys.modules)"
    )

    assert run(script).stdout == "True\n"
