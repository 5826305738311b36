"""What a table name in a query means: a table at a snapshot, a view, or rows that describe the catalog."""

import datetime
from collections.abc import Mapping

import pyarrow as pa

from catalog.errors import CatalogNotFoundError, SnapshotNotFoundError, TableNotFoundError
from catalog.identifiers import Namespace, TableName, fold, resolve
from catalog.store import Catalog
from catalog.tables import Table, View
from gateway import information_schema


class CatalogResolver:
    """Looks names up in the catalogs of a gateway."""

    def __init__(self, catalogs: Mapping[str, Catalog]) -> None:
        self._catalogs = catalogs

    def names(self) -> tuple[str, ...]:
        """Return the catalogs' names."""
        return tuple(self._catalogs)

    def catalog(self, name: str) -> Catalog:
        """Return the catalog of that name.

        Raises: CatalogNotFoundError.
        """
        for known, catalog in self._catalogs.items():
            if fold(known) == fold(name):
                return catalog
        raise CatalogNotFoundError(
            f"catalog {name!r} does not exist", hint=f"SHOW CATALOGS lists {', '.join(self._catalogs)}"
        )

    def relation(
        self,
        parts: tuple[str, ...],
        *,
        namespace: Namespace,
        version: int | str | None = None,
        instant: datetime.datetime | None = None,
    ) -> Table | View | pa.Table:
        """Return what the name means in a session whose namespace is ``namespace``.

        Raises: TableNotFoundError, SchemaNotFoundError, CatalogNotFoundError, SnapshotNotFoundError.
        """
        name = resolve(parts, namespace)
        catalog = self.catalog(name.catalog)
        if fold(name.schema) == information_schema.SCHEMA_NAME:
            return self._description(catalog, name)
        found = catalog.load(name)
        if isinstance(found, View):
            if version is not None or instant is not None:
                raise SnapshotNotFoundError(f"{name} is a view and has no snapshots")
            return found
        return _at(found, version, instant)

    def _description(self, catalog: Catalog, name: TableName) -> pa.Table:
        rows = information_schema.find(catalog, name)
        if rows is None:
            raise TableNotFoundError(
                f"table {name} does not exist",
                hint=f"information_schema has {', '.join(information_schema.TABLES)}",
            )
        return rows


def _at(table: Table, version: int | str | None, instant: datetime.datetime | None) -> Table:
    if instant is not None:
        return table.at_time(instant)
    if version is None:
        return table
    try:
        return table.at_snapshot(int(version))
    except ValueError as error:
        raise SnapshotNotFoundError(
            f"{version!r} is not a snapshot id", hint=f"SHOW SNAPSHOTS FOR {table.name} lists them"
        ) from error
