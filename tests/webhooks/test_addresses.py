"""Which addresses a webhook may be posted to."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from huidu.model.errors import InvalidValue
from huidu.webhooks.addresses import check_url, refusal, why_not

NOTHING = ()


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "10.0.0.5", "172.16.3.4", "192.168.1.5", "100.64.0.1"),
        *("2001:4860:4860::8888", "fd12:3456::1", "::ffff:10.0.0.5", "64:ff9b::8.8.8.8"),
    ],
)
def test_the_internet_and_private_networks_may_be_posted_to(address: str) -> None:
    assert why_not(ip_address(address), NOTHING) == ""


@pytest.mark.parametrize(
    ("address", "what"),
    [
        *(("127.0.0.1", "itself"), ("127.8.9.1", "itself"), ("::1", "itself")),
        *(("0.0.0.0", "itself"), ("0.1.2.3", "itself"), ("::ffff:0.0.0.0", "itself")),  # noqa: S104
        *(("169.254.169.254", "link-local"), ("169.254.0.23", "link-local")),
        *(("fe80::1", "link-local"), ("100.100.100.200", "metadata"), ("168.63.129.16", "meta")),
        *(("192.0.0.192", "metadata"), ("fd00:ec2::254", "metadata")),
        *(("224.0.0.1", "multicast"), ("ff02::1", "multicast")),
        *(("::", "nobody"), ("240.0.0.1", "nobody"), ("255.255.255.255", "everybody")),
        *(("::ffff:127.0.0.1", "itself"), ("::ffff:169.254.169.254", "link-local")),
        *(("64:ff9b::127.0.0.1", "itself"), ("64:ff9b::a9fe:a9fe", "link-local")),
        *(("2002:7f00:1::", "itself"), ("2002:a9fe:a9fe::1", "link-local")),
        ("::127.0.0.1", "itself"),
    ],
)
def test_the_machine_itself_and_what_tells_of_it_may_not(address: str, what: str) -> None:
    assert what in why_not(ip_address(address), NOTHING)


def test_what_is_allowed_by_name_may_be_posted_to() -> None:
    allow = (ip_network("127.0.0.0/8"), ip_network("fe80::/10"))

    for address in ("127.0.0.1", "::ffff:127.0.0.1", "fe80::1"):
        assert why_not(ip_address(address), allow) == ""
    assert why_not(ip_address("::1"), allow)


@pytest.mark.parametrize(
    "url", ["http://h", "https://h:8443/a?b=c", "http://10.0.0.1:80/x", "https://[fd12::1]/x"]
)
def test_a_url_is_of_http_and_names_a_host(url: str) -> None:
    assert check_url(url, NOTHING) == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "h", "//h", "ftp://h", "file:///etc/passwd", "http://", "http:///x"),
        *("http://u@h", "http://u:p@h", "http://h/#x", "http://h:99999", "http://h:x"),
        *("http://h/ x", "http://h/\n", "http://h/é", "http://[::1", "http://127.0.0.1/"),
        *("http://169.254.169.254/", "http://[fe80::1%25eth0]/", "http://h/" + "x" * 2048),
    ],
)
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue, match=r"^Url"):
        check_url(url, NOTHING)


def test_a_name_is_looked_up_when_it_is_connected_to() -> None:
    assert refusal("localhost", NOTHING) == ""
