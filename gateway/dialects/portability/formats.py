"""Date formats: Java's patterns that both engines read and print alike."""

import datetime
import re
import zoneinfo

UTC = datetime.UTC
_TOKEN = re.compile(r"([A-Za-z])\1*|'((?:[^']|'')*)'|[^A-Za-z']")
_PRINTED = {
    "yyyy": "%Y",
    "yy": "%y",
    "MM": "%m",
    "M": "%-m",
    "MMM": "%b",
    "MMMM": "%B",
    "dd": "%d",
    "d": "%-d",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "m": "%-M",
    "ss": "%S",
    "s": "%-S",
    "SSSSSS": "%f",
    "SSS": "%g",
    "EEEE": "%A",
    "EEE": "%a",
    "EE": "%a",
    "E": "%a",
    "a": "%p",
    "DDD": "%j",
    "y": None,
}
_READ = {
    "yyyy": ("%Y", r"\d{4}"),
    "MM": ("%m", r"\d{2}"),
    "dd": ("%d", r"\d{2}"),
    "HH": ("%H", r"\d{2}"),
    "mm": ("%M", r"\d{2}"),
    "ss": ("%S", r"\d{2}"),
    "SSSSSS": ("%f", r"\d{6}"),
}


def _tokens(pattern: str) -> list[tuple[bool, str]] | None:
    """Return the pattern's parts, each with whether it is a field; None for what is not plain."""
    parts, at = [], 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None or match[0] in ("[", "]", "{", "}", "#"):
            return None
        if match[1]:
            parts.append((True, match[0]))
        else:
            parts.append((False, (match[2] or "").replace("''", "'") or "'" if match[0].startswith("'") else match[0]))
        at = match.end()
    return parts


def strftime(pattern: str) -> str | None:
    """Return DuckDB's format that prints as Java's pattern; None outside the common ones."""
    parts = _tokens(pattern)
    if parts is None:
        return None
    result = []
    for field, part in parts:
        printed = _PRINTED.get(part) if field else part.replace("%", "%%")
        if printed is None:
            return None
        result.append(printed)
    return "".join(result)


def strptime(pattern: str) -> tuple[str, str] | None:
    """Return DuckDB's format and the regular expression of texts it reads as Spark does; None outside the common ones.

    Year, month and day must all be there, each once.
    """
    parts = _tokens(pattern)
    if parts is None:
        return None
    fields = [part for field, part in parts if field]
    if len(set(fields)) != len(fields) or not {"yyyy", "MM", "dd"} <= set(fields):
        return None
    formats, regexes = [], []
    for field, part in parts:
        known = _READ.get(part) if field else (part.replace("%", "%%"), re.escape(part))
        if known is None:
            return None
        formats.append(known[0])
        regexes.append(known[1])
    return "".join(formats), "".join(regexes)


def zone(name: str) -> datetime.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC


def known_zone(name: str) -> bool:
    return "/" in name and name in zoneinfo.available_timezones()
