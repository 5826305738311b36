"""Regular expressions: what Java's Pattern and RE2 provably read alike.

The common subset: literals of ASCII letters, digits and harmless punctuation, escapes of punctuation, ``\\d \\w
\\s``, ``.``,
plain character classes, groups, ``|``, greedy ``* + ? {n,m}``, and ``^ $`` at the ends. Java's ``$`` also matches
before a final
line break and its ``.`` skips more line breaks than RE2's, so both are spelled out.
"""

import re

_TOKEN = re.compile(
    r"""(?P<escape>\\[dDwW.\\\-+*?()\[\]{}|^$/,:;@_!%&=~'"<># ])
    |(?P<space>\\[sS])
    |(?P<line>\\[tnr])
    |(?P<klass>\[\^?(?:[A-Za-z0-9 _.,:;/@!%=~'"<>#*+?(){}|$-]|\\[dws.\\\-+*?()\[\]{}|^$/])+\])
    |(?P<group>\((?!\?)|\(\?:)
    |(?P<close>\))
    |(?P<repeat>[*+?]|\{\d{1,3}(?:,\d{0,3})?\})
    |(?P<any>\.)
    |(?P<or>\|)
    |(?P<start>\^)
    |(?P<end>\$)
    |(?P<text>[A-Za-z0-9 _\-,:;/@!%&=~'"<>#])""",
    re.VERBOSE,
)
_ANY = r"[^\n\r\x{85}\x{2028}\x{2029}]"
_META = set("\\.[]{}()*+?^$|")
_SPACES = r"\t\n\x0B\f\r "


def translate(pattern: str, *, nonempty: bool = False) -> str | None:
    """Return the RE2 pattern of the same meaning; None outside the common subset.

    With ``nonempty`` also None when the pattern can match nothing: the engines step on differently then.
    """
    result, at, before, depth = [], 0, "", 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            return None
        kind, token = match.lastgroup or "", match[0]
        if kind == "repeat" and before in ("", "group", "or", "repeat", "start", "end"):
            return None
        if kind == "start" and at != 0:
            return None
        if kind == "end" and match.end() != len(pattern):
            return None
        if kind == "klass" and not _fine_class(token):
            return None
        depth += {"group": 1, "close": -1}.get(kind, 0)
        if depth < 0:
            return None
        result.append(_spelled(kind, token))
        at, before = match.end(), kind
    if depth:
        return None
    translated = "".join(result)
    if nonempty and _matches_nothing(pattern):
        return None
    return translated


def _spelled(kind: str, token: str) -> str:
    if kind == "any":
        return _ANY
    if kind == "end":
        return r"(?:\n|\r\n?|\x{85}|\x{2028}|\x{2029})?\z"
    if kind == "space":
        return f"[{_SPACES}]" if token == r"\s" else f"[^{_SPACES}]"
    if kind == "klass":
        return token.replace(r"\s", _SPACES)
    return token


def _fine_class(token: str) -> bool:
    inside = token[1:-1].removeprefix("^")
    if "&&" in inside or "[" in inside.replace(r"\[", ""):
        return False
    for match in re.finditer(r"(.)-(.)", inside[1:] and inside):
        low, high = match[1], match[2]
        if not (low.isalnum() and high.isalnum() and low <= high) and "-" not in (inside[0], inside[-1]):
            return False
    return True


def _matches_nothing(pattern: str) -> bool:
    try:
        return re.compile(pattern.replace(r"\z", r"\Z")).match("") is not None or (
            "|" in pattern and re.search(pattern, "") is not None
        )
    except re.error:
        return True


def groups(pattern: str) -> int:
    """Return how many capturing groups a pattern of the subset has."""
    return len(re.findall(r"(?<!\\)\((?!\?)", re.sub(r"\[[^\]]*\]", "", pattern)))


def plain_text(pattern: str) -> str | None:
    """Return the text a pattern without metacharacters stands for; None for a real pattern."""
    result, at = [], 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\" and at + 1 < len(pattern) and not pattern[at + 1].isalnum():
            result.append(pattern[at + 1])
            at += 2
            continue
        if character in _META:
            return None
        result.append(character)
        at += 1
    return "".join(result)


def replacement(written: str, count: int) -> str | None:
    """Return RE2's form of a Java replacement; None when it is not plain."""
    result, at = [], 0
    while at < len(written):
        if written[at] == "\\":
            return None
        if written[at] == "$":
            if not re.fullmatch(r"\d", written[at + 1 : at + 2]) or int(written[at + 1]) > count:
                return None
            if written[at + 2 : at + 3].isdigit():
                return None
            result.append("\\" + written[at + 1])
            at += 2
            continue
        result.append(written[at])
        at += 1
    return "".join(result)
