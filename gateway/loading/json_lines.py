"""Lines that should be JSON objects and are not."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.loading.lines import text_of
from gateway.loading.requests import SourceFormat
from gateway.loading.rows import BrokenRow
from gateway.loading.sources import SourceFile, lines


def split_broken_json(file: SourceFile, folder: Path, number: int) -> tuple[SourceFile, tuple[BrokenRow, ...]]:
    """Write a copy without the lines that are no JSON object; return it and them."""
    path = folder / f"json-{number}.ndjson"
    broken = list(broken_lines((file,), None))
    left_out = {row.line for row in broken}
    with path.open("wb") as sink:
        for line_number, line in enumerate(lines(file), start=1):
            if line_number not in left_out:
                sink.write(line)
    return SourceFile(path, SourceFormat.JSON, "none", path.stat().st_size, file.shown), tuple(broken)


def broken_lines(files: Sequence[SourceFile], limit: int | None) -> Iterator[BrokenRow]:
    """Yield the lines that are no JSON object, at most ``limit``."""
    for file in files:
        for number, line in enumerate(lines(file), start=1):
            reason = _json_fault(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
            if reason is None:
                continue
            yield BrokenRow(file, number, reason, text_of(line))
            if limit is not None and (limit := limit - 1) == 0:
                return


def _json_fault(line: bytes) -> str | None:
    if not line.strip():
        return None
    try:
        value = json.loads(line)
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start + 1}"
    except ValueError as error:
        return f"no JSON: {error}"
    return None if isinstance(value, dict) else "no object"
