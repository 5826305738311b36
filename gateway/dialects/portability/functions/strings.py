"""Functions of text. Characters are code points in both engines; case and graphemes are where they part."""

from collections.abc import Callable, Sequence

from gateway.dialects.portability import regexes
from gateway.dialects.portability.functions.registry import Call, scalar, shown
from gateway.dialects.portability.typed import Typed
from gateway.dialects.portability.types import BIGINT, BINARY, BOOLEAN, INT, STRING, array, text

_STRINGS = array(STRING)


def _constant(call: Call, index: int, what: str) -> str:
    value = call[index].value
    if not isinstance(value, str):
        raise call.refuse(f"{what} with a computed argument", "only constants are checked beforehand")
    return value


def _joined(call: Call) -> str:
    if not call.arguments:
        return "''"
    return " || ".join(argument.sql for argument in call.arguments)


def _arrays_joined(call: Call) -> str:
    parts = [call.walk.cast(argument, call.type, call.node).sql for argument in call.arguments]
    known = " OR ".join(f"{part} IS NULL" for part in parts)
    return f"CASE WHEN {known} THEN NULL ELSE {' || '.join(parts)} END"


def _pad(side: str) -> Callable[[Call], str]:
    def body(call: Call) -> str:
        value, length = call[0].sql, call[1].sql
        pad = call[2].sql if len(call.arguments) > 2 else "' '"
        return (
            f"CASE WHEN {value} IS NULL OR {pad} IS NULL THEN NULL WHEN {length} <= 0 THEN ''"
            f" WHEN {pad} = '' THEN left({value}, {length}) ELSE {side}pad({value}, {length}, {pad}) END"
        )

    return body


def _pad_name(side: str) -> Callable[[Sequence[Typed]], str | None]:
    return lambda a: f"{side}pad({a[0].name}, {a[1].name}, {a[2].name if len(a) > 2 else ' '})"


def _substring(call: Call) -> str:
    value, start = call[0].sql, call[1]
    length = call[2] if len(call.arguments) > 2 else None
    if isinstance(start.value, int) and start.value > 0:
        if length is None:
            return f"substring({value}, {start.value})"
        if isinstance(length.value, int) and length.value > 0:
            return f"substring({value}, {start.value}, {length.value})"
    return f"hg_substring({value}, {start.sql}, {length.sql if length is not None else '2147483647'})"


def _substring_name(name: str) -> Callable[[Sequence[Typed]], str | None]:
    return lambda a: f"{name}({a[0].name}, {a[1].name}, {a[2].name if len(a) > 2 else '2147483647'})"


def _locate(call: Call) -> str:
    sub, value = call[0].sql, call[1].sql
    if len(call.arguments) == 2 or call[2].value == 1:
        return f"CASE WHEN {sub} = '' AND {value} IS NOT NULL THEN 1 ELSE strpos({value}, {sub}) END"
    return f"hg_locate({sub}, {value}, {call[2].sql})"


def _split(call: Call) -> str:
    pattern = _constant(call, 1, "split")
    if len(call.arguments) > 2 and call[2].value != -1:
        raise call.refuse("split with a limit", "not in the portable set")
    literal = regexes.plain_text(pattern)
    if literal is not None and literal:
        return f"string_split({call[0].sql}, {text(literal)})"
    if not literal and pattern == "":
        raise call.refuse("split by nothing", "not in the portable set")
    return f"string_split_regex({call[0].sql}, {text(_regex(call, pattern, nonempty=True))})"


def _regex(call: Call, pattern: str, *, nonempty: bool = False) -> str:
    translated = regexes.translate(pattern, nonempty=nonempty)
    if translated is None:
        raise call.refuse(f"regular expression {pattern!r}", "outside what RE2 and Java read alike")
    return translated


def _regexp_like(call: Call) -> str:
    return f"regexp_matches({call[0].sql}, {text(_regex(call, _constant(call, 1, 'rlike')))})"


def _group(call: Call, index: int, pattern: str) -> int:
    group = call[index].value if len(call.arguments) > index else 1
    if not isinstance(group, int) or not 0 <= group <= regexes.groups(pattern):
        raise call.refuse("regexp_extract", "the group is computed or missing")
    return group


def _regexp_extract(call: Call) -> str:
    pattern = _constant(call, 1, "regexp_extract")
    return f"regexp_extract({call[0].sql}, {text(_regex(call, pattern))}, {_group(call, 2, pattern)})"


