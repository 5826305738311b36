"""Deletes files that no snapshot refers to: of expired snapshots, and of writers that died.

What a table refers to is asked of its own metadata at the moment of deleting, never of a cache.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from catalog.formats.manifests import ManifestReader, ManifestRef
from catalog.formats.metadata import SnapshotEntry, TableMetadata
from catalog.locations import local_path, plain
from catalog.staging import is_being_written, leftovers

_METADATA_AGE_SECONDS = 600.0
"""Metadata that a commit writes before its swap has no lock of ours when another tool commits; it is young."""


def expired_ids(metadata: TableMetadata, older_than_ms: int | None, retain_last: int) -> list[int]:
    """Return the snapshots to forget: older than an instant (milliseconds since 1970), but for the newest of each
    branch and tag and the last ``retain_last`` of the current one's line.
    """
    protected = {int(ref["snapshot-id"]) for ref in (metadata.document.get("refs") or {}).values()}
    current = metadata.current_snapshot_id
    for _ in range(max(retain_last, 1)):
        if current is None or current not in metadata.snapshots:
            break
        protected.add(current)
        current = metadata.snapshots[current].snapshot.parent_id
    return [
        snapshot_id
        for snapshot_id, entry in metadata.snapshots.items()
        if snapshot_id not in protected and _is_older(entry, older_than_ms)
    ]


def _is_older(entry: SnapshotEntry, older_than_ms: int | None) -> bool:
    return older_than_ms is None or entry.snapshot.committed_at.timestamp() * 1000 < older_than_ms


def delete_expired(before: TableMetadata, after: TableMetadata, reader: ManifestReader) -> int:
    """Delete the local files that only snapshots of ``before`` refer to and none of ``after``; return how many.

    Files outside the table's folder are somebody else's and stay.
    """
    gone = [entry for snapshot_id, entry in before.snapshots.items() if snapshot_id not in after.snapshots]
    kept_manifests = {ref.path: ref for entry in after.snapshots.values() for ref in reader.manifests(entry)}
    gone_manifests = {ref.path: ref for entry in gone for ref in reader.manifests(entry)}
    unused = [ref for path, ref in gone_manifests.items() if path not in kept_manifests]
    files = set(_live(unused, reader))
    if files:
        files -= set(_live(kept_manifests.values(), reader))
    lists = {entry.manifest_list for entry in gone if entry.manifest_list}
    lists -= {entry.manifest_list for entry in after.snapshots.values()}
    return _delete({*files, *(ref.path for ref in unused), *lists}, after)


def _live(refs: Iterable[ManifestRef], reader: ManifestReader) -> Iterator[str]:
    for ref in refs:
        for item in reader.entries(ref):
            yield item["data_file"]["file_path"]


def _delete(locations: Iterable[str], metadata: TableMetadata) -> int:
    folder = local_path(metadata.table_location)
    count = 0
    for location in locations:
        path = local_path(location)
        if path is not None and folder is not None and Path(path).is_relative_to(folder):
            Path(path).unlink(missing_ok=True)
            count += 1
    return count


def clean_table(load: Callable[[], TableMetadata], reader: ManifestReader, older_than_seconds: float) -> int:
    """Delete what dead writers left in a table's folder; return how many files and folders went.

    ``load`` gives the current metadata: what was left is looked for first and judged by metadata read after,
    which knows of every commit of a writer that was found dead.
    """
    folder = local_path(load().table_location)
    if folder is None or not os.path.isdir(folder):
        return 0
    found = list(leftovers(folder, older_than_seconds))
    metadata = load()
    count = 0
    if found:
        used = {plain(path) for path in _used_data(metadata, reader)}
        for leftover in found:
            count += _clean_folder(leftover.folder, used)
            leftover.lock.unlink(missing_ok=True)
    if not is_being_written(folder):
        age = max(older_than_seconds, _METADATA_AGE_SECONDS)
        count += _clean_metadata(Path(folder, "metadata"), metadata, reader, age)
    return count


def _used_data(metadata: TableMetadata, reader: ManifestReader) -> Iterator[str]:
    refs = {ref.path: ref for entry in metadata.snapshots.values() for ref in reader.manifests(entry)}
    return _live(refs.values(), reader)


def _clean_folder(folder: Path, used: set[str]) -> int:
    """Delete a dead writer's files that no snapshot refers to: it may have died right after its commit."""
    files = [Path(root, name) for root, _, names in os.walk(folder) for name in names]
    unused = [file for file in files if str(file) not in used]
    if len(unused) == len(files):
        shutil.rmtree(folder, ignore_errors=True)
        return 1
    for file in unused:
        file.unlink(missing_ok=True)
    return len(unused)


def _clean_metadata(folder: Path, metadata: TableMetadata, reader: ManifestReader, older_than_seconds: float) -> int:
    used = {plain(metadata.location)}
    used |= {plain(str(item["metadata-file"])) for item in metadata.document.get("metadata-log") or ()}
    for key in ("statistics", "partition-statistics"):
        used |= {plain(str(item["statistics-path"])) for item in metadata.document.get(key) or ()}
    for entry in metadata.snapshots.values():
        used |= {plain(entry.manifest_list)} if entry.manifest_list else set()
        used |= {plain(ref.path) for ref in reader.manifests(entry)}
    limit = time.time() - older_than_seconds
    count = 0
    for file in folder.iterdir() if folder.is_dir() else ():
        if str(file) not in used and file.suffix in (".json", ".avro") and file.stat().st_mtime <= limit:
            file.unlink(missing_ok=True)
            count += 1
    return count


def clean_warehouse(warehouse: Path, used: Callable[[], set[str]], older_than_seconds: float) -> int:
    """Delete folders of tables that no name points to: never committed, replaced, or dropped half-way.

    ``used`` gives the locations of all tables, asked after a folder was seen without a writer. Only folders named
    as `commits.new_location` names them are touched.
    """
    count = 0
    limit = time.time() - older_than_seconds
    for folder in warehouse.glob("*/*-" + "[0-9a-f]" * 8):
        idle = folder.is_dir() and _newest(folder) <= limit and not is_being_written(str(folder))
        if idle and str(folder) not in used():
            shutil.rmtree(folder, ignore_errors=True)
            count += 1
    return count


def _newest(folder: Path) -> float:
    times = [folder.stat().st_mtime]
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                times.append(os.stat(os.path.join(root, name)).st_mtime)
            except FileNotFoundError:
                continue
    return max(times)


def clean_cache(cache: Path, older_than_seconds: float) -> int:
    """Delete cached files that nobody used for a week, or for ``older_than_seconds`` when that is longer."""
    limit = time.time() - max(older_than_seconds, 7 * 86400.0)
    count = 0
    for root, _, names in os.walk(cache):
        for name in names:
            path = Path(root, name)
            try:
                if path.stat().st_mtime <= limit:
                    path.unlink()
                    count += 1
            except OSError:
                continue
    return count
