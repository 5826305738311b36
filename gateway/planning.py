"""Statement + catalog → Plan: which files of which snapshots, how many bytes, in which engine's words.

Planning reads metadata only. A plan is immutable and may be kept: it names snapshots, not tables.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pyarrow as pa

from catalog.tables import FileFormat, Scan
from gateway.bound import BoundQuery, TableUse
from gateway.engines.base import Relation
from gateway.estimates import Estimates, estimate


@dataclass(frozen=True)
class Plan:
    """A query bound to snapshots."""

    query: BoundQuery
    relations: Mapping[str, Relation]
    """Relation name in both engines' texts → the files or rows it stands for."""
    estimates: Estimates
    file_formats: frozenset[FileFormat]
    uri_schemes: frozenset[str]
    """``file`` for local paths."""
    fingerprint: str
    """Equal for two plans of the same text over the same snapshots."""

    def sql_for(self, engine: str) -> str | None:
        """Return the text for an engine, None when it cannot give the reference answer."""
        return self.query.duckdb_sql if engine == "duckdb" else self.query.spark_sql


def plan(query: BoundQuery) -> Plan:
    """Plan every scan of a bound query.

    Raises: UnsupportedTableError, CorruptFileError, FileAccessError from the catalog.
    """
    relations: dict[str, Relation] = {}
    for use in query.uses:
        if isinstance(use.source, pa.Table):
            relations[use.relation] = use.source
            continue
        scan = use.source.scan(use.predicate, use.columns)
        name = _content_name(scan, use)
        query = _renamed(query, use.relation, name)
        relations[name] = scan
    scans = [relation for relation in relations.values() if isinstance(relation, Scan)]
    return Plan(
        query=query,
        relations=relations,
        estimates=estimate(relations, query.shape),
        file_formats=frozenset(scan.format for scan in scans),
        uri_schemes=frozenset(_scheme(scan.location) for scan in scans),
        fingerprint=_fingerprint(query, scans),
    )


def with_scan(planned: Plan, scan: Scan) -> Plan:
    """Return the plan with the relation of the scan's snapshot reading that scan's files only.

    For DELETE: the rows that stay are looked for where some go.
    """
    query, relations = planned.query, dict(planned.relations)
    for name, relation in planned.relations.items():
        if isinstance(relation, Scan) and relation.identity == scan.identity:
            narrowed = f"{name}_{_digest(scan.files.paths.to_pylist())}"
            del relations[name]
            relations[narrowed] = replace(scan, schema=relation.schema)
            query = _renamed(query, name, narrowed)
    return replace(planned, query=query, relations=relations, estimates=estimate(relations, query.shape))


def _content_name(scan: Scan, use: TableUse) -> str:
    """Return a name that equal scans share and others do not, so that engines keep what they made of a scan."""
    return f"hg_{_digest([scan.identity, repr(use.columns), repr(use.predicate)])}"


def _renamed(query: BoundQuery, old: str, new: str) -> BoundQuery:
    """Return the query with a relation renamed in both texts.

    The names hold a digest, so that they stand in no user's text by chance.
    """
    return replace(
        query,
        spark_sql=query.spark_sql and query.spark_sql.replace(old, new),
        duckdb_sql=query.duckdb_sql and query.duckdb_sql.replace(old, new),
    )


def _scheme(location: str) -> str:
    scheme = urlsplit(location).scheme
    return scheme if len(scheme) > 1 else "file"


def _fingerprint(query: BoundQuery, scans: list[Scan]) -> str:
    return _digest([query.spark_sql or "", query.duckdb_sql or "", *(scan.identity for scan in scans)])


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()
