"""headgate's reader of Spark SQL 4.3 in ANSI mode, on top of sqlglot's.

sqlglot reads Spark as it was before ANSI mode and folds its functions into nodes of its own. This reader keeps
what was written, because both the meaning and the names of result columns hang on it:

- A function call is ``exp.Anonymous`` with the name as written, whatever the function; aggregates too. Only what
  has a syntax of its own is a node: CAST and TRY_CAST (``exp.Cast``, ``exp.TryCast``), CASE, IF, EXTRACT(… FROM …),
  TRIM(BOTH … FROM …), POSITION(… IN …) (``exp.StrPosition``), the operators and predicates. Around a call:
  ``exp.Distinct`` as first argument, ``exp.WithinGroup``, ``exp.Filter``, ``exp.IgnoreNulls``, ``exp.RespectNulls``,
  ``exp.Window``; ``exp.Kwarg`` for named arguments; ``exp.Lambda``.
- A unit keyword (``timestampadd(HOUR, …)``) is ``exp.Var``, upper case.
- CAST is ``exp.Cast`` and raises. ``DATE '…'`` and kin are ``exp.Cast`` with ``meta["typed_literal"]``; ``1L`` and
  ``2.5BD`` are ``exp.Cast`` of the number with ``meta["literal"]``, the text as written. A minus that touches a number
  belongs to the literal.
- ``exp.Interval.this`` is a string literal; ``meta["sql"]`` holds the text as written.
- Operators bind as in Spark's SqlBaseParser.g4: unary, ``* / % DIV``, ``+ - ||``, shifts, ``&``, ``^``, ``|``,
  comparisons (one level), one predicate, NOT, AND, OR.
"""

from collections.abc import Callable
from typing import Any, ClassVar, cast

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import ParseError
from sqlglot.generators.spark import SparkGenerator
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokenizer_core import Token, TokenType

from gateway.errors import NotAllowedError

UNITS = frozenset(
    (
        *("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DAYOFYEAR"),
        *("HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"),
    )
)
_INTERVAL_UNITS = frozenset(unit + plural for unit in (*(UNITS - {"DAYOFYEAR"}), "NANOSECOND") for plural in ("", "S"))
_UNIT_FUNCTIONS = ("TIMESTAMPADD", "DATEADD", "DATE_ADD", "TIMESTAMPDIFF", "DATEDIFF", "DATE_DIFF", "TIMEDIFF")
_COMPARISONS: dict[TokenType, type[exp.Binary]] = {
    TokenType.EQ: exp.EQ,
    TokenType.NEQ: exp.NEQ,
    TokenType.LT: exp.LT,
    TokenType.LTE: exp.LTE,
    TokenType.GT: exp.GT,
    TokenType.GTE: exp.GTE,
    TokenType.NULLSAFE_EQ: exp.NullSafeEQ,
}
_TYPED_LITERALS = (
    exp.DType.DATE,
    exp.DType.TIMESTAMP,
    exp.DType.TIMESTAMPTZ,
    exp.DType.TIMESTAMPLTZ,
    exp.DType.TIMESTAMPNTZ,
    exp.DType.TIME,
)
_AFTER_ATOM = frozenset((TokenType.COMMA, TokenType.R_PAREN))
_Parse = Callable[["HeadgateSparkParser"], Any]


def _closed(parse: _Parse) -> _Parse:
    """Return the parser of a function's inside that insists on the closing parenthesis; sqlglot lets it be missing."""

    def run(parser: "HeadgateSparkParser") -> Any:
        node = parse(parser)
        if not parser._match(TokenType.R_PAREN, advance=False):
            parser.raise_error("expected )")
        return node

    return run


def _typed_literal(parser: "HeadgateSparkParser", this: exp.Expr, to: exp.DataType) -> exp.Expr:
    node = parser.expression(exp.Cast(this=this, to=to))
    node.meta["typed_literal"] = True
    return node


