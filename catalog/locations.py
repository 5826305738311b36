"""Where a file is: local paths and URIs, read without a heavy library when local."""

import os
from collections.abc import Mapping
from pathlib import Path

from catalog.translation import file_errors


def local_path(location: str) -> str | None:
    """Return the absolute local path that a location names, None when it is elsewhere.

    Iceberg locations are not percent-encoded, so nothing is decoded.
    """
    if location.startswith("file:"):
        rest = location[5:]
        return "/" + rest.lstrip("/")
    if "://" in location:
        return None
    return os.path.abspath(location)


def plain(location: str) -> str:
    """Return the form engines take: an absolute local path without scheme, or the URI."""
    return local_path(location) or location


def read_bytes(location: str, properties: Mapping[str, str]) -> bytes:
    """Return the whole content of a small file, local or remote.

    Raises: FileAccessError.
    """
    with file_errors(location):
        path = local_path(location)
        if path is not None:
            return Path(path).read_bytes()
        from pyiceberg.io import load_file_io  # only remote files need it: it costs a second

        with load_file_io(dict(properties), location).new_input(location).open() as stream:
            content: bytes = stream.read()
        return content
