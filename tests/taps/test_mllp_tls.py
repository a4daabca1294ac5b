"""TLS on both sides of the MLLP tap with real certificates, and who may connect at all."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from collector.taps.config import TapConfigError
from collector.taps.config.tls import (
    ListenTls,
    UpstreamTls,
    listen_context,
    source_filter,
    upstream_context,
)
from tests.taps.certificates import Authority
from tests.taps.test_mllp import Run, closed, run, tapped
from tests.taps.world import Collector, MllpReceiver, accept, ack, adt, eventually, framed, interfaces

__all__ = ["run"]

BASE = {"name": "ehr-adt", "kind": "mllp", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}


async def turned_away(address: tuple[str, int], context: ssl.SSLContext) -> bool:
    """Whether a client with this context is refused."""
    try:
        reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname="tap")
        writer.write(framed(adt("C3")))
        async with asyncio.timeout(5):
            return await reader.read(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def test_mutual_tls_on_both_sides(run: Run, collector: Collector, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tap, engine, ehr = (authority.sign(name) for name in ("tap", "engine", "ehr"))

    async def story() -> None:
        receiver = MllpReceiver(accept)
        receiver.tls = authority.server(engine, mutual=True)
        await receiver.start()
        tls = {
            "listen": {"certificate": tap.certificate, "key": tap.key, "client_ca": authority.ca},
            "upstream": {
                "ca": authority.ca,
                "certificate": tap.certificate,
                "key": tap.key,
                "server_name": "engine",
            },
        }
        async with tapped(collector, tmp_path / "spool", receiver.port, tls=tls) as (taps, address):
            reader, writer = await asyncio.open_connection(
                *address, ssl=authority.client(ehr), server_hostname="tap"
            )
            message = framed(adt("C1")) + framed(adt("C2"))
            writer.write(message)
            expected = framed(ack("C1")) + framed(ack("C2"))
            async with asyncio.timeout(5):
                assert await reader.readexactly(len(expected)) == expected
            assert receiver.received == message
            writer.close()
            # Without a certificate of its own, a sender is not let in.
            assert await turned_away(address, authority.client())
            await eventually(lambda: len(collector.spans) == 2)
            assert taps.counters()["ehr-adt"]["messages"] == 2
        await receiver.stop()

    run(story())


def test_a_receiver_whose_certificate_names_another_is_not_spoken_to(
    run: Run, collector: Collector, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    engine = authority.sign("engine")

    async def story() -> None:
        receiver = MllpReceiver(accept)
        receiver.tls = authority.server(engine)
        await receiver.start()
        for upstream, fine in (
            ({"ca": authority.ca, "server_name": "elsewhere"}, False),
            ({}, False),  # signed by nobody whom the system knows
            ({"ca": authority.ca}, True),  # by its address
            ({"verify": False, "server_name": "elsewhere"}, True),
        ):
            tls = {"upstream": upstream}
            async with tapped(collector, tmp_path / "spool", receiver.port, tls=tls) as (taps, address):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(framed(adt("C1")))
                if fine:
                    async with asyncio.timeout(5):
                        assert await reader.readexactly(len(framed(ack("C1")))) == framed(ack("C1"))
                else:
                    assert await closed(reader)
                    assert taps.counters()["ehr-adt"]["upstream_failures"] == 1
                writer.close()
        assert receiver.received == framed(adt("C1")) * 2
        await receiver.stop()

    run(story())


def test_only_allowed_sources_may_connect(run: Run, collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port, allow=["10.0.0.0/8"]) as (taps, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(framed(adt("C1")))
            assert await closed(reader)
            counters = taps.counters()["ehr-adt"]
            assert (counters["refused"], counters["connections"], counters["open"]) == (1, 0, 0)
            assert receiver.connections == 0
        async with tapped(collector, tmp_path, receiver.port, allow=["10.0.0.0/8", "127.0.0.1"]) as (
            _,
            address,
        ):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(framed(adt("C1")))
            async with asyncio.timeout(5):
                assert await reader.readexactly(len(framed(ack("C1")))) == framed(ack("C1"))
            writer.close()
        await receiver.stop()

    run(story())


def test_source_addresses_of_either_family() -> None:
    allowed = source_filter(("10.1.0.0/16", "192.0.2.7", "2001:db8::/32"))
    assert allowed is not None
    assert [allowed(a) for a in ("10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8::5%eth0")] == [
        True
    ] * 4
    assert [allowed(a) for a in ("10.2.0.1", "192.0.2.8", "::1", "nonsense")] == [False] * 4
    assert source_filter(()) is None


def test_wrong_files_are_named_before_anything_listens(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one, other = authority.sign("one"), authority.sign("other")
    locked = authority.sign("locked", password=b"secret")
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    listen = [
        ({"certificate": "/nowhere.pem"}, "tls.listen.certificate: cannot read /nowhere.pem: No such file"),
        ({"certificate": one.certificate}, f"tls.listen.key: {one.certificate} holds no private key"),
        ({"certificate": one.certificate, "key": other.key}, "tls.listen.key: .* does not belong to"),
        ({"certificate": str(empty), "key": one.key}, "tls.listen.certificate: .* no usable certificate"),
        ({"certificate": locked.certificate, "key": locked.key}, "tls.listen.key_password: .* is encrypted"),
        (
            {"certificate": locked.certificate, "key": locked.key, "key_password": "wrong"},
            "tls.listen.key_password: this password does not open",
        ),
        ({"certificate": one.certificate, "key": one.key, "client_ca": str(empty)}, "tls.listen.client_ca: "),
    ]
    for described, message in listen:
        with pytest.raises(TapConfigError, match=f"^interface 'ehr-adt': {message}") as raised:
            listen_context("ehr-adt", ListenTls.model_validate(described))
        assert "secret" not in str(raised.value)
    with pytest.raises(TapConfigError, match=r"tls\.upstream\.ca: "):
        upstream_context("ehr-adt", UpstreamTls(ca=str(empty)))
    fine = {"certificate": locked.certificate, "key": locked.key, "key_password": "secret"}
    assert listen_context("ehr-adt", ListenTls.model_validate(fine)).verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"allow": ["10.1.0.1/16"]}, r"allow\[0\]: '10.1.0.1/16' has bits set .* '10.1.0.0/16'"),
        ({"allow": ["hospital"]}, r"allow\[0\]: 'hospital' is neither an address nor a network"),
        ({"tls": {"upstream": {"key": "/k"}}}, "tls.upstream: key: a private key needs its `certificate`"),
        ({"tls": {"listen": {"certificate": "/c", "minimum_version": 1.1}}}, "tls.listen.minimum_version: "),
        ({"upstream": None}, "upstream: a proxy needs the receiver's address"),
        ({"mode": "sink"}, "upstream: a sink sends to nobody"),
        ({"mode": "sink", "upstream": None, "context": "inject"}, "context: a sink passes nothing on"),
        ({"structure_codes": ["PV1-200"]}, r"structure_codes\[0\]: "),
    ],
)
def test_mistakes_in_the_configuration_name_the_key(extra: dict[str, object], message: str) -> None:
    with pytest.raises(TapConfigError, match=f"^interface 'ehr-adt': {message}"):
        interfaces(BASE | extra)


def test_a_version_may_be_written_as_a_number() -> None:
    tls = {"listen": {"certificate": "/c", "minimum_version": 1.3}}
    (interface,) = interfaces(BASE | {"tls": tls})
    assert interface.tls.listen.minimum_version == "1.3"  # type: ignore[union-attr]
