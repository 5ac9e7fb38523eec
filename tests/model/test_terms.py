"""Terms: whatever a line says can be found by what is asked of the indexes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from huidu.model.log import Wanted
from huidu.model.terms import asked_letters, asked_words, digest, words_of


def test_a_text_is_asked_for_by_its_letters_three_at_a_time_to_its_last() -> None:
    assert asked_letters(Wanted(text="abcdefgh")) == '"abc" AND "def" AND "fgh"'
    assert asked_letters(Wanted(text="abc")) == '"abc"'
    assert asked_letters(Wanted(text="ab")) == ""
    assert asked_letters(Wanted(text='a"b')) == '"a""b"'
    assert asked_letters(Wanted(text="a\0b")) == ""


def test_chinese_is_found_by_each_two_letters() -> None:
    assert words_of("订单已付 and x 好") == "单已 已付 订单"
    assert asked_words(Wanted(text="订单")) == '"订单"'
    assert asked_words(Wanted(text="ab")) == ""
    assert asked_words(Wanted(text="订单已")) == ""  # three letters have an index of their own


def test_a_field_is_found_by_name_and_value_in_whatever_case() -> None:
    line = '{"user": "Bob", "orderId": 7}'
    assert set(words_of(line).split()) == {digest("user", "bob"), digest("orderId", "7")}
    asked = asked_words(Wanted(fields=(("user", "BOB"),)))
    assert asked == f'"{digest("user", "Bob")}"'
    assert digest("a", "bc") != digest("ab", "c")


def test_a_field_and_a_chinese_word_are_asked_for_together() -> None:
    asked = asked_words(Wanted(text="订单", fields=(("a", "1"),)))
    assert asked == f'"{digest("a", "1")}" AND "订单"'


@given(st.text(min_size=3))
def test_what_is_asked_for_is_in_the_text(text: str) -> None:
    for term in filter(None, asked_letters(Wanted(text=text)).split(" AND ")):
        letters = term[1:-1].replace('""', '"')
        if " AND " not in text:
            assert letters in text
