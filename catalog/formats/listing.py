"""Which files an external table has, and what their paths say of partitions.

Hidden files are skipped as Spark does: names that begin with a dot, or with an underscore and hold no ``=``.
"""

import glob
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote_to_bytes

from catalog.errors import CorruptFileError, FileAccessError, UnsupportedTableError
from catalog.identifiers import fold
from catalog.locations import local_path
from catalog.translation import file_errors

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as the file system describes it."""

    path: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True)
class Listing:
    """The files of an external table, in path order."""

    root: str
    """The folder that all lie under."""
    files: tuple[ListedFile, ...]

    @cached_property
    def fingerprint(self) -> str:
        """Equal while no file came, went or changed."""
        digest = hashlib.blake2b(digest_size=16)
        for file in self.files:
            digest.update(f"{file.path}\0{file.size_bytes}\0{file.modified_ns}\0".encode(errors="surrogateescape"))
        return digest.hexdigest()


def list_files(location: str) -> Listing:
    """Return the files of a folder, of a glob, or the one file.

    Raises: FileAccessError when there is nothing there or a folder cannot be listed; UnsupportedTableError for a
    location that is not on a local disk.
    """
    path = local_path(location)
    if path is None:
        raise UnsupportedTableError(
            f"{location} is not on a local disk",
            hint="external tables are read from local folders; load it instead",
        )
    with file_errors(path):
        if os.path.exists(path):
            root = path if os.path.isdir(path) else os.path.dirname(path)
            return Listing(root, tuple(sorted(_walk(path), key=lambda file: file.path)))
        if not _PATTERN.search(path):
            raise FileAccessError(f"{path} does not exist")
        found = {file.path: file for match in glob.iglob(path, recursive=True) for file in _walk(match)}
    if not found:
        raise FileAccessError(f"no file matches {path}")
    return Listing(_fixed_part(path), tuple(found[each] for each in sorted(found)))


def _fixed_part(pattern: str) -> str:
    """Return the longest folder before a glob's first pattern."""
    parts = Path(pattern).parts
    first = next(number for number, part in enumerate(parts) if _PATTERN.search(part))
    return str(Path(*parts[:first]))


def _walk(path: str) -> Iterator[ListedFile]:
    if not os.path.isdir(path):
        status = os.stat(path)
        yield ListedFile(path, status.st_size, status.st_mtime_ns)
        return
    with os.scandir(path) as entries:
        for entry in entries:
            if _is_hidden(entry.name):
                continue
            if entry.is_dir():
                yield from _walk(entry.path)
            else:
                status = entry.stat()
                yield ListedFile(entry.path, status.st_size, status.st_mtime_ns)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def partition_names(listing: Listing) -> tuple[str, ...]:
    """Return the names of the ``name=value`` folders of the first path, in path order; none without files."""
    if not listing.files:
        return ()
    return tuple(name for name, _ in _terms(listing.files[0].path, listing.root))


def partition_texts(listing: Listing, names: tuple[str, ...]) -> list[tuple[str | None, ...]]:
    """Return for every file the decoded partition values, None for NULL.

    Raises: UnsupportedTableError when a path has other folders than ``names``; CorruptFileError for a value
    that is not UTF-8.
    """
    if not names:
        return [()] * len(listing.files)
    wanted = [fold(name) for name in names]
    decoded: dict[str, str | None] = {}
    rows = []
    for file in listing.files:
        terms = _terms(file.path, listing.root)
        if [fold(name) for name, _ in terms] != wanted:
            there = "/".join(f"{name}=…" for name, _ in terms) or "no partition folder"
            raise UnsupportedTableError(
                f"{file.path} has {there}, not {'/'.join(f'{name}=…' for name in names)}",
                hint="every file must lie at the same depth of partition folders",
            )
        for _, text in terms:
            if text not in decoded:
                decoded[text] = _decode(text, file.path)
        rows.append(tuple(decoded[text] for _, text in terms))
    return rows


def _terms(path: str, root: str) -> list[tuple[str, str]]:
    folders = os.path.relpath(os.path.dirname(path), root).split(os.sep)
    return [(name, value) for name, equals, value in (folder.partition("=") for folder in folders) if equals and name]


def _decode(text: str, path: str) -> str | None:
    if text == NULL_PARTITION:
        return None
    if not text:
        raise UnsupportedTableError(f"{path} has an empty partition value")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError as error:
        raise CorruptFileError(f"partition value {text!r} in {path} is not UTF-8") from error