def _regexp_extract_all(call: Call) -> str:
    pattern = _constant(call, 1, "regexp_extract_all")
    translated = _regex(call, pattern, nonempty=True)
    return f"regexp_extract_all({call[0].sql}, {text(translated)}, {_group(call, 2, pattern)})"


def _regexp_replace(call: Call) -> str:
    pattern = _regex(call, _constant(call, 1, "regexp_replace"), nonempty=True)
    replacement = regexes.replacement(_constant(call, 2, "regexp_replace"), regexes.groups(pattern))
    if replacement is None or len(call.arguments) > 3:
        raise call.refuse("regexp_replace", "the replacement is outside what both engines read alike")
    return f"regexp_replace({call[0].sql}, {text(pattern)}, {text(replacement)}, 'g')"


def _regexp_count(call: Call) -> str:
    pattern = _regex(call, _constant(call, 1, "regexp_count"), nonempty=True)
    return f"len(regexp_extract_all({call[0].sql}, {text(pattern)}))"


def _regexp_substr(call: Call) -> str:
    pattern = _regex(call, _constant(call, 1, "regexp_substr"), nonempty=True)
    return f"nullif(regexp_extract({call[0].sql}, {text(pattern)}), '')"


def _substring_index(call: Call) -> str:
    value, delimiter, count = call[0].sql, call[1].sql, call[2].value
    if not isinstance(count, int) or not isinstance(call[1].value, str) or len(call[1].value) != 1:
        raise call.refuse("substring_index", "only a constant count and a delimiter of one character")
    if count == 0:
        return f"CASE WHEN {value} IS NOT NULL THEN '' END"
    parts = f"string_split({value}, {delimiter})"
    piece = f"{parts}[1:{count}]" if count > 0 else f"{parts}[greatest(len({parts}) + 1 - {-count}, 1):]"
    return f"CASE WHEN {value} IS NOT NULL THEN array_to_string({piece}, {delimiter}) END"


def _split_part(call: Call) -> str:
    value, delimiter, part = call[0].sql, call[1].sql, call[2].value
    if not isinstance(part, int) or part == 0 or not call[1].value:
        raise call.refuse("split_part", "only a constant part and delimiter")
    return f"split_part({value}, {delimiter}, {part})"


def _elt(call: Call) -> str:
    cases = "".join(f" WHEN {i} THEN {a.sql}" for i, a in enumerate(call.arguments[1:], 1))
    error = "CAST(CAST('headgate index: elt' AS BIGINT) AS VARCHAR)"
    return f"CASE WHEN {call[0].sql} IS NULL THEN NULL ELSE CASE {call[0].sql}{cases} ELSE {error} END END"


def _overlay(call: Call) -> str:
    value, new, start = call[0].sql, call[1].sql, call[2]
    if not isinstance(start.value, int) or start.value < 1:
        raise call.refuse("overlay", "only a constant place from 1 on")
    if len(call.arguments) > 3:
        length = call[3]
        if not isinstance(length.value, int):
            raise call.refuse("overlay", "only a constant length")
        skip = str(length.value) if length.value >= 0 else f"length({new})"
    else:
        skip = f"length({new})"
    return f"left({value}, {start.value - 1}) || {new} || hg_substring({value}, {start.value} + {skip}, 2147483647)"


def _like(call: Call) -> str:
    from gateway.dialects.portability.expressions import like

    return like(call.walk, call[0], call.node.expressions[1], call.node, insensitive=False).sql


def _encoded(call: Call) -> str:
    if _constant(call, 1, "encode").upper() != "UTF-8":
        raise call.refuse("encode", "only UTF-8")
    return f"encode({call[0].sql})"


def _sha2(call: Call) -> str:
    if call[1].value not in (0, 256):
        raise call.refuse("sha2", "only 256 bits")
    return f"sha256({call[0].sql})"


