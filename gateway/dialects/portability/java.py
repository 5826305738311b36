"""How Java prints numbers, which names columns made of literals."""

import math


def double_text(value: float) -> str:
    """Return Double.toString of JDK 19 and later."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    sign = "-" if value < 0 else ""
    digits = repr(abs(value))
    if "e" in digits:
        mantissa = digits.partition("e")[0]
        plain = mantissa.replace(".", "")
        power = int(digits.partition("e")[2])
    else:
        whole, _, fraction = digits.partition(".")
        plain = (whole + fraction).lstrip("0")
        power = len(whole) - 1 if whole != "0" else -(len(fraction) - len(fraction.lstrip("0")) + 1)
    plain = plain.rstrip("0") or "0"
    if -3 <= power < 7:
        return sign + _plain(plain, power)
    return f"{sign}{plain[0]}.{plain[1:] or '0'}E{power}"


def _plain(digits: str, power: int) -> str:
    if power < 0:
        return "0." + "0" * (-power - 1) + digits
    whole, fraction = digits[: power + 1].ljust(power + 1, "0"), digits[power + 1 :]
    return f"{whole}.{fraction or '0'}"
