"""A few megabytes that stand for files of any size, so that types are learned from more than the first rows."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from gateway.loading.csv_layout import LaidOut
from gateway.loading.sources import SourceFile, lines

SAMPLE_BYTES = 6 * 1024 * 1024
"""For all files together: a second's work."""
_SLICES = 12
_MAX_FILES = 200


def write_samples(files: Sequence[tuple[SourceFile, LaidOut]], folder: Path) -> list[Path]:
    """Write rows from the head and from places all over each file; return the samples, each with the file's header.

    A slice may begin or end inside a quoted line: readers skip what they cannot read.
    """
    step = max(1, len(files) // _MAX_FILES)
    chosen = files[::step]
    share = max(64 * 1024, SAMPLE_BYTES // len(chosen))
    return [path for number, (file, laid) in enumerate(chosen) for path in _sample(file, laid, share, folder, number)]


def _sample(file: SourceFile, laid: LaidOut, share: int, folder: Path, number: int) -> list[Path]:
    sliceable = file.compression == "none" and laid.layout.encoding in ("utf-8", "latin-1") and file.size_bytes > share
    head = folder / f"sample-{number}-0.csv"
    _copy_head(file, head, share // 2 if sliceable else share)
    if not sliceable:
        return [head]
    header = b"".join(itertools.islice(lines(file), laid.header_lines))
    slices = [folder / f"sample-{number}-{one}.csv" for one in range(1, _SLICES + 1)]
    with file.path.open("rb") as stream:
        for one, path in enumerate(slices, start=1):
            stream.seek((file.size_bytes - share // 2 // _SLICES) * one // _SLICES)
            data = stream.read(share // 2 // _SLICES)
            path.write_bytes(header + data[data.find(b"\n") + 1 : data.rfind(b"\n") + 1])
    return [head, *slices]


def _copy_head(file: SourceFile, path: Path, limit: int) -> None:
    written = 0
    with path.open("wb") as sink:
        for line in lines(file):
            if written and written + len(line) > limit:
                return
            written += sink.write(line)
