"""What a client may ask of the receiver; set once from the settings, read by the HTTP and gRPC shells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes. The defaults are those the OTLP specification recommends (64 MiB a request).

    `body_bytes`: a request as it arrives. `inflated_bytes`: the same after decompression. `in_flight_bytes`:
    all requests that are being read or written at one time, after which clients are asked to come again.
    `retry_after_s`: when.
    """

    body_bytes: int = 64 << 20
    inflated_bytes: int = 64 << 20
    in_flight_bytes: int = 256 << 20
    retry_after_s: int = 5
