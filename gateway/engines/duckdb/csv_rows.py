"""The rows of CSV files: types learned from samples, held against every row, widened when a row needs it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from catalog.identifiers import fold
from catalog.schema import Column, Schema, type_name
from catalog.store import WriteTarget
from gateway.engines.duckdb.csv_columns import TextColumn, bad_sql
from gateway.engines.duckdb.csv_errors import bad_values, broken_rows, is_broken_csv, refuse
from gateway.engines.duckdb.csv_text import texts_sql
from gateway.engines.duckdb.instances import Instances, watched
from gateway.engines.duckdb.sql_text import sql_type
from gateway.engines.duckdb.text_types import CANDIDATES, STRING, Kind, candidates_for
from gateway.engines.duckdb.writing import write
from gateway.loading.errors import ColumnMismatchError
from gateway.loading.rows import CsvSource, Expectation, Outcome, Tick, TypesChangedError

_RIVALS = {kind.label: kind for kind in CANDIDATES}
_BAD_VALUE = re.compile(r"hg_bad_value (\d+)")
_HEAD_ROWS = 3000
"""Rows on which every kind is tried; the survivors are tried on the rest of the sample."""
_ODD_SHARE = 0.05
"""A column of text with no more odd values than this among numbers or dates is worth a warning."""


@dataclass(frozen=True)
class Fit:
    """How the texts of one column go with some kinds."""

    filled: int
    """Texts that are not blank."""
    rejected: Mapping[str, int]
    """Label of a kind → texts that it cannot keep."""
    example: Mapping[str, str | None]
    """Label of a kind → the smallest of them."""


class CsvRows:
    """See gateway.loading.rows.Rows."""

    def __init__(self, instances: Instances, source: CsvSource, expectation: Expectation, tick: Tick) -> None:
        self._instances = instances
        self._source = source
        self._skip = expectation.skip_broken
        self._warnings: list[str] = []
        self._columns = self._match(expectation.schema)
        with instances.open() as connection:
            try:
                watched(connection, lambda: self._learn(connection), tick)
            except duckdb.Error as error:
                self._explain(error, tick)
                raise

    @property
    def schema(self) -> Schema:
        return Schema(tuple(one.column for one in self._columns))

    @property
    def warnings(self) -> Sequence[str]:
        return tuple(self._warnings)

    def write(self, target: WriteTarget, tick: Tick) -> Outcome:
        """See Rows.write."""
        with self._instances.open(target.folder) as connection:
            try:
                written = watched(connection, lambda: write(connection, self._sql(), target), tick)
            except duckdb.Error as error:
                self._explain(error, tick)
                raise
            skipped = broken_rows(connection, self._source) if self._skip else ()
        if self._skip and any(one.fixed for one in self._columns):
            with self._instances.open(ordered=True) as connection:
                skipped = (*skipped, *bad_values(connection, self._source, self._columns, skipped))
        return Outcome(written.files, written.record_count, written.size_bytes, tuple(skipped))

    def _match(self, wanted: Schema | None) -> list[TextColumn]:
        names = {fold(name): name for group in self._source.groups for name in reversed(group.layout.names)}
        ordered = dict.fromkeys(fold(name) for group in self._source.groups for name in group.layout.names)
        if wanted is None:
            return [TextColumn(Column(names[one], STRING.type), one, STRING, False) for one in ordered]
        extra = [names[one] for one in ordered if wanted.find(one) is None]
        if extra:
            raise ColumnMismatchError(
                f"the table has no column {', '.join(extra)}",
                hint=f"it has {', '.join(column.name for column in wanted)}; ALTER TABLE … ADD COLUMN adds one",
            )
        return [self._fixed(column, ordered) for column in wanted]

    def _fixed(self, column: Column, found: Mapping[str, object]) -> TextColumn:
        kinds = candidates_for(column.type)
        name = fold(column.name)
        if name in found:
            if not kinds:
                raise ColumnMismatchError(f"column {column.name} is {type_name(column.type)}, which CSV cannot hold")
            return TextColumn(column, name, kinds[0], True)
        if not column.nullable:
            raise ColumnMismatchError(f"column {column.name} is required, and the files have none of that name")
        self._warnings.append(f"the files have no column {column.name}: it is NULL in the new rows")
        return TextColumn(column, None, STRING, True)

    # Learning

    def _learn(self, connection: duckdb.DuckDBPyConnection) -> None:
        sample = texts_sql(self._source, self._names(), samples=True)
        head = f"(SELECT * FROM {sample} LIMIT {_HEAD_ROWS})"
        asked = {index: self._choices(one) for index, one in enumerate(self._columns) if one.source is not None}
        fits = _fits(connection, head, asked)
        self._confirm(connection, sample, {index: _survivors(asked[index], fits[index]) for index in asked})
        rivals = {index: (_RIVALS[one.kind.rival],) for index, one in enumerate(self._columns) if one.kind.rival}
        undecided = {
            index for index, fit in _fits(connection, sample, rivals).items() if not any(fit.rejected.values())
        }
        for index, one in enumerate(self._columns):
            if index in undecided:
                self._warnings.append(
                    f"column {one.column.name} was read as {one.kind.label}; "
                    f"no sampled value tells it from {one.kind.rival}"
                )
            if index in fits and not one.fixed:
                self._remark(one, fits[index])

    def _choices(self, one: TextColumn) -> tuple[Kind, ...]:
        if one.fixed:
            return candidates_for(one.column.type)
        return (STRING,) if one.source in self._source.text_columns else CANDIDATES

    def _confirm(
        self, connection: duckdb.DuckDBPyConnection, rows: str, choices: Mapping[int, tuple[Kind, ...]]
    ) -> None:
        """Settle on the first kind of each column that all rows allow, or for a fixed one the least bad."""
        first = _fits(connection, rows, {index: kinds[:1] for index, kinds in choices.items()})
        odd = {index: choices[index] for index, fit in first.items() if any(fit.rejected.values())}
        fits = first | _fits(connection, rows, odd)
        for index, fit in fits.items():
            kinds = choices[index] if index in odd else choices[index][:1]
            chosen = min(kinds, key=lambda kind: fit.rejected.get(kind.label, 0))
            self._settle(self._columns[index], chosen if fit.filled or self._columns[index].fixed else STRING)

    def _settle(self, one: TextColumn, kind: Kind) -> None:
        one.kind = kind
        if not one.fixed:
            one.column = Column(one.column.name, kind.type)

    def _remark(self, one: TextColumn, fit: Fit) -> None:
        name = one.column.name
        if fit.filled == 0:
            self._warnings.append(f"column {name} is empty in the sample and became string")
        if one.kind.takes_all and fit.filled >= 20 and one.source not in self._source.text_columns:
            near = min(CANDIDATES[:-1], key=lambda kind: fit.rejected[kind.label])
            if 0 < fit.rejected[near.label] <= fit.filled * _ODD_SHARE:
                self._warnings.append(
                    f"column {name} became string: all but {fit.rejected[near.label]:,} of {fit.filled:,} sampled "
                    f"values are {near.label}, e.g. {fit.example[near.label]!r} is not"
                )

    # Writing

    def _names(self) -> list[str | None]:
        return [one.source for one in self._columns]

    def _sql(self) -> str:
        values = ", ".join(self._value(index, one) for index, one in enumerate(self._columns))
        sql = f"SELECT {values} FROM {texts_sql(self._source, self._names(), skip_broken=self._skip)}"
        if not self._skip:
            return sql
        bad = [bad_sql(index, one) for index, one in enumerate(self._columns) if one.fixed and one.source]
        return f"{sql} WHERE NOT ({' OR '.join(bad)})" if bad else sql

    def _value(self, index: int, one: TextColumn) -> str:
        if one.source is None:
            return f"NULL::{sql_type(one.column.type)}"
        refusal = f"error('hg_bad_value {index}')"
        value = one.kind.read(f"t{index}", refusal)
        if not one.column.nullable:
            value = f"coalesce({value}, {refusal})"
        return f"CAST({value} AS {sql_type(one.column.type)})"

    def _explain(self, error: duckdb.Error, tick: Tick) -> None:
        """Turn a failed write into what is wrong with which row, or into wider types."""
        match = _BAD_VALUE.search(str(error))
        if match is None:
            if is_broken_csv(error):
                with self._instances.open() as fresh:
                    watched(fresh, lambda: refuse(fresh, self._source, error), tick)
            return
        if self._columns[int(match[1])].fixed:
            with self._instances.open(ordered=True) as fresh:
                watched(fresh, lambda: refuse(fresh, self._source, error, self._columns), tick)
        with self._instances.open() as fresh:
            watched(fresh, lambda: self._widen(fresh), tick)
        raise TypesChangedError

    def _widen(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Choose again from all rows. Every kind of a column is open again: 13/31 rules out day first."""
        rows = texts_sql(self._source, self._names(), skip_broken=True)
        choices = {
            index: (one.kind, *(kind for kind in CANDIDATES if kind is not one.kind))
            for index, one in enumerate(self._columns)
            if not one.fixed and not one.kind.takes_all
        }
        before = {index: self._columns[index].kind for index in choices}
        for index, fit in self._confirm_in_order(connection, rows, choices).items():
            was, one = before[index], self._columns[index]
            self._warnings.append(
                f"column {one.column.name} became {type_name(one.column.type)}: {fit.rejected[was.label]:,} of "
                f"{fit.filled:,} values are not {was.label}, e.g. {fit.example[was.label]!r}"
            )

    def _confirm_in_order(
        self, connection: duckdb.DuckDBPyConnection, rows: str, choices: Mapping[int, tuple[Kind, ...]]
    ) -> dict[int, Fit]:
        current = _fits(connection, rows, {index: kinds[:1] for index, kinds in choices.items()})
        odd = {index: choices[index][1:] for index, fit in current.items() if any(fit.rejected.values())}
        fits = _fits(connection, rows, odd)
        for index, fit in fits.items():
            kinds = sorted(odd[index], key=CANDIDATES.index)
            self._settle(self._columns[index], min(kinds, key=lambda kind: fit.rejected[kind.label]))
        return {index: current[index] for index in odd}


