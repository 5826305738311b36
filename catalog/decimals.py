"""Decimals as unscaled integers and back, exactly: Python's default context would round at 28 digits."""

from decimal import Context, Decimal

_EXACT = Context(prec=100)


def unscaled(value: Decimal | int, scale: int) -> int:
    """Return ``value`` times ten to the ``scale``."""
    return int(Decimal(value).scaleb(scale, _EXACT))


def scaled(number: int, scale: int) -> Decimal:
    """Return ``number`` divided by ten to the ``scale``."""
    return Decimal(number).scaleb(-scale, _EXACT)


def to_bytes(number: int) -> bytes:
    """Return the shortest two's complement, big-endian. Source: Iceberg table spec, single-value serialization."""
    bits = (number if number >= 0 else ~number).bit_length()
    return number.to_bytes(bits // 8 + 1, "big", signed=True)


def from_bytes(content: bytes, scale: int) -> Decimal:
    """Return the decimal of an unscaled two's complement, big-endian."""
    return scaled(int.from_bytes(content, "big", signed=True), scale)
