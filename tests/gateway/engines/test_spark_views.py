import threading

import pyarrow as pa
import pytest

from catalog.errors import CorruptFileError
from gateway.engines.base import Relation
from gateway.engines.spark import views as module
from gateway.engines.spark.views import Views

ONE = pa.table({"a": [1]})
TWO = pa.table({"a": [2]})


class Server:
    def __init__(self) -> None:
        self.made: list[tuple[str, Relation]] = []
        self.dropped: list[str] = []
        self.broken = False

    def create(self, name: str, source: Relation) -> None:
        if self.broken:
            raise CorruptFileError("no")
        self.made.append((name, source))

    def drop(self, name: str) -> None:
        self.dropped.append(name)


def test_an_equal_relation_is_made_once() -> None:
    server = Server()
    views = Views(server.create, server.drop)
    for source in (ONE, ONE, pa.table({"a": [1]})):
        with views.using({"hg_1": source}):
            pass
    assert server.made == [("hg_1", ONE)]


def test_a_name_changes_its_meaning_only_when_nobody_uses_it() -> None:
    server = Server()
    views = Views(server.create, server.drop)
    entered, changed = threading.Event(), threading.Event()

    def other() -> None:
        entered.set()
        with views.using({"hg_1": TWO}):
            changed.set()

    with views.using({"hg_1": ONE}):
        thread = threading.Thread(target=other)
        thread.start()
        assert entered.wait(10)
        assert not changed.wait(0.05)
        assert server.made == [("hg_1", ONE)]
    assert changed.wait(10)
    thread.join(10)
    assert server.made == [("hg_1", ONE), ("hg_1", TWO)]


def test_a_relation_that_failed_is_tried_again() -> None:
    server = Server()
    views = Views(server.create, server.drop)
    server.broken = True
    with pytest.raises(CorruptFileError), views.using({"hg_1": ONE}):
        pass
    server.broken = False
    with views.using({"hg_1": ONE}):
        pass
    assert server.made == [("hg_1", ONE)]


def test_views_are_dropped_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 2)
    server = Server()
    views = Views(server.create, server.drop)
    for name in ("hg_1", "hg_2", "hg_1", "hg_3"):
        with views.using({name: ONE}):
            pass
    assert server.dropped == ["hg_2"]
