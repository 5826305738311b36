"""Parse, fold and quote the names of tables.

Names have three parts, ``catalog.schema.table``. Quoted and unquoted names compare
case-insensitively and keep their case for display.
"""

import re
from dataclasses import dataclass, field

from catalog.errors import InvalidNameError

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PART = re.compile(r'\s*(?:`((?:[^`]|``)+)`|"((?:[^"]|"")+)"|([^\s`".]+))\s*(\.|\Z)')


def fold(name: str) -> str:
    """Return the form in which two names are compared."""
    return name.casefold()


def quote(name: str) -> str:
    """Return ``name`` as Spark SQL reads it, in backticks only when it must be."""
    return name if _PLAIN.match(name) else "`" + name.replace("`", "``") + "`"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A catalog and a schema, the place where tables live."""

    catalog: str
    """As the user wrote it; compared folded."""
    schema: str
    """As the user wrote it; compared folded."""

    def __str__(self) -> str:
        return f"{quote(self.catalog)}.{quote(self.schema)}"

    @property
    def folded(self) -> tuple[str, str]:
        return fold(self.catalog), fold(self.schema)


@dataclass(frozen=True, slots=True)
class TableName:
    """The full name of a table or view. Equal when equal folded."""

    catalog: str = field(compare=False)
    """As written or as stored, for display."""
    schema: str = field(compare=False)
    """As written or as stored, for display."""
    name: str = field(compare=False)
    """As written or as stored, for display."""
    folded: tuple[str, str, str] = field(init=False)
    """What equality and hashing use."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded", (fold(self.catalog), fold(self.schema), fold(self.name)))

    @property
    def namespace(self) -> Namespace:
        return Namespace(self.catalog, self.schema)

    def __str__(self) -> str:
        return ".".join(quote(part) for part in (self.catalog, self.schema, self.name))


def split_name(text: str) -> tuple[str, ...]:
    """Return the unquoted parts of a dotted name.

    Raises: InvalidNameError when the text is not a name.
    """
    parts: list[str] = []
    position = 0
    while True:
        match = _PART.match(text, position)
        if match is None:
            raise InvalidNameError(f"{text!r} is not a name", hint="write schema.table; quote odd parts in backticks")
        ticked, quoted, plain, more = match.groups()
        parts.append(ticked.replace("``", "`") if ticked else quoted.replace('""', '"') if quoted else plain)
        position = match.end()
        if not more:
            return tuple(parts)


def resolve(parts: tuple[str, ...], default: Namespace) -> TableName:
    """Return the full name that one to three parts mean in a session whose namespace is ``default``.

    Raises: InvalidNameError for more than three parts or none.
    """
    match parts:
        case (name,):
            return TableName(default.catalog, default.schema, name)
        case (schema, name):
            return TableName(default.catalog, schema, name)
        case (catalog, schema, name):
            return TableName(catalog, schema, name)
    raise InvalidNameError(f"{'.'.join(parts)!r} has {len(parts)} parts", hint="a table name is catalog.schema.table")
