"""A small server that speaks ClickHouse's HTTP interface and answers from the embedded engine.

For tests of the HTTP backend, and to try the commands of docker-compose.yml where no ClickHouse can be
installed: `python tests/store/clickhouse_http_server.py --port 8123 --path DIR`. Every request is a session;
parameters of the URL that the protocol does not know are settings. Never for production: no TLS, no cluster.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hmac
import json
import re
import signal
import sys
import tempfile
import threading
import uuid
import zlib
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame  # type: ignore[import-untyped]
from backports import zstd

# What the HTTP layer of ClickHouse takes for itself; all else in the URL is a setting or param_*.
PROTOCOL_PARAMETERS = {
    *("query", "database", "user", "password", "default_format", "query_id", "quota_key", "role"),
    *("session_id", "session_timeout", "session_check", "wait_end_of_query", "buffer_size", "stacktrace"),
    *("compress", "decompress", "client_protocol_version", "enable_http_compression"),
    *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
    *("cancel_http_readonly_queries_on_client_close", "add_http_cors_header"),
}
INSERT = re.compile(rb"\s*(INSERT\s+INTO\s+.+?)\s+FORMAT\s+(\w+)(?:\r?\n|\s|\Z)", re.IGNORECASE | re.DOTALL)
TRAILING_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
CODE = re.compile(r"Code: (\d+)\.")
# src/Server/HTTP/exceptionCodeToHTTPStatus.cpp: what is not listed is 500.
STATUS_OF_CODE = {60: 404, 81: 404, 62: 400, 43: 400, 47: 400, 516: 401, 497: 403, 241: 500, 202: 503}
COMPRESS = {
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}
DECOMPRESS = {
    "zstd": zstd.decompress,
    "lz4": lz4.frame.decompress,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


class EngineError(Exception):
    """What the engine said, with ClickHouse's number."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = CODE.search(message)
        self.code = int(found[1]) if found else 1002


class Answer:
    """Body and headers of one executed query."""

    def __init__(self, body: bytes, output_format: str | None, summary: dict[str, str]) -> None:
        self.body = body
        self.output_format = output_format
        self.summary = summary


