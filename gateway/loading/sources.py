"""Names on a command line → the files to load, each with its format and compression."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from catalog.errors import FileAccessError
from gateway.loading.errors import EmptySourceError, SourceFormatError, SourceNotFoundError
from gateway.loading.requests import SourceFormat

_EXTENSIONS = {
    ".csv": SourceFormat.CSV,
    ".txt": SourceFormat.CSV,
    ".tsv": SourceFormat.TSV,
    ".tab": SourceFormat.TSV,
    ".json": SourceFormat.JSON,
    ".jsonl": SourceFormat.JSON,
    ".ndjson": SourceFormat.JSON,
    ".parquet": SourceFormat.PARQUET,
    ".pq": SourceFormat.PARQUET,
    ".xlsx": SourceFormat.XLSX,
}
_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_COMPRESSION_EXTENSIONS = (".gz", ".zst", ".zstd")
_PARQUET_MAGIC = b"PAR1"
_ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to load."""

    path: Path
    """Absolute."""
    format: SourceFormat
    compression: str
    """none, gzip or zstd; by content."""
    size_bytes: int
    """On disk."""
    origin: Path | None = None
    """For a copy in another form: the file that the user knows."""

    @property
    def shown(self) -> Path:
        """The file to name in a message."""
        return self.origin or self.path

    def open(self) -> BinaryIO:
        """Return the decompressed bytes.

        Raises: FileAccessError.
        """
        try:
            if self.compression == "none":
                return self.path.open("rb")
            return cast(BinaryIO, pa.input_stream(str(self.path), compression=self.compression))
        except OSError as error:
            raise unreadable(self.path, error) from error


def unreadable(path: Path, error: OSError) -> FileAccessError:
    """Return what to say of a file or folder that the system does not let us read."""
    return FileAccessError(f"cannot read {path}: {error.strerror or error}", hint="check the path and its permissions")


def find_sources(names: Iterable[str], format_: SourceFormat | None) -> tuple[SourceFile, ...]:
    """Return the files that names, folders and globs stand for, in order, each once.

    Raises: SourceNotFoundError, FileAccessError, EmptySourceError, SourceFormatError.
    """
    paths = dict.fromkeys(path for name in names for path in _expand(name, format_))
    if not paths:
        raise SourceNotFoundError("no files to load", hint="name files, folders or globs")
    return tuple(_inspect(path, format_) for path in paths)


def _expand(name: str, format_: SourceFormat | None) -> list[Path]:
    path = Path(name).expanduser().absolute()
    # os.path answers False where pathlib raises PermissionError; why it does is explained below.
    if os.path.isdir(path):
        return _folder(path, format_)
    if os.path.exists(path):
        return [path]
    matches = [Path(match).absolute() for match in sorted(glob.glob(str(path), recursive=True))]
    files = [match for match in matches if match.is_file()]
    if files:
        return files
    if not glob.has_magic(name):
        _explain_missing(path)
    raise SourceNotFoundError(f"no file matches {name}", hint="quote globs so that the shell does not expand them")


def _explain_missing(path: Path) -> None:
    try:
        os.stat(path)
    except PermissionError as error:
        raise unreadable(path, error) from error
    except OSError:
        pass
    near = _nearest(path)
    raise SourceNotFoundError(f"{path} does not exist", hint=f"did you mean {near}?" if near else "check the path")


def _nearest(path: Path) -> str | None:
    import difflib  # only on the error path

    try:
        close = difflib.get_close_matches(path.name, os.listdir(path.parent), n=1)
    except OSError:
        return None
    return close[0] if close else None


def _folder(path: Path, format_: SourceFormat | None) -> list[Path]:
    def fail(error: OSError) -> None:
        raise unreadable(Path(error.filename or path), error) from error

    found: list[Path] = []
    for folder, folders, files in os.walk(path, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        found += [Path(folder, name) for name in sorted(files) if not name.startswith((".", "_"))]
    known = [file for file in found if format_ is not None or _by_extension(file) is not None]
    if not known:
        raise SourceNotFoundError(f"{path} holds no file to load", hint=f"known are {', '.join(sorted(_EXTENSIONS))}")
    return known


def _inspect(path: Path, format_: SourceFormat | None) -> SourceFile:
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            magic = file.read(8)
    except OSError as error:
        raise unreadable(path, error) from error
    if not magic:
        raise EmptySourceError(f"{path} is empty", hint="there is nothing to load; leave it out")
    compression = next((name for lead, name in _COMPRESSIONS.items() if magic.startswith(lead)), "none")
    if compression == "none" and path.suffix.lower() in _COMPRESSION_EXTENSIONS:
        raise SourceFormatError(f"{path} is not compressed, though its name says {path.suffix}", hint="rename it")
    return SourceFile(path, format_ or _format(path, magic), compression, size_bytes)


def _by_extension(path: Path) -> SourceFormat | None:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _COMPRESSION_EXTENSIONS]
    return _EXTENSIONS.get(suffixes[-1]) if suffixes else None


def _format(path: Path, magic: bytes) -> SourceFormat:
    """Return the format by content where that is certain, else by name, else CSV for what looks like text."""
    named = _by_extension(path)
    if magic.startswith(_PARQUET_MAGIC):
        return SourceFormat.PARQUET
    if magic.startswith(_ZIP_MAGIC):
        if named is SourceFormat.XLSX or named is None:
            return SourceFormat.XLSX
        raise SourceFormatError(f"{path} is a ZIP archive", hint="unpack it first")
    if named in (SourceFormat.PARQUET, SourceFormat.XLSX):
        raise SourceFormatError(
            f"{path} is not a {named.value} file: it begins with {magic[:4]!r}", hint="is it damaged or misnamed?"
        )
    if named is None and magic.lstrip()[:1] in (b"{", b"["):
        return SourceFormat.JSON
    return named or SourceFormat.CSV


def lines(file: SourceFile) -> Iterator[bytes]:
    """Yield the physical lines of a file, decompressed, line ends kept."""
    with file.open() as stream:
        yield from _lines(stream)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    # Arrow's streams have no readline; a block at a time is quick on both kinds.
    rest = b""
    while block := stream.read(1 << 20):
        whole, newline, rest_of_block = (rest + block).rpartition(b"\n")
        if newline:
            yield from (line + b"\n" for line in whole.split(b"\n"))
        rest = rest_of_block
    if rest:
        yield rest
