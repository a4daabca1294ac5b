"""Identifiers go in wherever a message has room for them, and come out only as tokens and sealed values."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from pathlib import Path

import pytest

from collector.taps.replay import Observer
from collector.taps.run import Taps
from tests.taps.test_folder import x12
from tests.taps.world import (
    SEALER,
    SITE,
    Collector,
    Kept,
    MllpReceiver,
    ack,
    adt,
    eventually,
    framed,
    interfaces,
)

MARKS = (
    "SECRETVISIT",
    "SECRETACCOUNT",
    "SECRETMRN",
    "SECRETNAME",
    "SECRETTEXT",
    "SECRETPATH",
    "SECRETFILE",
    "SECRETPRIOR",
    "SELF PAY",  # a doubt
)
PRIOR = "MRG|" + "|".join(f"SECRETPRIOR{number}" for number in range(1, 8))
"""Every number a merge can bring, and the name."""
EVENTS = (
    "06",
    "18",
    "24",
    "34",
    "36",
    "37",
    "39",
    "40",
    "41",
    "42",
    "43",
    "44",
    "45",
    "47",
    "48",
    "49",
    "50",
    "51",
)


def test_no_identifier_leaves_the_tap(
    tmp_path: Path, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    claims = tmp_path / "SECRETFILE"
    claims.mkdir()
    collector.answers += [(503, {}, b"")] * 3 + [(400, {}, b"bad: SECRETNAME")]

    async def erp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            with suppress(asyncio.IncompleteReadError):
                await reader.readuntil(b"}")
            body = b'{"code": "no account SECRETACCOUNT", "detail": "SECRETTEXT"}'
            writer.write(b"HTTP/1.1 422 SECRETTEXT\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async def story() -> None:
        refused = framed(
            ack("C1", "AE", "unknown patient SECRETMRN^SECRETNAME", "207^no such SECRETMRN SECRETTEXT")
        )
        receiver = await MllpReceiver(lambda payload: refused).start()
        server = await asyncio.start_server(erp, "127.0.0.1", 0)
        described = interfaces(
            {
                "name": "adt",
                "kind": "mllp",
                "listen": "127.0.0.1:0",
                "upstream": f"127.0.0.1:{receiver.port}",
            },
            {
                "name": "erp",
                "kind": "http",
                "listen": "127.0.0.1:0",
                "upstream": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
                "routes": ["POST /journals/{id}"],
                "keys": [{"kind": "account", "pointer": "/reference"}],
                "attributes": {"note": "/note"},
                "reason": "/code",
            },
            {"name": "dead", "kind": "mllp", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"},
            {
                "name": "claims",
                "kind": "folder",
                "path": str(claims),
                "poll_seconds": 0.05,
                "settle_seconds": 0,
            },
        )
        taps = Taps(described, SITE, collector.url, tmp_path / "spool")
        await taps.start()
        reader, writer = await asyncio.open_connection(*taps.addresses["adt"])
        for message in (
            adt(visit="SECRETVISIT^^^NSH", account="SECRETACCOUNT", mrn="SECRETMRN^^^NSH~SECRETMRN2"),
            adt(visit="SECRET\\T\\VISIT", message="SECRETNAME JANE", facility="SECRETNAME of ward 4"),
            b"SECRETNAME is no HL7",
            b"MSH|\\\\\\|SECRETNAME|\r|||SECRETTEXT",
            adt().replace(b"2.5.1", b"SECRETNAME") + b"SECRETNAME|1\rOBX|SECRETNAME\r",
            b"BHS|^~\\&|SECRETNAME\r" + adt(visit="SECRETVISIT") + b"BTS|SECRETTEXT\r",
            adt(visit="SECRETVISIT") + b"ZTC|SECRETNAME|SECRETTEXT\r",
            *(adt(mrn="SECRETMRN", message=f"ADT^A{event}") + PRIOR.encode() + b"\r" for event in EVENTS),
            adt(visit="SELF PAY", message="ADT^A01"),
        ):
            writer.write(framed(message))
            await reader.readexactly(len(refused))
        writer.close()
        reader, writer = await asyncio.open_connection(*taps.addresses["erp"])
        for path in ("/journals/SECRETPATH?name=SECRETNAME", "/patients/SECRETPATH"):
            body = b'{"reference": "SECRETACCOUNT", "note": "about SECRETNAME"}'
            writer.write(
                b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
            )
            await reader.readuntil(b"}")
        writer.write(b"SECRETNAME is no HTTP}")
        await reader.readuntil(b"}")
        writer.close()
        reader, writer = await asyncio.open_connection(*taps.addresses["dead"])
        writer.write(framed(adt(visit="SECRETVISIT")))
        writer.close()
        claim = (
            "837*005010X222A1~BHT*0019*00*R*20260301*1200*CH~NM1*IL*1*SECRETNAME~CLM*SECRETACCOUNT*5***11:B:1"
        )
        (claims / "SECRETFILE.837").write_bytes(x12(claim))
        (claims / "SECRETFILE.txt").write_bytes(b"SECRETNAME")
        await eventually(lambda: taps.counters()["claims"]["files"] == 2)
        await eventually(lambda: taps.counters()["sender"]["refused"] > 0 and not taps.reader.waiting)
        logging.getLogger("caretrail.tap").info("counters: %s", taps.counters())
        await taps.stop(2.0)
        server.close()
        await receiver.stop()

    asyncio.run(story())
    everything = b"".join(path.read_bytes() for path in (tmp_path / "spool").glob("*") if path.is_file())
    everything += b"".join(collector.bodies)
    assert len(everything) > 1000
    for mark in MARKS:
        assert mark.encode() not in everything, mark
        assert mark not in caplog.text, mark
    spans = [seen for seen in collector.spans if "journey.keys.sealed" in seen.attributes]
    opened = {SEALER.open(sealed).value for seen in spans for sealed in seen["journey.keys.sealed"]}
    assert opened <= {"SECRETVISIT", "SECRET&VISIT", "SECRETACCOUNT", "SECRETMRN", "SECRETMRN2", "A1", "M1"}


def test_what_was_before_a_merge_and_what_is_no_number_leave_sealed(sink: Kept) -> None:
    (told,) = interfaces(
        {"name": "adt", "kind": "mllp", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"},
    )
    site = Observer([told], SITE, sink)
    for at, event in enumerate(EVENTS):
        message = adt(mrn="SECRETMRN", message=f"ADT^A{event}") + PRIOR.encode() + b"\r"
        site.observe_mllp("adt", message.replace(b"|||DOE", b"|SECRETPRIOR8||DOE"), None, at, at)
    site.observe_mllp("adt", adt(visit="SELF PAY", account="NO^NUMBER"), None, 99, 99)
    for mark in (b"SECRET", b"SELF", b"NUMBER"):
        assert mark not in sink.bytes
    said = " ".join(seen["journey.identity"] or seen["journey.doubts"] or "" for seen in sink.spans)
    sealed = [part for part in re.split("[ ,:]", said) if len(part) > 40]
    opened = {SEALER.open(one).value for one in sealed}
    assert {f"SECRETPRIOR{number}" for number in (1, 2, 3, 4, 5)} | {"SELF PAY", "NO"} <= opened
    assert all(value.startswith(("SECRETPRIOR", "SELF", "NO")) for value in opened)
