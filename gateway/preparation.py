"""Session + text → a planned and routed query, kept so that asking again costs microseconds.

A kept plan is used again only while the catalogs' change tokens say that no table, view or schema
changed; without a token, or with external tables, the tables are loaded again and compared.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog.tables import Table
from gateway.bound import BindingContext, BoundQuery
from gateway.catalogs import Catalogs
from gateway.planning import Plan, plan
from gateway.resolver import CatalogResolver
from gateway.session import Session
from gateway.statements import Query

Parameters = Sequence[object] | Mapping[str, object]

KEPT_PLANS = 512
"""A plan holds its file lists by reference; the catalog shares them between plans of one snapshot."""


@dataclass(frozen=True)
class _Kept:
    plan: Plan
    tokens: Mapping[str, object | None]
    """Every open catalog's change token before the plan was made."""


class Preparer:
    """Binds and plans queries. Thread safe."""

    def __init__(self, catalogs: Catalogs, resolver: CatalogResolver) -> None:
        self._catalogs = catalogs
        self._resolver = resolver
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def kept(self, session: Session, text: str) -> Plan | None:
        """Return the plan of the same text in the same session state, while it still holds."""
        key = _key(session, text)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
        if found is None:
            return None
        if found.plan.query.uses and self._catalogs.change_tokens() != found.tokens:
            self.forget(session, text)
            return None
        return found.plan

    def forget(self, session: Session, text: str) -> None:
        """Drop a kept plan, for instance because one of its files is gone."""
        with self._lock:
            self._kept.pop(_key(session, text), None)

    def bind(self, session: Session, query: Query, parameters: Parameters = ()) -> BoundQuery:
        """Resolve every name of a query.

        Raises: what gateway.dialects.binding.bind raises, with line and column.
        """
        from gateway.dialects.binding import bind  # brings sqlglot's optimizer, which a kept plan does not need

        return bind(query, self._resolver, context(session), parameters)

    def prepare(self, session: Session, query: Query, parameters: Parameters = ()) -> Plan:
        """Bind and plan a query; keep the plan when the same text means the same next time."""
        tokens = self._catalogs.change_tokens()
        bound = self.bind(session, query, parameters)
        planned = plan(bound)
        if not parameters and _repeatable(bound, tokens):
            self._keep(_key(session, query.text), _Kept(planned, tokens))
        return planned

    def _keep(self, key: tuple[object, ...], kept: _Kept) -> None:
        with self._lock:
            self._kept[key] = kept
            while len(self._kept) > KEPT_PLANS:
                self._kept.popitem(last=False)


def context(session: Session) -> BindingContext:
    """Return what of a session gives a query its meaning."""
    return BindingContext(namespace=session.namespace, time_zone=session.time_zone, user=session.user)


def _key(session: Session, text: str) -> tuple[object, ...]:
    return text, session.dialect, session.namespace.folded, session.time_zone, session.user


def _repeatable(bound: BoundQuery, tokens: Mapping[str, object | None]) -> bool:
    """Return True when the bound texts hold for later statements too.

    They do not with literals of this instant, with rows in memory, with files that no token watches, or
    in a catalog that was opened just now.
    """
    return not bound.instant_dependent and all(_watched(use.source, tokens) for use in bound.uses)


def _watched(source: Table | pa.Table, tokens: Mapping[str, object | None]) -> bool:
    if isinstance(source, pa.Table) or source.snapshot_id is None:
        return False
    return tokens.get(source.name.catalog) is not None
