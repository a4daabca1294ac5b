"""The HTTP watcher finds the same exchanges however the bytes are cut, and survives bytes that are none."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.taps.hops import KeyEncoder
from collector.taps.http import HttpCounters, HttpWatcher
from collector.taps.http_context import StartingWatcher
from collector.taps.observe_http import HttpObserver
from tests.taps.world import SEALER, Kept, interfaces

ERP = {
    "name": "erp",
    "kind": "http",
    "listen": "127.0.0.1:0",
    "upstream": "http://127.0.0.1:1",
    "routes": ["POST /a"],
    "keys": [{"kind": "account", "pointer": "/r"}],
}
EXCHANGES = [
    (
        b'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"r": "A"}',
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
        201,
    ),
    (b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 200),
    (b"GET /a HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n", 204),
    (
        b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\r\nu\r\n0\r\nTrace: 1\r\n\r\n",
        b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 422 No\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\nno\r\n0\r\nContent-Encoding: gzip\r\n\r\n",
        422,
    ),
    (
        b"POST /a HTTP/1.1\r\nupgrade: h2c\r\nconnection: upgrade\r\nContent-Length: 4\r\n\r\nPRI ",
        b"HTTP/1.1 304 Not\r\nContent-Length: 7\r\n\r\n",
        304,
    ),
]


def watcher(sink: Kept, context: str = "none") -> tuple[HttpWatcher, HttpObserver, HttpCounters]:
    """One connection's watcher."""
    (interface,) = interfaces(ERP | {"context": context})
    observer = HttpObserver(interface, KeyEncoder(SEALER), sink)  # type: ignore[arg-type]
    counters = HttpCounters()
    kind = StartingWatcher if context == "start" else HttpWatcher
    return kind(observer, counters), observer, counters


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` in pieces."""
    edges = sorted({0, len(data), *(at % (len(data) + 1) for at in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.sampled_from(EXCHANGES), min_size=1, max_size=5),
    st.lists(st.integers(0, 2000), max_size=25),
    st.lists(st.integers(0, 2000), max_size=25),
    st.booleans(),
)
def test_cuts_change_nothing(
    exchanges: list[tuple[bytes, bytes, int]], asked: list[int], answered: list[int], starts: bool
) -> None:
    sink = Kept()
    one, observer, counters = watcher(sink, "start" if starts else "none")
    for request, response, _ in exchanges:
        for now, piece in enumerate(cut(request, asked)):
            if isinstance(one, StartingWatcher):
                one.rewrite(piece, now)
            else:
                one.request(piece, now)
        for now, piece in enumerate(cut(response, answered)):
            one.response(piece, 100 + now)
    one.lost()
    assert [seen["http.response.status_code"] for seen in sink.spans] == [status for *_, status in exchanges]
    assert (counters.opaque, counters.unanswered, observer.unseen) == (0, 0, 0)
    assert not one.busy


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.binary(max_size=40)
            | st.sampled_from([part for pair in EXCHANGES for part in pair[:2]])
            | st.sampled_from(
                [b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"\r\nu"]
            ),
        ),
        max_size=12,
    )
)
def test_no_bytes_raise(steps: list[tuple[bool, bytes]]) -> None:
    sink = Kept()
    for context in ("none", "start"):
        one, _, _ = watcher(sink, context)
        for from_client, data in steps:
            if not from_client:
                one.response(data, 2)
            elif isinstance(one, StartingWatcher):
                one.rewrite(data, 1)
            else:
                one.request(data, 1)
        one.response_ended()
        one.lost()
        assert not one.busy
