"""Lists of addresses: how they are read, and whom they let in."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huidu.model.errors import InvalidValue
from huidu.model.plan import Place
from huidu.model.strategy import IpStrategy, Limit, read_address, read_networks


def strategy(text: str, type_: str = "WHITE", **more: Any) -> IpStrategy:
    known = {"id": "IPStrategy-1", "service_id": "service-1", "name": "office"}
    return IpStrategy(**{**known, "type": type_, "text": text, **more})


@pytest.mark.parametrize(
    ("text", "address", "listed"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.9.9.9/8", "10.255.0.1", True),  # bits beyond the prefix do not matter
        ("10.0.0.1\n192.168.0.0/16", "192.168.7.7", True),
        ("10.0.0.1\\n192.168.0.0/16", "192.168.7.7", True),  # as some clients send it
        ("10.0.0.1; 192.168.0.0/16 ;", "192.168.7.7", True),
        ("\r\n10.0.0.1\r\n\r\n", "10.0.0.1", True),
        ("0.0.0.0/0", "203.0.113.9", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("2001:db8::/32", "2001:db8:1::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),  # IPv4 on a socket of IPv6
        ("::ffff:10.0.0.0/104", "10.1.2.3", True),
        ("fe80::/10", "fe80::1%eth0", True),
    ],
)
def test_an_address_is_listed_by_itself_or_by_its_network(
    text: str, address: str, *, listed: bool
) -> None:
    read = read_address(address)

    assert read is not None
    assert strategy(text).allows(read) is listed
    assert strategy(text, "BLACK").allows(read) is not listed


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "InvalidParameterValue.RangeExceeded"),
        (" \n ", "InvalidParameterValue.RangeExceeded"),
        ("10.0.0.1\n" * 1001, "InvalidParameterValue.RangeExceeded"),
        ("10.0.0.256", "InvalidParameterValue"),
        ("10.0.0.0/33", "InvalidParameterValue"),
        ("10.0.0.1-10.0.0.9", "InvalidParameterValue"),
        ("localhost", "InvalidParameterValue"),
        ("10.0.0.1,10.0.0.2", "InvalidParameterValue"),
        ("010.0.0.1", "InvalidParameterValue"),  # octal to some
    ],
)
def test_what_is_no_address_is_refused_when_it_is_written(text: str, code: str) -> None:
    with pytest.raises(InvalidValue, match="StrategyData") as refused:
        strategy(text)
    assert refused.value.code == code


def test_a_list_lets_in_or_keeps_out() -> None:
    with pytest.raises(InvalidValue, match="must be one of WHITE, BLACK"):
        strategy("10.0.0.1", "GREY")
    with pytest.raises(InvalidValue, match="StrategyName"):
        strategy("10.0.0.1", name="")


@pytest.mark.parametrize("text", ["", "unix", "10.0.0", "10.0.0.1:80", "::g"])
def test_a_caller_without_an_address_has_none(text: str) -> None:
    assert read_address(text) is None


@given(st.text())
def test_any_text_is_a_list_or_is_refused(text: str) -> None:
    read_address(text)
    with suppress(InvalidValue):
        assert read_networks(text)


@pytest.mark.parametrize("rate", [0, -2, 1_000_001])
def test_a_limit_has_a_range(rate: int) -> None:
    with pytest.raises(InvalidValue, match="-1, or 1 to 1000000"):
        Limit(Place("service-1", "", "test"), rate)
