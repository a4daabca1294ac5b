"""TLS on both sides of a tap, and which source addresses may connect: models, and what is made of them.

Used by every kind that listens (MLLP, HTTP). A mistake is a `TapConfigError` that names the interface, the
key and the file, before anything listens. It must never log or repeat what stands in a key file, nor ask for
a password on a terminal.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from collector.taps.config.base import AnyKind, Model, TapConfigError


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        try:
            right = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError(
                f"{text!r} is neither an address nor a network, for example 10.1.2.3 or 10.1.0.0/16"
            ) from None
        raise ValueError(
            f"{text!r} has bits set behind the network's; did you mean {str(right)!r}?"
        ) from None
    return text


def _version(value: object) -> object:
    return str(value) if isinstance(value, float) else value  # YAML reads 1.2 as a number


Network = Annotated[str, AfterValidator(_network)]
TlsVersion = Annotated[Literal["1.2", "1.3"], BeforeValidator(_version)]
FilePath = Annotated[str, Field(min_length=1)]


class ListenTls(Model):
    """TLS towards the sender."""

    certificate: FilePath = Field(description="PEM file: the tap's certificate, then its intermediates.")
    key: FilePath | None = Field(
        default=None, description="PEM file of the private key; default: in the certificate's file."
    )
    key_password: SecretStr | None = Field(default=None, description="Password of the private key.")
    client_ca: FilePath | None = Field(
        default=None,
        description="PEM file of the authorities whose clients may connect: mutual TLS. Without it any may.",
    )
    minimum_version: TlsVersion = Field(default="1.2", description="Lowest TLS version that is accepted.")


class UpstreamTls(Model):
    """TLS towards the receiver. An empty mapping `{}` verifies it against the system's authorities."""

    ca: FilePath | None = Field(
        default=None, description="PEM file of the receiver's authorities; default: the system's."
    )
    certificate: FilePath | None = Field(
        default=None, description="PEM file of the tap's own certificate, where the receiver asks for one."
    )
    key: FilePath | None = Field(
        default=None, description="PEM file of its private key; default: in the certificate's file."
    )
    key_password: SecretStr | None = Field(default=None, description="Password of the private key.")
    server_name: str | None = Field(
        default=None, min_length=1, description="Name the receiver's certificate bears; default: its host."
    )
    verify: bool = Field(
        default=True, description="Verify the receiver's certificate. False trusts whoever answers."
    )
    minimum_version: TlsVersion = Field(default="1.2", description="Lowest TLS version that is accepted.")

    @model_validator(mode="after")
    def _key_needs_certificate(self) -> Self:
        if self.certificate is None and (self.key is not None or self.key_password is not None):
            raise ValueError("key: a private key needs its `certificate` beside it")
        return self


class TapTls(Model):
    """TLS of the two sides, each for itself: a tap may well add it to a connection that had none."""

    listen: ListenTls | None = Field(default=None, description="Towards the sender; absent: plain TCP.")
    upstream: UpstreamTls | None = Field(default=None, description="Towards the receiver; absent: plain TCP.")


class Listening(AnyKind):
    """What every kind that listens is told about who may connect, and how."""

    allow: tuple[Network, ...] = Field(
        default=(), description="Source addresses and networks that may connect; empty: any."
    )
    tls: TapTls | None = Field(default=None, description="TLS on either side; absent: plain TCP on both.")


def contexts(interface: str, tls: TapTls | None) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """The contexts of the listening and the connecting side, None for plain TCP. Raises `TapConfigError`."""
    if tls is None:
        return None, None
    return (
        listen_context(interface, tls.listen) if tls.listen is not None else None,
        upstream_context(interface, tls.upstream) if tls.upstream is not None else None,
    )


def listen_context(interface: str, tls: ListenTls) -> ssl.SSLContext:
    """The context of the listening side. Raises `TapConfigError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.minimum_version]
    _own(context, interface, "tls.listen", tls.certificate, tls.key, tls.key_password)
    if tls.client_ca is not None:
        _authorities(context, interface, "tls.listen.client_ca", tls.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def upstream_context(interface: str, tls: UpstreamTls) -> ssl.SSLContext:
    """The context of the side that connects; see also `server_name`. Raises `TapConfigError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _VERSIONS[tls.minimum_version]
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca is not None:
        _authorities(context, interface, "tls.upstream.ca", tls.ca)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if tls.certificate is not None:
        _own(context, interface, "tls.upstream", tls.certificate, tls.key, tls.key_password)
    return context


def server_name(tls: UpstreamTls, host: str) -> str:
    """Whom the receiver's certificate has to name."""
    return tls.server_name or host


def source_filter(allow: tuple[str, ...]) -> Callable[[str], bool] | None:
    """Whether an address (as `getpeername` writes it) may connect; None where all may."""
    if not allow:
        return None
    networks = [ipaddress.ip_network(text) for text in allow]

    @lru_cache(maxsize=1024)
    def allowed(address: str) -> bool:
        try:
            source = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(source, ipaddress.IPv6Address) and source.ipv4_mapped is not None:
            source = source.ipv4_mapped  # an IPv4 sender at a listener for both
        return any(source in network for network in networks)

    return allowed


_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def _own(
    context: ssl.SSLContext,
    interface: str,
    place: str,
    certificate: str,
    key: str | None,
    password: SecretStr | None,
) -> None:
    _readable(interface, f"{place}.certificate", certificate)
    if key is not None:
        _readable(interface, f"{place}.key", key)
    secret = password.get_secret_value() if password is not None else ""
    try:
        # Without a password, OpenSSL would ask on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: secret)
    except ssl.SSLError as error:
        where, why = _explain(error, place, certificate, key, password is not None)
        raise TapConfigError(f"interface {interface!r}: {where}: {why}") from None
    except (OSError, ValueError):
        raise TapConfigError(
            f"interface {interface!r}: {place}.key: cannot open {key or certificate} with this password"
        ) from None


def _explain(
    error: ssl.SSLError, place: str, certificate: str, key: str | None, with_password: bool
) -> tuple[str, str]:
    holder = key or certificate
    reason = (error.reason or "").upper()
    if reason == "KEY_VALUES_MISMATCH":
        return f"{place}.key", f"{holder} does not belong to the certificate in {certificate}"
    try:
        with open(holder, encoding="ascii", errors="replace") as file:
            text = file.read(1 << 20)
    except OSError:
        text = ""
    if "PRIVATE KEY-----" not in text:
        return f"{place}.key", f"{holder} holds no private key in PEM form; name the file that does"
    if "ENCRYPTED" in text:
        if not with_password:
            return f"{place}.key_password", f"the private key in {holder} is encrypted; give its password"
        return f"{place}.key_password", f"this password does not open the private key in {holder}"
    return f"{place}.certificate", f"{certificate} holds no usable certificate in PEM form"


def _authorities(context: ssl.SSLContext, interface: str, place: str, path: str) -> None:
    _readable(interface, place, path)
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise TapConfigError(
            f"interface {interface!r}: {place}: {path} holds no certificate in PEM form"
        ) from None


def _readable(interface: str, place: str, path: str) -> None:
    try:
        with open(path, "rb"):
            return
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else type(error).__name__
        raise TapConfigError(f"interface {interface!r}: {place}: cannot read {path}: {why}") from None