def _current(parser: "HeadgateSparkParser") -> exp.Expr:
    """Return ``current_date`` without parentheses as a column, which Spark tries first, or the call."""
    name = parser._prev
    if parser._match(TokenType.L_PAREN):
        call = exp.Anonymous(this=name.text, expressions=[]).update_positions(name)
        parser._match_r_paren(call)
        return cast("exp.Expr", call)
    identifier = exp.Identifier(this=name.text, quoted=False).update_positions(name)
    return parser.expression(exp.Column(this=identifier))


class HeadgateSparkParser(SparkParser):
    STRICT_CAST = True
    ADD_JOIN_ON_TRUE = False
    STRING_ALIASES = False
    COLON_IS_VARIANT_EXTRACT = True
    BRACKETS = frozenset((TokenType.L_BRACKET,))
    SUPPORTS_TABLE_QUERY = True

    FUNCTIONS: ClassVar[dict[str, Callable[..., Any]]] = {}
    FUNCTIONS_WITH_ALIASED_ARGS: ClassVar[set[str]] = set()
    NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[Any, Any]] = {
        "CASE": lambda self: self._parse_case(),
        "IF": lambda self: self._parse_if(),
        **dict.fromkeys(
            ("CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_USER", "SESSION_USER", "CURRENT_TIME"), _current
        ),
    }
    FUNCTION_PARSERS: ClassVar[dict[Any, Any]] = {
        "CAST": _closed(lambda self: self._parse_cast(True)),
        "TRY_CAST": _closed(lambda self: self._parse_cast(False, safe=True)),
        "EXTRACT": _closed(lambda self: self._parse_extract_from()),
        "TRIM": _closed(lambda self: self._parse_trim_call()),
        "POSITION": _closed(lambda self: self._parse_position_call()),
        "SUBSTRING": _closed(lambda self: self._parse_substring_call()),
        "SUBSTR": _closed(lambda self: self._parse_substring_call()),
        "OVERLAY": _closed(lambda self: self._parse_overlay_call()),
        "TRANSFORM": _closed(lambda self: self._parse_transform_call()),
        **dict.fromkeys(_UNIT_FUNCTIONS, _closed(lambda self: self._parse_unit_call())),
    }
    PLACEHOLDER_PARSERS: ClassVar[dict[Any, Any]] = {
        TokenType.PLACEHOLDER: lambda self: exp.Placeholder().update_positions(self._prev),
        TokenType.COLON: lambda self: self._parse_named_parameter(),
    }
    COLUMN_OPERATORS: ClassVar[dict[Any, Any]] = {
        key: SparkParser.COLUMN_OPERATORS[key] for key in (TokenType.DOT, TokenType.DCOLON)
    }
    TYPE_LITERAL_PARSERS: ClassVar[dict[Any, Any]] = {
        **dict.fromkeys(_TYPED_LITERALS, _typed_literal),
    }

    def raise_error(self, message: str, token: Token | None = None) -> None:
        """Raise a ParseError whose only entry holds sqlglot's description and the token, None at the end."""
        raise ParseError(message, [{"description": message, "token": token or self._curr or None}])

    # Expressions, loosest first.

    def _parse_equality(self, parse_is: bool = True) -> exp.Expr | None:  # noqa: ARG002
        if self._next.token_type in _AFTER_ATOM and (atom := self._parse_atom()) is not None:
            return atom  # long IN lists and most arguments end here, ten calls earlier
        if self._match_set((TokenType.NOT, TokenType.EXCLAMATION)):
            node = self.expression(exp.Not(this=self._parse_equality()))
            node.meta["prefix"] = True  # NOT x IS NULL and x IS NOT NULL name their columns differently
            return node
        this = self._parse_comparisons()
        index = self._index
        this = self._parse_range(this, parse_is=True)
        if self._index != index and self._curr.token_type in _COMPARISONS:
            self.raise_error("a comparison cannot follow a predicate; put the predicate in parentheses")
        return this

    def _parse_comparisons(self) -> exp.Expr | None:
        this = self._parse_bitwise()
        while self._curr.token_type in _COMPARISONS:
            operator = _COMPARISONS[self._curr.token_type]
            self._advance()
            this = self.expression(operator(this=this, expression=self._parse_bitwise()))
        return this

    def _parse_bitwise(self) -> exp.Expr | None:
        this = self._parse_bit_xor()
        while self._match(TokenType.PIPE):
            this = self.expression(exp.BitwiseOr(this=this, expression=self._parse_bit_xor()))
        return this

    def _parse_bit_xor(self) -> exp.Expr | None:
        this = self._parse_bit_and()
        while self._match(TokenType.CARET):
            this = self.expression(exp.BitwiseXor(this=this, expression=self._parse_bit_and()))
        return this

    def _parse_bit_and(self) -> exp.Expr | None:
        this = self._parse_shift()
        while self._match(TokenType.AMP):
            this = self.expression(exp.BitwiseAnd(this=this, expression=self._parse_shift()))
        return this

    def _parse_shift(self) -> exp.Expr | None:
        this = self._parse_term()
        while True:
            operator = self._curr
            if self._match_pair(TokenType.LT, TokenType.LT):
                this = self.expression(exp.BitwiseLeftShift(this=this, expression=self._parse_term()))
            elif self._match_pair(TokenType.GT, TokenType.GT):
                if self._match(TokenType.GT):
                    self.raise_error(">>> is not supported; write shiftrightunsigned(x, n)", operator)
                this = self.expression(exp.BitwiseRightShift(this=this, expression=self._parse_term()))
            else:
                return this

    def _parse_term(self, parse_mod: bool = True) -> exp.Expr | None:  # noqa: ARG002
        this = self._parse_factor()
        while True:
            if self._match(TokenType.PLUS):
                this = self.expression(exp.Add(this=this, expression=self._parse_factor()))
            elif self._match(TokenType.DASH):
                this = self.expression(exp.Sub(this=this, expression=self._parse_factor()))
            elif self._match(TokenType.DPIPE):
                this = self.expression(exp.DPipe(this=this, expression=self._parse_factor()))
            else:
                return this

    def _parse_factor(self, parse_mod: bool = True) -> exp.Expr | None:  # noqa: ARG002
        this = self._parse_unary()
        while this and self._match_set((TokenType.STAR, TokenType.SLASH, TokenType.MOD, TokenType.DIV)):
            operator = self._prev
            right = self._parse_unary()
            if right is None and operator.token_type == TokenType.DIV:
                self._retreat(self._index - 1)  # an alias named div
                return this
            this = self.expression(self.FACTOR[operator.token_type](this=this, expression=right))
        return this

    def _parse_unary(self) -> exp.Expr | None:
        if self._match(TokenType.DASH):
            operator = self._prev
            if self._curr.token_type == TokenType.NUMBER and operator.end + 1 == self._curr.start:
                return self._parse_negative_number()
            return self.expression(exp.Neg(this=self._parse_unary())).update_positions(operator)
        if self._match(TokenType.PLUS):
            operator = self._prev
            call = exp.Anonymous(this="positive", expressions=[self._parse_unary()])
            return self.expression(call).update_positions(operator)
        if self._match(TokenType.TILDE):
            return self.expression(exp.BitwiseNot(this=self._parse_unary()))
        this = self._parse_type()
        while this is not None and self._match(TokenType.COLLATE):
            this = self.expression(exp.Collate(this=this, expression=self._parse_id_var()))
        return this

    def _parse_negative_number(self) -> exp.Expr | None:
        """Parse ``-1``, whose minus is part of the literal, and what is applied to it: ``-1::string``."""
        number = self._parse_type()
        leaf = number
        while leaf is not None and not isinstance(leaf, exp.Literal):
            leaf = leaf.args.get("this")
        if leaf is None:
            return self.expression(exp.Neg(this=number))
        outer = leaf.parent
        if isinstance(outer, exp.Cast) and "literal" in outer.meta:
            leaf = outer
        negative = exp.Neg()
        if leaf is number:
            negative.set("this", leaf)
            return self.expression(negative)
        leaf.replace(negative)
        negative.set("this", leaf)
        return number

    def build_cast(self, strict: bool, **kwargs: Any) -> exp.Expr:
        suffix = self._prev.text
        this = kwargs["this"]
        node = super().build_cast(strict, **kwargs)
        connected = (
            isinstance(this, exp.Literal) and not this.is_string and suffix.upper() in Spark.Tokenizer.NUMERIC_LITERALS
        )
        if connected and self.sql[self._prev.start : self._prev.end + 1] == this.name + suffix:
            node.meta["literal"] = this.name + suffix
        return node

    def _parse_primary(self) -> exp.Expr | None:
        first = self._curr
        node = super()._parse_primary()
        if isinstance(node, exp.Concat) and first.token_type == TokenType.STRING:
            text = "".join(part.name for part in node.expressions)
            return exp.Literal.string(text).update_positions(first)  # adjacent literals are one literal
        return node

    def _parse_bracket(self, this: exp.Expr | None = None) -> exp.Expr | None:
        """Parse ``x[i]``; sqlglot's would take ``array(1)[0]`` and a column named array for constructors."""
        while this is not None and self._match(TokenType.L_BRACKET):
            index = self._parse_disjunction()
            if not self._match(TokenType.R_BRACKET):
                self.raise_error("expected ]")
            this = self.expression(exp.Bracket(this=this, expressions=[index]))
        return this

    def _parse_interval(  # its switches are other dialects'
        self,
        require_interval: bool = True,  # noqa: ARG002
        parse_function_unit: bool = True,  # noqa: ARG002
    ) -> exp.Interval | None:
        start = self._curr
        index = self._index
        if not self._match(TokenType.INTERVAL):
            return None
        terms = []
        while (term := self._parse_interval_term()) is not None:
            terms.append(term)
        if not terms or (len(terms) > 1 and not all(unit for _, unit in terms)):
            self._retreat(index)
            return None
        to = self._advance_any() if self._match_text_seq("TO") else None
        if len(terms) == 1:
            value, name = terms[0]
            unit: exp.Expr | None = exp.var(name) if name else None
        else:
            value, unit = " ".join(f"{number} {name}" for number, name in terms), None
        if to is not None:
            unit = exp.IntervalSpan(this=unit, expression=exp.var(to.text.upper()))
        node = self.expression(exp.Interval(this=exp.Literal.string(value), unit=unit))
        node.meta["sql"] = self._find_sql(start, self._prev)
        return node.update_positions(start)

    def _parse_interval_term(self) -> tuple[str, str] | None:
        """Return number and unit of ``1 day``; the unit is empty for a text that carries its own."""
        index = self._index
        sign = ""
        if self._match_set((TokenType.DASH, TokenType.PLUS)):
            sign = "-" if self._prev.token_type == TokenType.DASH else ""
        if not self._match_set((TokenType.STRING, TokenType.NUMBER)):
            self._retreat(index)
            return None
        value = self._prev
        if self._curr.text.upper() in _INTERVAL_UNITS and self._curr.token_type != TokenType.IDENTIFIER:
            self._advance()
            return sign + value.text, self._prev.text.upper()
        if value.token_type == TokenType.STRING and not sign:
            return value.text, ""
        self._retreat(index)
        return None

    def _parse_named_parameter(self) -> exp.Expr | None:
        """Parse ``:name``; its span begins at the colon."""
        colon = self._prev
        if not self._match_set(self.COLON_PLACEHOLDER_TOKENS):
            return None
        name = self._prev
        node = exp.Placeholder(this=name.text).update_positions(colon)
        node.meta["end"] = name.end
        return node

    # Calls with a syntax of their own.

    def _call(self, name: Any, arguments: list[Any]) -> exp.Anonymous:
        return self.expression(exp.Anonymous(this=name.text, expressions=arguments))

    def _name_token(self) -> Any:
        return self._tokens[self._index - 2]

    def _parse_unit_call(self) -> exp.Expr:
        name = self._name_token()
        unit = None
        keyword = self._curr.token_type != TokenType.STRING and self._curr.text.upper() in UNITS
        if keyword and self._next.token_type == TokenType.COMMA:
            unit = exp.var(self._curr.text.upper())
            self._advance(2)
        arguments: list[Any] = self._parse_function_args(True)
        return self._call(name, [unit, *arguments] if unit is not None else arguments)

    def _parse_transform_call(self) -> exp.Expr:
        call = self._call(self._name_token(), self._parse_function_args(True))
        if self._next.token_type == TokenType.USING or self._next.text.upper() in ("ROW", "RECORDWRITER"):
            raise NotAllowedError(
                "TRANSFORM scripts are not allowed: statements cannot start processes",
                line=self._curr.line,
                column=self._curr.col,
            )
        return call

    def _parse_extract_from(self) -> exp.Expr:
        name = self._name_token()
        index = self._index
        field = self._advance_any()
        if field is not None and self._match(TokenType.FROM):
            return self.expression(exp.Extract(this=exp.var(field.text.upper()), expression=self._parse_bitwise()))
        self._retreat(index)
        return self._call(name, self._parse_function_args(True))

    def _parse_trim_call(self) -> exp.Expr:
        name = self._name_token()
        side = self._prev.text.upper() if self._match_texts(("BOTH", "LEADING", "TRAILING")) else None
        if side and self._match(TokenType.FROM):
            return self.expression(exp.Trim(this=self._parse_bitwise(), position=side))
        arguments: list[Any] = self._parse_function_args(True)
        if self._match(TokenType.FROM):
            return self.expression(
                exp.Trim(this=self._parse_bitwise(), expression=arguments[0], position=side or "BOTH")
            )
        if side:
            self.raise_error("expected FROM")
        return self._call(name, arguments)

    def _parse_position_call(self) -> exp.Expr:
        name = self._name_token()
        needle = self._parse_bitwise()
        if self._match(TokenType.IN):
            return self.expression(exp.StrPosition(this=self._parse_bitwise(), substr=needle))
        arguments: list[Any] = [needle]
        if self._match(TokenType.COMMA):
            arguments += self._parse_function_args(True)
        return self._call(name, arguments)

    def _parse_substring_call(self) -> exp.Expr:
        name = self._name_token()
        arguments: list[Any] = self._parse_function_args(True)
        if len(arguments) == 1 and self._match(TokenType.FROM):
            arguments.append(self._parse_bitwise())
            if self._match(TokenType.FOR):
                arguments.append(self._parse_bitwise())
        return self._call(name, arguments)

    def _parse_overlay_call(self) -> exp.Expr:
        name = self._name_token()
        arguments: list[Any] = self._parse_function_args(False)
        if len(arguments) == 1 and self._match_text_seq("PLACING"):
            arguments.append(self._parse_bitwise())
            if not self._match(TokenType.FROM):
                self.raise_error("expected FROM")
            arguments.append(self._parse_bitwise())
            if self._match(TokenType.FOR):
                arguments.append(self._parse_bitwise())
        return self._call(name, arguments)


class HeadgateSpark(Spark):
    """Spark SQL in ANSI mode, as text and as the user wrote it."""

    SAFE_DIVISION = False
    NORMALIZE_FUNCTIONS = False

    class Tokenizer(Spark.Tokenizer):
        STRING_ESCAPES: ClassVar[list[str]] = ["\\", "'", '"']
        IDENTIFIER_ESCAPES: ClassVar[list[str]] = ["`"]

    Parser = HeadgateSparkParser

    class Generator(SparkGenerator):
        pass
