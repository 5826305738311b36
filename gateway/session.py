"""What one user's conversation with headgate remembers between statements."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from catalog.identifiers import Namespace
from gateway.errors import InvalidSettingError
from gateway.settings import parse_duration

DIALECTS = ("spark", "duckdb", "trino", "postgres", "mysql")
"""Dialects a session may speak; the reference is spark."""
ENGINE_CHOICES = ("auto", "duckdb", "spark")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement kept by PREPARE."""

    text: str


@dataclass
class Session:
    """Mutable; used by one statement at a time."""

    namespace: Namespace
    user: str = ""
    dialect: str = "spark"
    engine: str = "auto"
    """auto, or the engine that every query of the session is pinned to."""
    time_zone: str = "UTC"
    """IANA name."""
    timeout_seconds: float = 0.0
    """Deadline of a query; 0 is none."""
    prepared: dict[str, Prepared] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Property name → the value RESET returns to; taken when the session opens."""

    def __post_init__(self) -> None:
        self.defaults = {name: self.get(name) for name in PROPERTIES}

    def get(self, name: str) -> str:
        """Return a property's value as text.

        Raises: InvalidSettingError for an unknown name.
        """
        return _property(name).read(self)

    def set(self, name: str, value: str) -> None:
        """Change a property.

        Raises: InvalidSettingError for an unknown name or a value it cannot have.
        """
        _property(name).write(self, value)

    def reset(self, name: str | None = None) -> None:
        """Return one property, or all, to what they were when the session opened."""
        for each in PROPERTIES if name is None else (_canonical(name),):
            self.set(each, self.defaults[each])


@dataclass(frozen=True, slots=True)
class Property:
    """One name that SET knows."""

    doc: str
    read: Callable[[Session], str]
    write: Callable[[Session, str], None]


def _set_engine(session: Session, value: str) -> None:
    session.engine = _choice("engine", value, ENGINE_CHOICES)


def _set_dialect(session: Session, value: str) -> None:
    session.dialect = _choice("dialect", value, DIALECTS)


def _set_time_zone(session: Session, value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidSettingError(
            f"there is no time zone {value!r}", hint="use an IANA name like Europe/Berlin, or UTC"
        ) from error
    session.time_zone = value


def _set_timeout(session: Session, value: str) -> None:
    try:
        session.timeout_seconds = parse_duration(value)
    except ValueError as error:
        raise InvalidSettingError(f"timeout = {value!r} {error}") from error


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    folded = value.strip().lower()
    if folded not in choices:
        raise InvalidSettingError(f"{name} cannot be {value!r}", hint=f"{name} is one of {', '.join(choices)}")
    return folded


PROPERTIES: Mapping[str, Property] = {
    "dialect": Property("SQL dialect of the session: " + ", ".join(DIALECTS), lambda s: s.dialect, _set_dialect),
    "engine": Property("engine that runs queries: " + ", ".join(ENGINE_CHOICES), lambda s: s.engine, _set_engine),
    "time_zone": Property("zone of timestamps without one of their own", lambda s: s.time_zone, _set_time_zone),
    "timeout": Property("deadline of a query, e.g. 90s; 0 is none", lambda s: f"{s.timeout_seconds:g}s", _set_timeout),
}

ALIASES: Mapping[str, str] = {
    "spark.sql.session.timezone": "time_zone",
    "timezone": "time_zone",
    "time zone": "time_zone",
    "statement_timeout": "timeout",
}
"""Other tools' names for the same properties, folded."""


def _canonical(name: str) -> str:
    folded = name.strip().lower()
    return ALIASES.get(folded, folded)


def _property(name: str) -> Property:
    found = PROPERTIES.get(_canonical(name))
    if found is None:
        raise InvalidSettingError(
            f"there is no session property {name!r}", hint=f"SET knows {', '.join(PROPERTIES)}; SHOW SESSION lists them"
        )
    return found
