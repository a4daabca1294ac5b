"""Where telemetry comes in: OTLP over HTTP and gRPC, and checkpoints from systems that speak plain JSON.

The core calls `create_app` and `serve_http` for HTTP and `collector.receiver.grpc.serve` for gRPC, all on one
write-ahead log. Nothing here walks spans beyond their ids: the store decodes.
"""

from collector.receiver.http import create_app
from collector.receiver.limits import Limits
from collector.receiver.metrics import Metrics
from collector.receiver.serving import HttpServer, serve_http

__all__ = ["HttpServer", "Limits", "Metrics", "create_app", "serve_http"]
