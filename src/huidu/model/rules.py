"""Rules: which calls go to another version because of what they show."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import re2  # linear in the length of the value, whatever the expression

from huidu.model.errors import InvalidValue
from huidu.model.traits import Key, Traits

INTEGER = re.compile(r"[+-]?[0-9]{1,100}")
RANGE = re.compile(r"\s*([\[(])\s*([+-]?[0-9]{1,100})\s*[,，]\s*([+-]?[0-9]{1,100})\s*([\])])\s*")
MOST_EXPRESSION = 4096
MOST_VALUE = 4096  #: What `regex` looks at.

Matcher = Callable[[str], bool]


def exact(expression: str) -> Matcher:
    """The value is the expression, letter for letter."""
    return expression.__eq__


def in_range(expression: str) -> Matcher:
    """The value is a whole number inside `(a,b)`, `[a,b]`, `[a,b)` or `(a,b]` (D-25, D-26)."""
    read = RANGE.fullmatch(expression)
    if read is None:
        raise invalid(expression, "a range reads (a,b), [a,b], [a,b) or (a,b], a and b integers")
    opening, low, high, closing = read.groups()
    if int(low) > int(high):
        raise invalid(expression, f"the range is upside down: {low} > {high}")
    first = int(low) + (opening == "(")
    last = int(high) - (closing == ")")
    return lambda value: INTEGER.fullmatch(value) is not None and first <= int(value) <= last


def prefix(expression: str) -> Matcher:
    """The value begins with the expression."""
    if not expression:
        raise invalid(expression, "an empty prefix would match every call; name one")
    return lambda value: value.startswith(expression)


def regex(expression: str) -> Matcher:
    """The whole value matches an RE2 expression; RE2 has no back-references and no bad days.

    A value of more than 4096 characters never does: the time is linear, and is bounded by this.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        pattern = re2.compile(expression, options)
    except UnicodeEncodeError:
        raise invalid(expression, "not text: half a surrogate pair") from None
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace")
        raise invalid(expression, f"not a regular expression of RE2: {why}") from None
    # Half a surrogate pair, which JSON can spell, is a byte that nothing matches, not a crash.
    return lambda value: (
        len(value) <= MOST_VALUE
        and pattern.fullmatch(value.encode("utf-8", "surrogatepass")) is not None
    )


def one_of(expression: str) -> Matcher:
    """The value is one of a list: `alice, bob`."""
    values = frozenset(part for part in map(str.strip, re.split("[,，]", expression)) if part)
    if not values:
        raise invalid(expression, "name at least one value: a, b, c")
    return values.__contains__


#: How a value may be held against an expression. A new method is one function and one row.
METHODS: Mapping[str, Callable[[str], Matcher]] = {
    "exact": exact,
    "range": in_range,
    "prefix": prefix,
    "regex": regex,
    "in": one_of,
}


def invalid(expression: str, reason: str) -> InvalidValue:
    """The refusal of an expression: what was read, and what would be right."""
    return InvalidValue("RoutingConfig", f"Expression {expression[:100]!r}: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Calls whose `key` meets the `expression` go to `version`.

    The expression is read once, when the rule is made, and refused then and not when a customer
    calls. A call that does not show the key never meets a rule.
    """

    version: str
    key: str
    method: str
    expression: str
    _key: Key = field(init=False, repr=False, compare=False)
    _matches: Matcher = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidValue(
                "RoutingConfig",
                f"Method {self.method[:40]!r}: must be one of {', '.join(METHODS)}",
            )
        if len(self.expression) > MOST_EXPRESSION:
            raise invalid(self.expression, f"longer than {MOST_EXPRESSION} characters")
        object.__setattr__(self, "_key", Key(self.key))
        object.__setattr__(self, "_matches", METHODS[self.method](self.expression))

    def meets(self, traits: Traits) -> bool:
        """Tell whether a call meets this rule."""
        value = self._key.read(traits)
        return value is not None and self._matches(value)

    def shown(self, traits: Traits) -> str | None:
        """Return what the call shows under this rule's key, or None."""
        return self._key.read(traits)
