"""Which calls meet a rule, and which rules are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue
from huidu.model.routing_key import traits_of
from huidu.model.rules import METHODS, MOST_EXPRESSION, Rule
from huidu.model.traits import NO_TRAITS, Traits

USER = "invoke.headers.User"
HUGE = 10**99


def rule(method: str, expression: str, key: str = USER) -> Rule:
    return Rule(version="2", key=key, method=method, expression=expression)


def meets(method: str, expression: str, value: str) -> bool:
    return rule(method, expression).meets(Traits(headers={"User": value}))


@pytest.mark.parametrize(
    ("expression", "inside", "outside"),
    [
        ("[1,50]", ["1", "30", "50"], ["0", "51", "-1"]),
        ("(1,50)", ["2", "49"], ["1", "50"]),
        ("[1,50)", ["1", "49"], ["0", "50"]),
        ("(1,50]", ["2", "50"], ["1", "51"]),
        ("[1，50]", ["1", "50"], ["0", "51"]),
        (" [ 1 ,\t50 ] ", ["1", "50"], ["0", "51"]),
        ("[-5,+5]", ["-5", "-0", "+5", "0"], ["-6", "6"]),
        ("[-10,-5)", ["-10", "-6"], ["-5", "-11"]),
        ("[007,008]", ["7", "8", "007", "+08"], ["6", "9"]),
        ("[5,5]", ["5"], ["4", "6"]),
        ("[0,0)", [], ["-1", "0", "1"]),
        ("(0,0]", [], ["-1", "0", "1"]),
        ("(0,0)", [], ["-1", "0", "1"]),
        ("(0,1)", [], ["0", "1"]),
        (f"[{HUGE},{HUGE + 1}]", [str(HUGE), str(HUGE + 1)], [str(HUGE - 1), str(HUGE + 2), "1"]),
        (f"[{-HUGE},{HUGE}]", ["0", str(-HUGE)], [str(HUGE * 10), "9" * 1000]),
    ],
)
def test_a_range_counts_the_ends_that_its_brackets_count(
    expression: str, inside: list[str], outside: list[str]
) -> None:
    """D-25; an empty interval is stored, and never hits."""
    hit = [value for value in (*inside, *outside) if meets("range", expression, value)]

    assert hit == inside


@given(
    low=st.integers(),
    wide=st.integers(0, 10**6),
    brackets=st.tuples(st.sampled_from("[("), st.sampled_from("])")),
    comma=st.sampled_from([",", "，", " , "]),
    value=st.integers(),
)
def test_a_range_is_the_inequality_that_it_reads_as(
    low: int, wide: int, brackets: tuple[str, str], comma: str, value: int
) -> None:
    high = low + wide
    opening, closing = brackets
    ours = rule("range", f"{opening}{low}{comma}{high}{closing}")
    for seen in (value, low - 1, low, low + 1, high - 1, high, high + 1):
        above = low <= seen if opening == "[" else low < seen
        below = seen <= high if closing == "]" else seen < high
        assert ours.meets(Traits(headers={"User": str(seen)})) is (above and below)


@pytest.mark.parametrize(
    ("sent", "hits"),
    [
        ('{"User":30}', True),
        ('{"User":"30"}', True),
        ('{"User":"+30"}', True),
        ('{"User":80}', False),
        ('{"User":30.0}', False),
        ('{"User":"30.0"}', False),
        ('{"User":3e1}', False),
        ('{"User":true}', False),
        ('{"User":null}', False),
        ('{"User":[30]}', False),
        ('{"User":"thirty"}', False),
        ('{"User":"0x1e"}', False),
        ('{"User":"3_0"}', False),
        ('{"User":" 30"}', False),
        ('{"User":"30\\n"}', False),
        ('{"User":"٣٠"}', False),
        ('{"User":""}', False),
        ('{"user":30}', False),
        ("{}", False),
        ("", False),
    ],
)
def test_only_a_whole_number_lies_in_a_range(sent: str, *, hits: bool) -> None:
    """D-26: what a RoutingKey shows, held against `[1,50]`."""
    assert rule("range", "[1,50]").meets(traits_of(sent, None)) is hits


@pytest.mark.parametrize(
    ("expression", "sent", "hits"),
    [
        ("Bob", '{"User":"Bob"}', True),
        ("Bob", '{"User":"bob"}', False),
        ("Bob", '{"User":"Bob "}', False),
        ("Bob", '{"user":"Bob"}', False),
        ("Bob", "{}", False),
        ("鲍勃", '{"User":"\\u9c8d\\u52c3"}', True),
        ("30", '{"User":30}', True),
        ("30", '{"User":"30"}', True),
        ("30", '{"User":30.0}', False),
        ("30.0", '{"User":30.0}', True),
        ("true", '{"User":true}', True),
        ("True", '{"User":true}', False),
        ("1", '{"User":true}', False),
        ("false", '{"User":false}', True),
        ("null", '{"User":null}', False),
        ("{}", '{"User":{}}', False),
        ("[]", '{"User":[]}', False),
        ("", '{"User":""}', True),
        ("", "{}", False),
    ],
)
def test_exact_is_letter_for_letter(expression: str, sent: str, *, hits: bool) -> None:
    """D-26: a number is its JSON text, a bool is a word; objects never match."""
    assert rule("exact", expression).meets(traits_of(sent, None)) is hits


@pytest.mark.parametrize(
    ("method", "expression", "value", "hits"),
    [
        ("prefix", "vip-", "vip-7", True),
        ("prefix", "vip-", "vip-", True),
        ("prefix", "vip-", "VIP-7", False),
        ("prefix", "vip-", "a vip-7", False),
        ("prefix", " ", " x", True),
        ("in", "alice, bob", "alice", True),
        ("in", "alice, bob", "bob", True),
        ("in", "alice, bob", " bob", False),
        ("in", "alice, bob", "alice, bob", False),
        ("in", "alice, bob", "", False),
        ("in", ",alice,,", "alice", True),
        ("in", ",alice,,", "", False),
        ("regex", "vip-[0-9]+", "vip-7", True),
        ("regex", "vip-[0-9]+", "a vip-7", False),
        ("regex", "vip-[0-9]+", "vip-7 ", False),
        ("regex", "vip-[0-9]+", "vip-7\n", False),
        ("regex", "a|ab", "ab", True),
        ("regex", "(?i)bob", "BOB", True),
        ("regex", "鲍.", "鲍勃", True),
        ("regex", "", "", True),
        ("regex", "", "x", False),
        ("regex", ".*a.{300}", "ba" + "c" * 300, True),
        ("regex", ".*a.{300}", "ba" + "c" * 301, False),
    ],
)
def test_prefix_in_and_regex(method: str, expression: str, value: str, *, hits: bool) -> None:
    assert meets(method, expression, value) is hits


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("(a+)+$", "a" * 50_000 + "b"),
        ("(a|aa)+$", "a" * 50_000 + "b"),
        ("(a|a?)+$", "a" * 50_000 + "b"),
        ("(.*a){12}", "a" * 11 + "b" * 50_000),
        ("([a-zA-Z]+)*1", "z" * 50_000),
        ("(x+x+)+y", "x" * 50_000),
    ],
)
def test_no_regex_can_be_made_to_think_for_hours(expression: str, value: str) -> None:
    assert not meets("regex", expression, value)


@pytest.mark.parametrize("method", METHODS)
def test_half_a_surrogate_pair_is_a_value_like_any_other(method: str) -> None:
    """JSON can spell what UTF-8 cannot; a call that shows it is answered by the main version."""
    ours = rule(method, "[1,50]")

    assert not ours.meets(traits_of(r'{"User":"\ud800"}', None))
    assert not ours.meets(traits_of(r'{"User":"1\udfff"}', None))


@given(method=st.sampled_from(sorted(METHODS)), value=st.text(st.characters()))
def test_no_value_upsets_a_rule(method: str, value: str) -> None:
    assert meets(method, "[1,50]", value) in (True, False)


@pytest.mark.parametrize(
    ("method", "expression"),
    [
        ("range", ""),
        ("range", "1,50"),
        ("range", "[1,50"),
        ("range", "1,50]"),
        ("range", "[1;50]"),
        ("range", "[1,50,100]"),
        ("range", "[,50]"),
        ("range", "[1,]"),
        ("range", "[1.5,50]"),
        ("range", "[a,b]"),
        ("range", "[- 1,50]"),
        ("range", "[--1,50]"),
        ("range", "{1,50}"),
        ("range", "[١,٥]"),
        ("range", f"[0,{'9' * 101}]"),
        ("range", "[50,1]"),
        ("range", "(1,0)"),
        ("range", "[+1,-1]"),
        ("prefix", ""),
        ("in", ""),
        ("in", " , ,"),
        ("regex", "("),
        ("regex", "["),
        ("regex", "a**"),
        ("regex", "\\"),
        ("regex", r"(a)\1"),
        ("regex", "(?=a)"),
        ("regex", "a{1001}"),
        ("regex", r"(\pL{1,30}.*){20}"),
        ("regex", "\ud800"),
        *((method, "x" * (MOST_EXPRESSION + 1)) for method in METHODS),
    ],
)
def test_an_expression_is_refused_when_it_is_written(method: str, expression: str) -> None:
    """Not when a customer calls; and the refusal shows what was read and what would be right."""
    with pytest.raises(InvalidValue) as refused:
        rule(method, expression)

    assert refused.value.code == "InvalidParameterValue.RoutingConfig"
    assert refused.value.message.startswith(f"Expression {expression[:100]!r}: ")
    assert len(refused.value.message) < 500


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("[50,1]", "Expression '[50,1]': the range is upside down: 50 > 1"),
        (
            "[a,b]",
            "Expression '[a,b]': a range reads (a,b), [a,b], [a,b) or (a,b], a and b integers",
        ),
    ],
)
def test_a_refused_range_says_what_is_wrong_with_it(expression: str, message: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        rule("range", expression)

    assert refused.value.message == message


def test_a_refused_regex_says_what_is_wrong_with_it() -> None:
    with pytest.raises(InvalidValue) as refused:
        rule("regex", "(a")

    assert refused.value.message == (
        "Expression '(a': not a regular expression of RE2: missing ): (a"
    )


def test_a_refused_regex_is_told_to_its_writer_and_not_to_the_log(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InvalidValue):
        rule("regex", "(a")

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("method", ["", "Exact", "equals", "x" * 5000])
def test_a_method_that_there_is_not_is_refused(method: str) -> None:
    with pytest.raises(InvalidValue, match=r"^Method '") as refused:
        rule(method, "Bob")

    assert refused.value.code == "InvalidParameterValue.RoutingConfig"
    assert refused.value.message.endswith("must be one of exact, range, prefix, regex, in")
    assert len(refused.value.message) < 200


def test_a_key_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"^Key 'User': must be one of "):
        rule("exact", "Bob", key="User")


@pytest.mark.parametrize("method", METHODS)
def test_the_longest_expression_is_taken(method: str) -> None:
    longest = "[1,50]".ljust(MOST_EXPRESSION) if method == "range" else "x" * MOST_EXPRESSION

    assert rule(method, longest).expression == longest


@pytest.mark.parametrize(
    ("key", "traits", "hits"),
    [
        (USER, Traits(headers={"user": "Bob"}, folded=True), True),
        ("invoke.headers.uSER", Traits(headers={"user": "Bob"}, folded=True), True),
        ("invoke.headers.user", Traits(headers={"User": "Bob"}), False),
        ("invoke.cookies.sid", Traits(cookies={"sid": "Bob"}), True),
        ("invoke.query.who", Traits(query={"who": "Bob"}), True),
        ("invoke.source_ip", Traits(source_ip="Bob"), True),
        (USER, NO_TRAITS, False),
        ("invoke.source_ip", NO_TRAITS, False),
    ],
)
def test_a_rule_looks_where_its_key_says(key: str, traits: Traits, *, hits: bool) -> None:
    ours = rule("exact", "Bob", key=key)

    assert ours.meets(traits) is hits
    assert ours.shown(traits) == ("Bob" if hits else None)


@pytest.mark.parametrize("method", METHODS)
def test_what_a_call_does_not_show_meets_no_rule(method: str) -> None:
    assert not rule(method, "[0,0]").meets(NO_TRAITS)


@given(expression=st.text(max_size=40), method=st.sampled_from(sorted(METHODS)))
def test_an_expression_comes_back_as_it_was_given(expression: str, method: str) -> None:
    """D-25: byte for byte, spaces and full-width commas included."""
    try:
        ours = rule(method, expression)
    except InvalidValue:
        return
    assert ours.expression == expression
    assert ours == rule(method, expression)
