"""The portable functions. One row per function and signature; a row is the only thing to add for a new one."""

from gateway.dialects.portability.functions import (
    aggregates,
    conditionals,
    dates,
    more,
    nested,
    numbers,
    ranking,
    strings,
)
from gateway.dialects.portability.functions.calls import call, special
from gateway.dialects.portability.functions.registry import TABLE, Function

FAMILIES = (aggregates, conditionals, dates, more, nested, numbers, ranking, strings)
"""The modules whose rows make the table."""

__all__ = ["FAMILIES", "TABLE", "Function", "call", "special"]
