"""Traces of Caretrail's own work, by the OpenTelemetry SDK: what each loop does and how long it takes.

Started by the core when `telemetry.endpoint` is set. It must never carry anything of a message, and never
delay or stop the work it watches: the SDK exports in a thread of its own and drops what it cannot send.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer


def start(endpoint: str, role: str, site: str) -> tuple[Tracer, Callable[[], None]]:
    """A tracer that exports to the OTLP/HTTP base URL `endpoint`, and what flushes and ends it."""
    described = {
        "service.name": f"caretrail-{role}",
        "service.version": version("caretrail"),
        "caretrail.site": site,
    }
    provider = TracerProvider(resource=Resource.create(described), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider.get_tracer("caretrail"), provider.shutdown
