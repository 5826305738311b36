import threading
from collections.abc import Iterator

import pyarrow as pa
import pytest

from gateway import formats
from gateway.formats.pipeline import PIECE_ROWS, ordered, pieces


def test_order_is_kept_though_later_items_are_done_first() -> None:
    done = [threading.Event() for _ in range(20)]

    def work(item: int) -> int:
        if item % 2 == 1 and item + 1 < len(done):
            assert done[item + 1].wait(30)  # every odd item waits for the one after it
        done[item].set()
        return item

    assert list(ordered(iter(range(20)), work, workers=3)) == list(range(20))


def test_few_items_are_fetched_ahead() -> None:
    fetched = 0

    def source() -> Iterator[int]:
        nonlocal fetched
        for item in range(1000):
            fetched += 1
            yield item

    results = ordered(source(), lambda item: item, workers=2)
    for taken in range(1, 50):
        next(results)
        assert fetched <= taken + 4
    results.close()  # type: ignore[attr-defined]


def test_first_result_leaves_before_the_second_item_is_fetched() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise AssertionError("fetched too early")

    assert next(ordered(source(), lambda item: item)) == 1


@pytest.mark.parametrize("failing", range(6))
def test_a_failing_source_raises_after_the_results_before_it(failing: int) -> None:
    def source() -> Iterator[int]:
        yield from range(failing)
        raise LookupError("the source broke")

    taken: list[int] = []
    results = ordered(source(), lambda item: item, workers=2)
    with pytest.raises(LookupError, match="the source broke"):
        taken.extend(results)
    assert taken == list(range(failing))


def test_failing_work_raises_in_its_place() -> None:
    def work(item: int) -> float:
        return 1 / (3 - item)

    taken: list[float] = []
    results = ordered(iter(range(9)), work, workers=2)
    with pytest.raises(ZeroDivisionError):
        taken.extend(results)
    assert len(taken) == 3


def test_pieces_are_bounded_and_hold_the_same_rows() -> None:
    batch = pa.record_batch({"a": ["x" * 1000] * 500, "b": pa.nulls(500)})
    cut = list(pieces(iter([batch, batch.slice(0, 0)]), piece_bytes=20_000))
    assert all(piece.nbytes <= 20_000 and piece.num_rows for piece in cut)
    assert pa.Table.from_batches(cut).equals(pa.Table.from_batches([batch]))
    nulls = pa.record_batch({"a": pa.nulls(PIECE_ROWS * 2 + 1)})
    assert sum(piece.num_rows for piece in pieces(iter([nulls]))) == nulls.num_rows
    assert max(piece.num_rows for piece in pieces(iter([nulls]))) <= PIECE_ROWS


def test_a_row_larger_than_a_piece_stays_whole() -> None:
    batch = pa.record_batch({"a": ["x" * 1000, "y"]})
    assert [piece.num_rows for piece in pieces(iter([batch]), piece_bytes=10)] == [1, 1]


@pytest.mark.parametrize("name", formats.FORMATS)
def test_every_format_closes_its_rows_when_it_is_closed(name: str) -> None:
    batch = pa.record_batch({"a": ["x" * 100] * 5000})
    closed = []

    def source() -> Iterator[pa.RecordBatch]:
        try:
            while True:
                yield batch
        finally:
            closed.append(True)

    encoding = formats.named(name).encode(batch.schema, source())
    while len(next(encoding)) < 2000:
        pass
    encoding.close()  # type: ignore[attr-defined]
    assert closed == [True]


@pytest.mark.parametrize("name", formats.FORMATS)
def test_every_format_hands_on_the_error_of_its_rows(name: str) -> None:
    batch = pa.record_batch({"a": [1, 2, 3]})

    def source() -> Iterator[pa.RecordBatch]:
        yield batch
        yield batch
        raise LookupError("the engine died")

    with pytest.raises(LookupError, match="the engine died"):
        list(formats.named(name).encode(batch.schema, source()))
