"""What SET changes, and what it refuses."""

import pytest

from catalog.identifiers import Namespace
from gateway.errors import InvalidSettingError
from gateway.session import PROPERTIES, Session


def session() -> Session:
    return Session(Namespace("lake", "default"))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("engine", "SPARK", "spark"),
        ("dialect", "duckdb", "duckdb"),
        ("time_zone", "Europe/Berlin", "Europe/Berlin"),
        ("spark.sql.session.timeZone", "Asia/Tokyo", "Asia/Tokyo"),
        ("timeout", "2m", "120s"),
    ],
)
def test_a_property_is_set_and_read(name: str, value: str, expected: str) -> None:
    open_session = session()
    open_session.set(name, value)

    assert open_session.get(name) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("engine", "presto"), ("dialect", "cobol"), ("time_zone", "Mars/Olympus"), ("timeout", "soon"), ("colour", "red")],
)
def test_what_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        session().set(name, value)
    assert caught.value.hint or "soon" in caught.value.message


def test_reset_returns_to_the_opening_value() -> None:
    open_session = Session(Namespace("lake", "default"), engine="duckdb")
    open_session.set("engine", "spark")
    open_session.set("dialect", "trino")
    open_session.reset("engine")

    assert (open_session.engine, open_session.dialect) == ("duckdb", "trino")


def test_reset_without_a_name_returns_everything() -> None:
    open_session = session()
    for name, value in {"engine": "spark", "dialect": "trino", "timeout": "1s", "time_zone": "Asia/Tokyo"}.items():
        open_session.set(name, value)
    open_session.reset()

    assert {name: open_session.get(name) for name in PROPERTIES} == dict(session().defaults)
