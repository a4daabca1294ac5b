"""What the spans of a tap process say about where they come from.

Called by `run` and `replay`. It must never tell more than host, process, release and site.
"""

from __future__ import annotations

import os
import socket
from importlib.metadata import PackageNotFoundError, version

from tracing import attributes as names
from tracing import spans


def instance_name() -> str:
    """`service.instance.id` of this process: host name and process ID."""
    return f"{socket.gethostname()}:{os.getpid()}"


def resource(site: str = "", instance: str = "") -> bytes:
    """The OTLP resource of a tap process; `instance` defaults to host name and process ID."""
    try:
        release = version("caretrail")
    except PackageNotFoundError:
        release = "unknown"
    described: dict[str, spans.AttributeValue] = {
        names.SERVICE_NAME: "caretrail-tap",
        names.SERVICE_INSTANCE_ID: instance or instance_name(),
        names.SERVICE_VERSION: release,
    }
    if site:
        described[names.SITE] = site
    return spans.resource(described)
