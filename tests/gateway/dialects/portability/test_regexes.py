"""Which regular expressions both engines read alike."""

import pytest

from gateway.dialects.portability import regexes


@pytest.mark.parametrize("pattern", ["abc", "^[a-z]+$", r"\d{3}-\d+", "(a|b)c?", r"a\.b", "[^0-9 ]*x", r"\w+@\w+"])
def test_plain_patterns_are_carried_over(pattern: str) -> None:
    assert regexes.translate(pattern) is not None


@pytest.mark.parametrize(
    "pattern",
    [r"(?i)a", r"a(?=b)", r"(a)\1", r"a++", r"\p{L}", "[a&&b]", "a{2}{3}", r"\bword", "é", "(a", "a)", "*a", "a^b"],
)
def test_what_java_and_re2_read_differently_is_refused(pattern: str) -> None:
    assert regexes.translate(pattern) is None


@pytest.mark.parametrize("pattern", ["a*", "a?", "(a|)", "^"])
def test_a_pattern_that_matches_nothing_is_refused_where_it_would_be_repeated(pattern: str) -> None:
    assert regexes.translate(pattern, nonempty=True) is None


def test_replacements_name_groups_in_each_tongue() -> None:
    assert regexes.replacement("$2-$1", 2) == r"\2-\1"
    assert regexes.replacement("$3", 2) is None
    assert regexes.replacement(r"\$", 1) is None