scalar("lower lcase", "string", STRING, "hg_lower({0})", "$(s)", "$('ABC')")
scalar("upper ucase", "string", STRING, "hg_upper({0})", "$(s)", "$('abc')")
scalar("length char_length character_length len", "string", INT, "length({0})", "$(s)", "$(i)", "$(d)", "$(dt)")
scalar("length len", "binary", INT, "octet_length({0})", "$(bin)")
scalar("octet_length", "string", INT, "strlen({0})", "$(s)")
scalar("octet_length", "binary", INT, "octet_length({0})", "$(bin)")
scalar("bit_length", "string", INT, "strlen({0}) * 8", "$(s)")
scalar("bit_length", "binary", INT, "octet_length({0}) * 8", "$(bin)")
scalar(
    "trim ltrim rtrim btrim", "string", STRING, lambda call: f"{_side(call)}({call[0].sql}, ' ')", "$(s)", "$('  a b ')"
)
for _name, _side_name in (("trim", "BOTH"), ("ltrim", "LEADING"), ("rtrim", "TRAILING")):
    scalar(
        _name,
        "string string",
        STRING,
        _name + "({1}, {0})",
        "$('ab', s)",
        "$('', s)",
        name=shown(f"TRIM({_side_name} {{0}} FROM {{1}})"),
    )
scalar("btrim", "string string", STRING, "trim({0}, {1})", "$(s, 'ab')")
scalar("concat", "string*", STRING, _joined, "$(s, 'x')", "$(s, i, d)", "$('a', dt)", "$()", "$(b, n)")
scalar("concat", "array array*", lambda a: a[0].type, _arrays_joined, "$(ai, array(1))", "$(ai, ai)")
scalar(
    "concat_ws",
    "string string*",
    STRING,
    lambda c: (
        f"concat_ws({', '.join(a.sql for a in c.arguments)})"
        if len(c.arguments) > 1
        else f"CASE WHEN {c[0].sql} IS NOT NULL THEN '' END"
    ),
    "$(',', s, 'x')",
    "$(',', s, i)",
    "$(s, 'a', 'b')",
    "$(',')",
    "$(null, 'a')",
)
scalar(
    "lpad",
    "string int string?",
    STRING,
    _pad("l"),
    "$(s, 3)",
    "$(s, 5, 'xy')",
    "$(s, 4, '')",
    "$(s, -1, 'x')",
    name=_pad_name("l"),
)
scalar(
    "rpad",
    "string int string?",
    STRING,
    _pad("r"),
    "$(s, 3)",
    "$(s, 5, 'xy')",
    "$(s, 4, '')",
    "$(s, 0, 'x')",
    name=_pad_name("r"),
)
for _name in ("substring", "substr"):
    scalar(
        _name,
        "string int int?",
        STRING,
        _substring,
        "$(s, 1, 2)",
        "$(s, 0, 2)",
        "$(s, -2)",
        "$(s, -3, 2)",
        "$(s, 2)",
        "$(s, -9, 8)",
        "$(s, i, 2)",
        "$(s, 1, -1)",
        "$(s, 1, i)",
        name=_substring_name(_name),
    )
scalar(
    "left",
    "string int",
    STRING,
    "CASE WHEN {0} IS NULL OR {1} > 0 THEN left({0}, {1}) WHEN {1} <= 0 THEN '' END",
    "$(s, 2)",
    "$(s, 0)",
    "$(s, -1)",
    "$(s, i)",
)
scalar(
    "right",
    "string int",
    STRING,
    "CASE WHEN {0} IS NULL OR {1} > 0 THEN right({0}, {1}) WHEN {1} <= 0 THEN '' END",
    "$(s, 2)",
    "$(s, 0)",
    "$(s, -1)",
    "$(s, i)",
)
scalar(
    "instr",
    "string string",
    INT,
    "CASE WHEN {1} = '' AND {0} IS NOT NULL THEN 1 ELSE strpos({0}, {1}) END",
    "$(s, 'a')",
    "$(s, '')",
    "$(s, s)",
)
for _name in ("locate", "position"):
    scalar(
        _name,
        "string string int?",
        INT,
        _locate,
        "$('a', s)",
        "$('', s)",
        "$('a', s, 2)",
        "$('b', s, 0)",
        "$('a', s, i)",
        "$('', s, 3)",
        name=shown(_name + "({0}, {1}, {2})", "1"),
    )
