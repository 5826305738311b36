"""LIKE patterns of SHOW."""

import pytest

from gateway.commands.answer import like


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        (None, "wells", True),
        ("wells", "Wells", True),
        ("w%", "wells", True),
        ("w*", "wells", True),
        ("%ell%", "wells", True),
        ("_ells", "wells", True),
        ("well", "wells", False),
        ("x|w*", "wells", True),
        ("", "wells", False),
        ("a_b", "a_b", True),
    ],
)
def test_patterns(pattern: str | None, name: str, expected: bool) -> None:
    assert like(pattern, name) is expected
