"""One header more in each head that has none, and not a byte else, however the stream is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracing.protocols.http_inject import HeaderStarter

ADDED = b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /0 HTTP/1.0\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHOST:a\r\ncontent-LENGTH: 9\r\n\r\n\r\n\r\nGET /",
    b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;e=1\r\n\r\n\r\r\n00A\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
    b"PUT /y HTTP/1.1\r\nTraceParent: given\r\nContent-Length: 0\r\n\r\n",
    b"POST /z HTTP/1.1\r\nExpect: 100-continue\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\n!",
)


def starter() -> HeaderStarter:
    return HeaderStarter(b"traceparent", lambda has_one: ADDED[13:-2])


def expected(request: bytes) -> bytes:
    if b"TraceParent" in request:
        return request
    end = request.index(b"\r\n\r\n") + 2
    return request[:end] + ADDED + request[end:]


def through(data: bytes, cuts: list[int]) -> bytes:
    one = starter()
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    passed = b"".join(one.feed(data[a:b]) for a, b in pairwise(edges))
    return passed + one.release()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=5), st.lists(st.integers(0, 2000), max_size=40)
)
def test_exactly_one_header_is_added(requests: list[bytes], cuts: list[int]) -> None:
    assert through(b"".join(requests), cuts) == b"".join(map(expected, requests))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(REQUESTS),
    st.binary(max_size=60),
    st.integers(0, 200),
    st.lists(st.integers(0, 300), max_size=9),
)
def test_nothing_is_lost_whatever_comes(request: bytes, junk: bytes, kept: int, cuts: list[int]) -> None:
    data = request[:kept] + junk
    assert through(data, cuts).replace(ADDED, b"") == data


@pytest.mark.parametrize(
    "data",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 40,
        b"\x16\x03\x01 hello \r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n" + b"x" * 70_000,
    ],
)
def test_what_is_not_certain_passes_unchanged(data: bytes) -> None:
    one = starter()
    assert one.feed(data) + one.release() == data
    assert one.off


def test_an_offer_to_upgrade_waits_for_its_answer() -> None:
    offer = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    declined, taken, hasty = starter(), starter(), starter()
    for one in (declined, taken, hasty):
        assert one.feed(offer) == expected(offer)
    declined.answered(False)
    assert declined.feed(REQUESTS[0]) == expected(REQUESTS[0])
    taken.answered(True)
    assert taken.feed(REQUESTS[0]) == REQUESTS[0]
    assert hasty.feed(REQUESTS[0]) == REQUESTS[0]
    assert hasty.off
