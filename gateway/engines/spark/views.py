"""The temporary views of one session: each relation is analysed and its files listed once, not once per query.

A view's name is the relation's name in the query's text. Usually equal names mean equal relations; where they
do not, a name changes its meaning only while no other query is being analysed with it. Once Spark has answered
with the schema, a query no longer looks names up.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa

from catalog.tables import Scan
from gateway.engines.base import Relation

_KEPT = 256
"""Views kept per session; each holds the listing of its files on the server."""


@dataclass
class _View:
    source: Relation
    users: int = 0
    ready: threading.Event = field(default_factory=threading.Event)


class Views:
    """Thread safe. ``create`` makes a view of a relation on the server, ``drop`` forgets it."""

    def __init__(self, create: Callable[[str, Relation], None], drop: Callable[[str], None]) -> None:
        self._create = create
        self._drop = drop
        self._views: OrderedDict[str, _View] = OrderedDict()
        self._changed = threading.Condition()

    @contextmanager
    def using(self, relations: Mapping[str, Relation]) -> Iterator[None]:
        """Every name means its relation until the block ends."""
        held: list[_View] = []
        try:
            # In one order for all, so that two queries that share names cannot wait for each other.
            for name in sorted(relations):
                held.append(self._hold(name, relations[name]))  # noqa: PERF401 - what is held must be let go on error
            yield
        finally:
            with self._changed:
                for view in held:
                    view.users -= 1
                self._changed.notify_all()
        self._evict()

    def _hold(self, name: str, source: Relation) -> _View:
        while True:
            with self._changed:
                view = self._views.get(name)
                if view is not None and _same(view.source, source):
                    view.users += 1
                    self._views.move_to_end(name)
                    mine = False
                elif view is not None and view.users:
                    self._changed.wait()
                    continue
                else:
                    view = self._views[name] = _View(source, users=1)
                    mine = True
            if mine:
                return self._make(name, view)
            view.ready.wait()
            with self._changed:
                if self._views.get(name) is view:
                    return view
                view.users -= 1  # its maker failed; try ourselves, for an error of our own

    def _make(self, name: str, view: _View) -> _View:
        try:
            self._create(name, view.source)
        except BaseException:
            with self._changed:
                view.users -= 1
                del self._views[name]
                self._changed.notify_all()
            raise
        finally:
            view.ready.set()
        return view

    def _evict(self) -> None:
        while True:
            with self._changed:
                idle = next((name for name, view in self._views.items() if not view.users), None)
                if len(self._views) <= _KEPT or idle is None:
                    return
                del self._views[idle]
                # Under the lock: a query that makes the name again must come after.
                self._drop(idle)


def _same(one: Relation, other: Relation) -> bool:
    """Return True when both surely hold the same rows under the same column names."""
    if one is other:
        return True
    if isinstance(one, Scan) and isinstance(other, Scan):
        facts = [
            (s.identity, s.schema, s.format, s.snapshot_id, s.location, s.hive_partitions, s.csv, s.by_field_id)
            for s in (one, other)
        ]
        return facts[0] == facts[1] and one.defaults == other.defaults and one.files.paths.equals(other.files.paths)
    if isinstance(one, pa.Table) and isinstance(other, pa.Table):
        return bool(one.schema.equals(other.schema) and one.equals(other))
    return False
