"""Which names of the cloud's lead where, and that no other does."""

from __future__ import annotations

import pytest

from huidu.proxy.hosts import API, GATEWAY, Unknown, Way, way


@pytest.mark.parametrize(
    ("target", "end"),
    [
        ("scf.tencentcloudapi.com:443", API),
        ("sls.ap-guangzhou.tencentcloudapi.com:443", API),
        ("SLS.tencentcloudapi.COM:443", API),
        ("sls-cache-1250000000.cos.ap-guangzhou.myqcloud.com:443", API),
        ("b-1250000000.cos.ap-beijing.tencentcos.cn:443", API),
        ("service-ocnymoks-1258344699.gz.apigw.tencentcs.com:80", API),
        ("service-abcdefgh-1250000000.gz.apigw.tencentcs.com:443", GATEWAY),
    ],
)
def test_a_host_of_the_cloud_leads_to_the_server(target: str, end: str) -> None:
    host, _, port = target.lower().rpartition(":")

    assert way(target) == Way(host, end, port == "443")


@pytest.mark.parametrize(
    "target",
    [
        *("example.com:443", "tencentcloudapi.com:443", "tencentcloudapi.com.evil.com:443"),
        *("eviltencentcloudapi.com:443", "scf.tencentcloudapi.com.:443", "a..myqcloud.com:443"),
        *("evil.com/scf.tencentcloudapi.com:443", "evil.com#.tencentcloudapi.com:443"),
        *("user@scf.tencentcloudapi.com:443", "-.tencentcloudapi.com:443", "myqcloud.com:443"),
        *("127.0.0.1:443", "[::1]:443", "169.254.169.254:80", "0x7f000001:443", "localhost:443"),
        *("service-abcdefgh-1300000000.gz.apigw.tencentcs.com:443", "cos.myqcloud.com:443"),
        *("b-1250000000.cos.myqcloud.com:443", "scf.tencentcloudapi.com\n:443"),
        *("ſcf.tencentcloudapi.com:443", "a.b.c.d.e.tencentcloudapi.com:443"),
    ],
)
def test_any_other_host_leads_nowhere(target: str) -> None:
    with pytest.raises(Unknown, match=r"is not one of the cloud's hosts|must read HOST:PORT"):
        way(target)


@pytest.mark.parametrize("target", ["", "scf.tencentcloudapi.com", ":443", "a:b:443", "a:4430000"])
def test_what_is_no_host_and_port_is_told_what_would_be(target: str) -> None:
    with pytest.raises(Unknown, match="must read HOST:PORT"):
        way(target)


@pytest.mark.parametrize("port", ["22", "0", "8443", "65536"])
def test_other_ports_of_these_hosts_lead_nowhere(port: str) -> None:
    with pytest.raises(Unknown, match="leads nowhere; 443 and 80 do"):
        way(f"scf.tencentcloudapi.com:{port}")


def test_what_clients_report_is_refused_in_silence() -> None:
    with pytest.raises(Unknown) as refused:
        way("sp-notifications-and-metrics-v1.serverless-platform.com:443")
    assert refused.value.quiet
