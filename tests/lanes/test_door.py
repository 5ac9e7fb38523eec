"""Which requests a lane may answer, by their bytes."""

from __future__ import annotations

import pytest

from huidu.lanes.door import Seen, look

ID = "0123456789ab"
GET = f"GET /url/{ID}/ HTTP/1.1\r\nHost: here:9001\r\n"
POST = f"POST /url/{ID}?a=b HTTP/1.1\r\nhost: here\r\n"


@pytest.mark.parametrize(
    ("said", "size"),
    [
        (GET + "\r\n", len(GET) + 2),
        (GET + "\r\nGET / HTTP/1.1\r\n\r\n", len(GET) + 2),
        (GET + "Accept: */*\r\n\r\n", len(GET) + 15),
        (POST + "Content-Length: 5\r\n\r\nhe", len(POST) + 26),
        (f"PUT /url/{ID} HTTP/1.1\r\n\r\n", 34),
    ],
)
def test_a_usual_request_is_known_by_its_url_and_its_size(said: str, size: int) -> None:
    assert look(said.encode()) == Seen(ID, size)


@pytest.mark.parametrize(
    "said",
    [
        GET,
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /service-12345678/ HTTP/1.1\r\n\r\n",
        f"GET /url/{ID}x/ HTTP/1.1\r\n\r\n",
        f"GET /url/{ID.upper()}/ HTTP/1.1\r\n\r\n",
        f"GET /url%2F{ID}/ HTTP/1.1\r\n\r\n",
        f"GET http://here/url/{ID}/ HTTP/1.1\r\n\r\n",
        f"GET /url/{ID}/ HTTP/1.0\r\n\r\n",
        f"get /url/{ID}/ HTTP/1.1\r\n\r\n",
        GET + "Host: there\r\n\r\n",
        GET + "Upgrade: websocket\r\n\r\n",
        GET + "EXPECT: 100-continue\r\n\r\n",
        POST + "Transfer-Encoding: chunked\r\n\r\n",
        POST + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        POST + "Content-Length: -5\r\n\r\n",
        POST + "Content-Length : 999999999\r\n\r\n",
        f"GET /url/{ID}/ HTTP/1.1\r\nHost: 1300000000-ba9876543210.here\r\n\r\n",
        f"GET /url/{ID}/ HTTP/1.1\r\nHost: service-12345678-1300000000.here:80\r\n\r\n",
        "\r\n" + GET + "\r\n",
        GET + "A: b\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_all_else_is_for_the_server_to_read(said: str) -> None:
    assert look(said.encode()) is None
