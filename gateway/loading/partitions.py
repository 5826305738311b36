"""``state, month(spud_date), bucket(16, id)`` → partition fields."""

import re

from catalog.errors import ColumnNotFoundError, InvalidDefinitionError
from catalog.schema import Schema
from catalog.tables import PartitionField

_TERM = re.compile(
    r"""\s*(?:(?P<transform>[A-Za-z]+)\s*\(\s*(?:(?P<first>\d+)\s*,\s*)?(?P<inner>`(?:[^`]|``)+`|"(?:[^"]|"")+"|[^,()]+?)
        (?:\s*,\s*(?P<last>\d+))?\s*\)|(?P<plain>`(?:[^`]|``)+`|"(?:[^"]|"")+"|[^,()]+?))\s*(?:,|\Z)""",
    re.VERBOSE,
)
_TRANSFORMS = {
    "identity": "identity",
    "year": "year",
    "years": "year",
    "month": "month",
    "months": "month",
    "day": "day",
    "days": "day",
    "hour": "hour",
    "hours": "hour",
    "bucket": "bucket",
    "truncate": "truncate",
}
_HINT = "write columns and transforms: state, month(spud_date), bucket(16, id)"


def parse_partitioning(text: str, schema: Schema) -> tuple[PartitionField, ...]:
    """Return the partition fields that ``text`` names, each column as the schema spells it.

    Raises: InvalidDefinitionError; ColumnNotFoundError with the nearest names.
    """
    fields: list[PartitionField] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TERM.match(text, position)
        if match is None:
            raise InvalidDefinitionError(f"{text[position:].strip()!r} is no partition term", hint=_HINT)
        fields.append(_field(match, schema))
        position = match.end()
    if len({field.name for field in fields}) < len(fields):
        raise InvalidDefinitionError(f"{text!r} names the same partition twice", hint=_HINT)
    return tuple(fields)


def _field(match: re.Match[str], schema: Schema) -> PartitionField:
    name = _column(match["inner"] or match["plain"], schema)
    if match["transform"] is None:
        return PartitionField(name, "identity", name)
    transform = _TRANSFORMS.get(match["transform"].lower())
    sizes = [size for size in (match["first"], match["last"]) if size is not None]
    sized = transform in ("bucket", "truncate")
    if transform is None or len(sizes) != sized or (sizes and int(sizes[0]) < 1):
        raise InvalidDefinitionError(f"{match[0].strip(' ,')!r} is no partition transform", hint=_HINT)
    if transform == "identity":
        return PartitionField(name, transform, name)
    full = f"{transform}[{int(sizes[0])}]" if sized else transform
    return PartitionField(name, full, f"{name}_{'trunc' if transform == 'truncate' else transform}")


def _column(text: str, schema: Schema) -> str:
    quote = text[0]
    name = text[1:-1].replace(quote * 2, quote) if quote in '`"' else text.strip()
    column = schema.find(name)
    if column is None:
        import difflib  # only on the error path

        near = difflib.get_close_matches(name.lower(), [one.name for one in schema], n=3, cutoff=0.4)
        names = near or [one.name for one in schema][:8]
        raise ColumnNotFoundError(f"there is no column {name!r} to partition by", hint=f"there is {', '.join(names)}")
    return column.name
