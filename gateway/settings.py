"""Every setting: its name, type, default and meaning. Frozen; later sources win.

`headgate.toml` in the home, then environment ``HEADGATE_SECTION__KEY``, then options.
Sizes are written ``512MB`` or ``2GiB``, durations ``90s``, ``15m`` or ``2h``; a plain number is
bytes or seconds.
"""

import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from gateway.errors import InvalidSettingError


def setting(default: Any, doc: str, *, unit: str = "") -> Any:
    """Declare a setting with its default, meaning and unit (``bytes``, ``seconds`` or none)."""
    return field(default=default, metadata={"doc": doc, "unit": unit})


def table(doc: str) -> Any:
    """Declare a free table of text settings handed to a library."""
    return field(default_factory=dict, metadata={"doc": doc, "unit": ""})


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_bytes() -> int:
    """Return what this process may use: the cgroup's limit if lower than the machine's memory."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):
        return total
    return min(total, limit)


@dataclass(frozen=True)
class DuckDBSettings:
    memory_limit_bytes: int = setting(0, "memory DuckDB may use; 0 takes a third of the machine's", unit="bytes")
    threads: int = setting(0, "threads DuckDB may use; 0 takes all cores")
    temp_directory: str = setting("", "folder for spilling; empty takes tmp/ in the home")
    temp_limit_bytes: int = setting(0, "disk DuckDB may spill to; 0 takes half of what is free", unit="bytes")

    @property
    def effective_memory_bytes(self) -> int:
        return self.memory_limit_bytes or _memory_bytes() // 3

    @property
    def effective_threads(self) -> int:
        return self.threads or _cores()


@dataclass(frozen=True)
class SparkSettings:
    remote: str = setting("", "a running Spark Connect server, sc://host:port; empty starts a local one on demand")
    master: str = setting("local[*]", "master of the server that headgate starts")
    driver_memory_bytes: int = setting(0, "heap of the local server; 0 takes a quarter of the machine's", unit="bytes")
    idle_seconds: float = setting(1800.0, "a local server that nobody uses for so long stops", unit="seconds")
    start_timeout_seconds: float = setting(120.0, "how long a start may take", unit="seconds")
    warm: bool = setting(True, "start the local server in the background when a shell or server opens")
    conf: Mapping[str, str] = table("Spark's own properties, spark.conf.* → spark.*")

    @property
    def effective_driver_memory_bytes(self) -> int:
        return self.driver_memory_bytes or _memory_bytes() // 4


@dataclass(frozen=True)
class RoutingSettings:
    engine: str = setting("auto", "auto, or the engine that every query is pinned to: duckdb, spark")
    fallback: bool = setting(True, "hand a query over when its engine runs out of memory or dies before the first row")
    cluster_cores: int = setting(0, "cores of the Spark behind spark.remote; 0 asks or takes the machine's")


@dataclass(frozen=True)
class ResultsSettings:
    quota_bytes: int = setting(10 * 1024**3, "disk that spooled results may take together", unit="bytes")
    age_seconds: float = setting(86400.0, "how long a spooled result is kept", unit="seconds")
    memory_bytes: int = setting(8 * 1024**2, "results up to this size stay in memory", unit="bytes")
    batch_rows: int = setting(65536, "rows of one record batch")


@dataclass(frozen=True)
class LimitsSettings:
    timeout_seconds: float = setting(0.0, "deadline of a query; 0 is none", unit="seconds")


@dataclass(frozen=True)
class ServerSettings:
    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8080, "port to listen on")


@dataclass(frozen=True)
class Settings:
    """All settings of one gateway."""

    duckdb: DuckDBSettings = field(default_factory=DuckDBSettings)
    spark: SparkSettings = field(default_factory=SparkSettings)
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    results: ResultsSettings = field(default_factory=ResultsSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    catalog: Mapping[str, str] = table("properties handed to PyIceberg: type, uri, warehouse, …")


_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\s*\Z", re.IGNORECASE)
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*\Z", re.IGNORECASE)
_SIZES = {None: 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_DURATIONS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_size(text: str) -> int:
    """Return bytes; ``KB`` is 1000, ``KiB`` 1024. Raises: ValueError."""
    match = _SIZE.match(text)
    if match is None:
        raise ValueError("is not a size like 512MB or 2GiB")
    number, unit = match.groups()
    return int(float(number) * _SIZES[unit.lower() if unit else None])


def parse_duration(text: str) -> float:
    """Return seconds. Raises: ValueError."""
    match = _DURATION.match(text)
    if match is None:
        raise ValueError("is not a duration like 90s, 15m or 2h")
    number, unit = match.groups()
    return float(number) * _DURATIONS[unit.lower() if unit else None]


def names() -> dict[str, dataclasses.Field[Any]]:
    """Return every dotted name a user may set, ``duckdb.memory_limit`` style, with its field.

    The unit leaves the name: a user writes ``memory_limit = "2GB"``, the code reads bytes.
    """
    found: dict[str, dataclasses.Field[Any]] = {}
    for section in dataclasses.fields(Settings):
        if not dataclasses.is_dataclass(get_type_hints(Settings)[section.name]):
            found[section.name] = section
            continue
        for key in dataclasses.fields(get_type_hints(Settings)[section.name]):
            found[f"{section.name}.{_public(key)}"] = key
    return found


def _public(key: dataclasses.Field[Any]) -> str:
    unit = key.metadata["unit"]
    return key.name.removesuffix(f"_{unit}") if unit else key.name


def _convert(name: str, key: dataclasses.Field[Any], value: Any, type_: Any) -> Any:
    try:
        if key.metadata["unit"] == "bytes":
            return parse_size(str(value))
        if key.metadata["unit"] == "seconds":
            return parse_duration(str(value))
        if type_ is bool:
            return _boolean(value)
        if type_ in (int, float, str):
            return type_(value)
    except ValueError as error:
        raise InvalidSettingError(f"setting {name} = {value!r} {error}") from error
    if isinstance(value, Mapping):
        return {str(k): str(v) for k, v in _flatten(value)}
    raise InvalidSettingError(f"setting {name} is a table, not {value!r}")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in {"true", "on", "yes", "1"}:
        return True
    if text in {"false", "off", "no", "0"}:
        return False
    raise ValueError("is not true or false")


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return leaves with dotted names: ``conf = {sql = {x = 1}}`` and ``conf."sql.x" = 1`` are the same."""
    flat: list[tuple[str, Any]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        flat += _flatten(value, name + ".") if isinstance(value, Mapping) else [(name, value)]
    return flat


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return dotted names and values of ``HEADGATE_SECTION__KEY`` variables, lower-cased."""
    found: dict[str, str] = {}
    for variable, value in environment.items():
        if variable.startswith("HEADGATE_") and "__" in variable:
            found[variable.removeprefix("HEADGATE_").replace("__", ".").lower()] = value
    return found


def resolve(*sources: Mapping[str, Any]) -> Settings:
    """Return the settings that flat sources of dotted names give, the later winning.

    Raises: InvalidSettingError for an unknown name, with the nearest ones, or a value of the wrong kind.
    """
    chosen: dict[str, Any] = {}
    for source in sources:
        chosen.update(source)
    known = names()
    types = get_type_hints(Settings)
    sections: dict[str, dict[str, Any]] = {}
    tables: dict[str, dict[str, str]] = {}
    for name, value in chosen.items():
        section, _, rest = name.partition(".")
        if name in known and section != name:
            key = known[name]
            type_ = get_type_hints(types[section])[key.name]
            sections.setdefault(section, {})[key.name] = _convert(name, key, value, type_)
        elif section in known:
            tables.setdefault(section, {})[rest] = str(value)
        elif name.startswith("spark.conf."):
            tables.setdefault("spark.conf", {})[name.removeprefix("spark.conf.")] = str(value)
        else:
            raise InvalidSettingError(f"unknown setting {name!r}", hint=_nearest(name, known))
    values: dict[str, Any] = {section: types[section](**keys) for section, keys in sections.items()}
    for name, entries in tables.items():
        section, _, key_name = name.partition(".")
        if key_name:
            values[section] = dataclasses.replace(values.get(section) or types[section](), **{key_name: entries})
        else:
            values[section] = entries
    return Settings(**values)


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    import difflib  # only on the error path: it costs start-up time

    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else "README lists every setting"


def read_file(path: Path) -> dict[str, Any]:
    """Return the dotted names and values of a TOML file; empty when there is none.

    Raises: InvalidSettingError with the line when it is not TOML.
    """
    try:
        return dict(_flatten(tomllib.loads(path.read_text("utf-8"))))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettingError(f"{path} is not TOML: {error}") from error