def _survivors(kinds: tuple[Kind, ...], fit: Fit) -> tuple[Kind, ...]:
    left = tuple(kind for kind in kinds if not fit.rejected[kind.label])
    return left or kinds


def _fits(connection: duckdb.DuckDBPyConnection, rows: str, asked: Mapping[int, Sequence[Kind]]) -> dict[int, Fit]:
    """Return how the texts of each column go with the kinds asked of it."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for index, kinds in asked.items():
        alike.setdefault(tuple(kind.label for kind in kinds), []).append(index)
    found: dict[int, Fit] = {}
    for indexes in alike.values():
        found |= _fit_alike(connection, rows, indexes, asked[indexes[0]])
    return {index: found[index] for index in asked}


def _fit_alike(
    connection: duckdb.DuckDBPyConnection, rows: str, indexes: Sequence[int], kinds: Sequence[Kind]
) -> dict[int, Fit]:
    # One column after the other in one pair of columns: a hundred aggregates for each column take seconds to plan.
    texts = ", ".join(f"t{index}" for index in indexes)
    terms = "".join(
        f", count(*) FILTER ({rejects}), min(t) FILTER ({rejects})" for rejects in (kind.rejects("t") for kind in kinds)
    )
    answers = connection.execute(
        f"SELECT i, count(*) FILTER (trim(t) <> ''){terms} FROM "
        f"(SELECT unnest({list(indexes)}) AS i, unnest([{texts}]) AS t FROM {rows}) GROUP BY i"
    ).fetchall()
    labels = [kind.label for kind in kinds]
    fits = {
        index: Fit(filled, dict(zip(labels, values[::2], strict=True)), dict(zip(labels, values[1::2], strict=True)))
        for index, filled, *values in answers
    }
    nothing = Fit(0, dict.fromkeys(labels, 0), dict.fromkeys(labels))
    return {index: fits.get(index, nothing) for index in indexes}