scalar(
    "replace",
    "string string string?",
    STRING,
    lambda c: f"replace({c[0].sql}, {c[1].sql}, {c[2].sql if len(c.arguments) > 2 else text('')})",
    "$(s, 'a', 'zz')",
    "$(s, 'a')",
    "$(s, '', 'x')",
    "$(s, 'b', null)",
    name=lambda a: f"replace({a[0].name}, {a[1].name}, {a[2].name if len(a) > 2 else ''})",
)
scalar("translate", "string string string", STRING, "translate({0}, {1}, {2})", "$(s, 'ab', 'xy')", "$(s, 'abc', 'x')")
scalar(
    "repeat",
    "string int",
    STRING,
    "repeat({0}, CASE WHEN {1} < 0 THEN 0 ELSE {1} END)",
    "$(s, 2)",
    "$(s, 0)",
    "$(s, -1)",
    "$(s, null)",
)
scalar("reverse", "string", STRING, "hg_ascii_only({0}, reverse({0}))", "$('abc')", "$('')")
scalar("reverse", "array", "$0", "list_reverse({0})", "$(ai)")
scalar("ascii", "string", INT, "CASE WHEN {0} = '' THEN 0 ELSE unicode({0}) END", "$(s)")
scalar(
    "chr char",
    "bigint",
    STRING,
    "CASE WHEN {0} < 0 THEN '' ELSE chr(CAST({0} & 255 AS INTEGER)) END",
    "$(65)",
    "$(353)",
    "$(-1)",
    "$(233)",
    "$(null)",
)
scalar(
    "initcap",
    "string",
    STRING,
    "hg_ascii_only({0}, array_to_string(list_transform(string_split(lower({0}), ' '),"
    " lambda hg_w: upper(hg_w[1]) || hg_w[2:]), ' '))",
    "$('hello wORLD a')",
    "$('')",
    "$('a-b  c')",
)
scalar("startswith", "string string", BOOLEAN, "starts_with({0}, {1})", "$(s, 'a')", "$(s, '')", "$(s, s)")
scalar("endswith", "string string", BOOLEAN, "ends_with({0}, {1})", "$(s, 'a')", "$(s, '')", "$(s, s)")
scalar("contains", "string string", BOOLEAN, "contains({0}, {1})", "$(s, 'a')", "$(s, '')", "$(s, s)")
scalar(
    "split",
    "string string int?",
    _STRINGS,
    _split,
    "$(s, ',')",
    "$(s, '[0-9]+')",
    "$('a.b', '[.]')",
    "$('', ',')",
    name=lambda a: f"split({a[0].name}, {a[1].name}, {a[2].name if len(a) > 2 else -1})",
)
scalar(
    "split_part",
    "string string int",
    STRING,
    _split_part,
    "$('a,b,c', ',', 2)",
    "$('a,b,c', ',', -1)",
    "$('a,b', ',', 5)",
    "$(s, ',', 1)",
    "$(s, 'b', -1)",
)
scalar(
    "substring_index",
    "string string int",
    STRING,
    _substring_index,
    "$('a.b.c', '.', 2)",
    "$('a.b.c', '.', -2)",
    "$('a.b.c', '.', 0)",
    "$('abc', '.', -1)",
    "$(s, 'b', 1)",
    "$(s, 'b', -5)",
)
scalar(
    "find_in_set",
    "string string",
    INT,
    "CASE WHEN contains({0}, ',') THEN CASE WHEN {1} IS NOT NULL THEN 0 END"
    " WHEN {0} IS NULL OR {1} IS NULL THEN NULL"
    " ELSE coalesce(list_position(string_split({1}, ','), {0}), 0) END",
    "$('b', 'a,b,c')",
    "$('x', 'a,b')",
    "$('a,b', 'a,b')",
    "$('', 'a,,b')",
    "$(s, 'abc,b')",
)
scalar("elt", "int string string*", STRING, _elt, "$(1, s, 'x')", "$(2, s, 'x')", "$(3, 'a', 'b')", raises=True)
scalar("space", "int", STRING, "repeat(' ', CASE WHEN {0} < 0 THEN 0 ELSE {0} END)", "$(2)", "$(0)", "$(-1)")
scalar(
    "overlay",
    "string string int int?",
    STRING,
    _overlay,
    "$(s, '_', 2)",
    "$('Spark SQL', 'CORE', 7)",
    "$('Spark SQL', 'ANSI ', 7, 0)",
    "$('Spark SQL', 'tructured', 2, 4)",
    name=lambda a: f"overlay({a[0].name}, {a[1].name}, {a[2].name}, {a[3].name if len(a) > 3 else -1})",
)
scalar(
    "levenshtein",
    "string string",
    INT,
    "CAST(hg_ascii_only({0} || {1}, CAST(levenshtein({0}, {1}) AS VARCHAR)) AS INTEGER)",
    "$('kitten', 'sitting')",
    "$('', 'abc')",
    "$('a', null)",
)
for _name in ("regexp_like", "rlike", "regexp"):
    scalar(
        _name,
        "string string",
        BOOLEAN,
        _regexp_like,
        "$(s, 'a')",
        "$(s, '^[a-z]+$')",
        "$(s, '\\\\d+')",
        "$(s, '[^a-c ]')",
        "$(s, 'a.b|c$')",
        name=shown(_name.upper() + "({0}, {1})"),
    )