class Engine:
    """The embedded engine; a connection per request, so that settings and database are the request's own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._keep_open = chdb.connect(path)

    def run(self, query: bytes, url: dict[str, str]) -> Answer:
        connection = chdb.connect(self.path)
        try:
            if database := url.get("database"):
                self._query(connection, f"USE `{database}`")
            for name, value in url.items():
                if name not in PROTOCOL_PARAMETERS and not name.startswith("param_"):
                    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
                    self._query(connection, f"SET {name} = '{escaped}'")
            if insert := INSERT.match(query):
                return self._insert(connection, insert, query[insert.end() :])
            return self._select(connection, query.decode(), url)
        finally:
            connection.close()

    def _select(self, connection: Any, query: str, url: dict[str, str]) -> Answer:
        named = TRAILING_FORMAT.search(query)
        output_format = named[1] if named else url.get("default_format", "TabSeparated")
        params = {name[6:]: value for name, value in url.items() if name.startswith("param_")}
        result = self._query(connection, query, output_format, params)
        body = result.bytes() or b""
        if not body and output_format == "TabSeparated":
            # An empty answer of a SELECT still names its format; a statement without an answer has none.
            named_too = self._answers(query)
            return Answer(b"", output_format if named_too else None, _summary(result))
        return Answer(body, output_format, _summary(result))

    @staticmethod
    def _answers(query: str) -> bool:
        return bool(re.match(r"\s*(SELECT|WITH|SHOW|DESCRIBE|DESC|EXISTS|EXPLAIN)\b", query, re.IGNORECASE))

    def _insert(self, connection: Any, insert: re.Match[bytes], data: bytes) -> Answer:
        with tempfile.NamedTemporaryFile(suffix=".data") as file:
            file.write(data)
            file.flush()
            head, data_format = insert[1].decode(), insert[2].decode()
            result = self._query(
                connection, f"{head} FROM INFILE '{file.name}' COMPRESSION 'none' FORMAT {data_format}"
            )
        return Answer(b"", None, {**_summary(result), "written_rows": str(result.rows_read())})

    @staticmethod
    def _query(
        connection: Any, sql: str, output_format: str = "TabSeparated", params: dict[str, str] | None = None
    ) -> Any:
        try:
            return connection.query(sql, output_format, params=params or {})
        except Exception as error:
            message = str(error)
            start = message.find("Code: ")
            raise EngineError(message[start:] if start > 0 else message) from None


def _summary(result: Any) -> dict[str, str]:
    return {
        "read_rows": str(result.rows_read()),
        "read_bytes": str(result.bytes_read()),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }


class Handler(BaseHTTPRequestHandler):
    """GET and POST on /, /ping; answers as ClickHouse's HTTP handler does."""

    protocol_version = "HTTP/1.1"
    engine: Engine
    credentials: tuple[str, str] | None = None

    def do_GET(self) -> None:
        self._handle(self._body())

    def do_POST(self) -> None:
        self._handle(self._body())

    def log_message(self, format: str, *args: object) -> None:
        return

    def _handle(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/ping":
            self._answer(200, b"Ok.\n", {})
            return
        url = dict(parse_qsl(parts.query, keep_blank_values=True))
        query_id = url.get("query_id") or str(uuid.uuid4())
        headers = {"X-ClickHouse-Query-Id": query_id, "X-ClickHouse-Server-Display-Name": "chdb-http"}
        try:
            if not self._allowed(url):
                raise EngineError("Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)")
            if self.headers.get_content_type() == "multipart/form-data":
                url, body = self._form(url, body)
            elif encoding := self.headers.get("Content-Encoding"):
                body = self._decompressed(body, encoding)
            query = url.get("query", "").encode()
            answer = self.engine.run(query + b"\n" + body if query else body, url)
        except EngineError as error:
            headers["X-ClickHouse-Exception-Code"] = str(error.code)
            self._answer(STATUS_OF_CODE.get(error.code, 500), str(error).encode(), headers)
            return
        headers["X-ClickHouse-Summary"] = json.dumps(answer.summary)
        headers["X-ClickHouse-Timezone"] = url.get("session_timezone", "UTC")
        if answer.output_format:
            headers["X-ClickHouse-Format"] = answer.output_format
        out = answer.body
        if url.get("enable_http_compression") == "1":
            accepted = [name.strip() for name in self.headers.get("Accept-Encoding", "").split(",")]
            if encoding := next((name for name in accepted if name in COMPRESS), None):
                out = COMPRESS[encoding](out)
                headers["Content-Encoding"] = encoding
        self._answer(200, out, headers)

    @staticmethod
    def _decompressed(body: bytes, encoding: str) -> bytes:
        try:
            return bytes(DECOMPRESS[encoding](body))
        except Exception as error:
            raise EngineError(f"Code: 354. DB::Exception: {error}. (CANNOT_DECOMPRESS)") from None

    def _allowed(self, url: dict[str, str]) -> bool:
        if self.credentials is None:
            return True
        given = (url.get("user", "default"), url.get("password", ""))
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            user, _, password = base64.b64decode(value).decode().partition(":")
            given = (user, password)
        return hmac.compare_digest(repr(given), repr(self.credentials))

    def _form(self, url: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        fields = {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
            for part in BytesParser(policy=HTTP).parsebytes(head + body).walk()
            if not part.is_multipart()
        }
        texts = {name: value.decode() for name, value in fields.items() if isinstance(value, bytes)}
        return {**url, **texts}, b""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until a signal; prints the address when ready."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123, help="0 takes a free one")
    parser.add_argument("--path", required=True, help="folder of the data")
    parser.add_argument("--user", default="default")
    parser.add_argument("--password", help="asked of every request when given")
    options = parser.parse_args()
    Handler.engine = Engine(options.path)
    if options.password is not None:
        Handler.credentials = (options.user, options.password)
    server = ThreadingHTTPServer((options.host, options.port), Handler)
    server.daemon_threads = True
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"http://{options.host}:{server.server_address[1]}", flush=True)
    server.serve_forever()
    sys.stdout.flush()


if __name__ == "__main__":
    main()
