import datetime
import re
from concurrent.futures import ThreadPoolExecutor

from gateway.query_ids import MAX_COUNT, QueryIds


class Clock:
    def __init__(self, text: str) -> None:
        self.now = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.now


def test_an_id_has_trinos_form() -> None:
    query_id = QueryIds(Clock("2026-01-31 23:59:58")).next()

    assert re.fullmatch(r"20260131_235958_00000_[a-km-z2-9]{5}", query_id)


def test_ids_count_up_and_begin_again_each_day() -> None:
    clock = Clock("2026-01-31 23:59:58")
    ids = QueryIds(clock)
    first = [ids.next() for _ in range(3)]
    clock.now += datetime.timedelta(seconds=2)

    assert [query_id[16:21] for query_id in first] == ["00000", "00001", "00002"]
    assert ids.next().startswith("20260201_000000_00000_")


def test_a_clock_that_goes_back_repeats_no_id() -> None:
    clock = Clock("2026-02-01 00:00:00")
    ids = QueryIds(clock)
    given = {ids.next() for _ in range(10)}
    clock.now -= datetime.timedelta(days=1)
    given |= {ids.next() for _ in range(10)}
    clock.now += datetime.timedelta(days=1)
    given |= {ids.next() for _ in range(10)}

    assert len(given) == 30


def test_no_id_repeats_within_one_busy_second() -> None:
    ids = QueryIds(Clock("2026-02-01 00:00:00"))

    assert len({ids.next() for _ in range(MAX_COUNT + 2)}) == MAX_COUNT + 2


def test_threads_never_get_the_same_id() -> None:
    ids = QueryIds(Clock("2026-02-01 00:00:00"))
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: ids.next(), range(2000)))

    assert len(set(given)) == 2000


def test_two_processes_differ_in_the_last_part() -> None:
    clock = Clock("2026-02-01 00:00:00")

    assert len({QueryIds(clock).next() for _ in range(20)}) == 20