scalar(
    "regexp_extract",
    "string string int?",
    STRING,
    _regexp_extract,
    "$('100-200', '(\\\\d+)-(\\\\d+)', 1)",
    "$('100-200', '(\\\\d+)-(\\\\d+)', 2)",
    "$(s, '([a-z]+)', 1)",
    "$(s, 'x(y)?', 1)",
    "$(s, '([a-z]+)')",
    name=lambda a: f"regexp_extract({a[0].name}, {a[1].name}, {a[2].name if len(a) > 2 else 1})",
)
scalar(
    "regexp_extract_all",
    "string string int?",
    _STRINGS,
    _regexp_extract_all,
    "$('100-200, 300-400', '(\\\\d+)-(\\\\d+)', 1)",
    "$(s, '([a-z])')",
    name=lambda a: f"regexp_extract_all({a[0].name}, {a[1].name}, {a[2].name if len(a) > 2 else 1})",
)
scalar(
    "regexp_replace",
    "string string string",
    STRING,
    _regexp_replace,
    "$(s, 'a', 'b')",
    "$('100-200', '(\\\\d+)', 'num')",
    "$('ab12', '([a-z]+)([0-9]+)', '$2-$1')",
    name=lambda a: f"regexp_replace({a[0].name}, {a[1].name}, {a[2].name}, 1)",
)
scalar("regexp_count", "string string", INT, _regexp_count, "$(s, 'a')", "$('a1b2', '[0-9]')")
scalar("regexp_substr", "string string", STRING, _regexp_substr, "$('a1b2', '[0-9]')", "$(s, 'zz')")
scalar("like", "string string", BOOLEAN, _like, "$(s, 'a%')", name=lambda a: f"{a[0].name} LIKE {a[1].name}")
scalar("base64", "binary", STRING, "to_base64({0})", "$(bin)", "$(x'616263')")
scalar("hex", "bigint", STRING, "to_hex({0})", "$(i)", "$(l)")
scalar("hex", "string", STRING, "hex({0})", "$(s)")
scalar("hex", "binary", STRING, "hex({0})", "$(bin)")
scalar("bin", "bigint", STRING, "to_binary({0})", "$(i)", "$(l)")
scalar(
    "unhex",
    "string",
    BINARY,
    "CASE WHEN regexp_full_match({0}, '[0-9a-fA-F]*')"
    " THEN unhex(CASE WHEN strlen({0}) % 2 = 1 THEN '0' ELSE '' END || {0}) END",
    "$('616263')",
    "$('GG')",
    "$('F')",
    "$('')",
)
scalar("md5", "string", STRING, "md5({0})", "$(s)")
scalar("sha sha1", "string", STRING, "sha1({0})", "$(s)")
scalar("sha2", "string int", STRING, _sha2, "$(s, 256)", "$(s, 0)")
scalar("is_valid_utf8", "string", BOOLEAN, "CASE WHEN {0} IS NOT NULL THEN true END", "$(s)")
scalar("make_valid_utf8 validate_utf8 try_validate_utf8", "string", STRING, "{0}", "$(s)")
scalar(
    "mask",
    "string",
    STRING,
    "hg_ascii_only({0}, regexp_replace(regexp_replace(regexp_replace({0}, '[A-Z]', 'X', 'g'), '[a-z]', 'x', 'g'),"
    " '[0-9]', 'n', 'g'))",
    "$('AbCD123-@$#')",
    name=lambda a: f"mask({a[0].name}, X, x, n, NULL)",
)
scalar(
    "url_encode",
    "string",
    STRING,
    "replace(replace(replace(url_encode({0}), '%20', '+'), '%2A', '*'), '~', '%7E')",
    "$('https://a b?x=~*é')",
    "$(s)",
)
scalar("encode", "string string", BINARY, _encoded, "$(s, 'utf-8')")


def _side(call: Call) -> str:
    name = call.node.name.lower()
    return "trim" if name == "btrim" else name


__all__ = ["BIGINT"]
