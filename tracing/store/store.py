"""The one facade over ClickHouse: embedded engine and server alike.

Every role opens it by URL and asks it in SQL; each thread takes its own `handle()`. Must never decide by
engine name what a caller may do: what differs is a field of `Capabilities`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from tracing.store import check as schema_check
from tracing.store import migrate as schema
from tracing.store.errors import READONLY, TIMEOUT_EXCEEDED, StoreRefused, StoreUnavailable, is_passing
from tracing.store.otlp import NESTED_TABLE, NOT_PLAIN, OTLP_FORMAT, PLAIN_TABLE, ingest_settings
from tracing.store.parameters import bound
from tracing.store.target import Target, parse_target

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

# Sessions answer in UTC whatever the host's zone is, and an insert returns when the rows are in the table.
SESSION_SETTINGS: dict[str, Any] = {"session_timezone": "UTC", "async_insert": 0}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this store can do. `one_process`: only one process may have the data open."""

    engine: Literal["embedded", "server"]
    one_process: bool
    replicated: bool
    version: str


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of a query: `names` of the columns, `rows` as tuples in the order the engine gave them.

    Times are aware datetimes in UTC, maps are dicts, arrays are lists.
    """

    names: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Store:
    """A handle on one database. Not for two threads at once: take a `handle()` for each, close each."""

    def __init__(self, target: Target, client: Client) -> None:
        self._target = target
        self._client = client
        self._reads_only = False
        self._column_types: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        self.capabilities = Capabilities(
            engine="embedded" if target.embedded else "server",
            one_process=target.embedded,
            replicated=target.cluster is not None,
            version=str(client.server_version),
        )

    @property
    def database(self) -> str:
        return self._target.database

    @property
    def cluster(self) -> str | None:
        """The cluster's name; None on a single server and embedded."""
        return self._target.cluster

    def handle(self) -> Store:
        """Another handle on the same data, for another thread."""
        return Store(self._target, connect(self._target))

    def reader(self, max_seconds: int = 60) -> Store:
        """Another handle on which nothing but reading works, whatever the SQL says.

        For statements of people: the engine refuses writes, other settings, and functions that leave it.
        """
        handle = self.handle()
        handle._reads_only = True
        if self._target.embedded:
            # The session of this handle alone; nothing can take it back.
            handle.command(f"SET max_execution_time = {max_seconds}")
            handle.command("SET readonly = 1")
        else:
            handle._client.set_client_setting("max_execution_time", max_seconds)
            # 2 and not 1, because the driver sends settings of its own with every query.
            handle._client.set_client_setting("readonly", 2)
        return handle

    def beside(self, database: str) -> Store:
        """A handle on another database of the same engine, on one node whatever the cluster."""
        target = replace(self._target, database=database, cluster=None)
        return Store(target, connect(target))

    def close(self) -> None:
        """Let go of the engine or the connections. Harmless when called again."""
        self._client.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Result:
        """Run a SELECT; `{name:Type}` in it are bound by the engine from `parameters`.

        Raises StoreUnavailable or StoreRefused.
        """
        with _translated(reads_only=self._reads_only):
            result = self._client.query(sql, parameters=bound(parameters) if parameters else None)
            return Result(names=tuple(result.column_names), rows=list(map(tuple, result.result_rows)))

    def command(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, outside: bool = False
    ) -> None:
        """Run a statement whose answer does not matter (DDL, INSERT … SELECT). Raises as `query`.

        `outside` runs it without entering the store's database, which may not exist yet.
        """
        with _translated():
            self._client.command(
                sql, parameters=bound(parameters) if parameters else None, use_database=not outside
            )

    def insert(
        self, table: str, column_names: Sequence[str], rows: Sequence[Sequence[Any]], token: str | None = None
    ) -> None:
        """Insert rows. With a `token`, the same call made again stores nothing, in the table and its views.

        Raises as `query`.
        """
        if not rows:
            return
        settings: dict[str, Any] = {"insert_deduplication_token": token} if token else {}
        with _translated():
            self._client.insert(
                table,
                rows,
                column_names=list(column_names),
                column_type_names=self._types_of(table, tuple(column_names)),
                settings=settings,
            )

    def insert_otlp(self, body: bytes, token: str) -> None:
        """Insert ExportTraceServiceRequest messages, any number of them one after another in `body`.

        `token` names the content: sending the same body with the same token again stores nothing. Raises
        StoreRefused when the engine cannot decode the body, StoreUnavailable when it may later.
        """
        if not body:
            return
        try:
            self._insert_bodies(PLAIN_TABLE, body, token)
        except StoreRefused as error:
            if error.code != NOT_PLAIN:
                raise
            self._insert_bodies(NESTED_TABLE, body, token)

    def migrate(self) -> list[str]:
        """Bring the schema to the shipped version; returns the files applied now (empty: nothing to do).

        Raises MigrationError when a file that was applied has changed since.
        """
        everywhere = f" ON CLUSTER '{self._target.cluster}'" if self._target.cluster else ""
        self.command(f"CREATE DATABASE IF NOT EXISTS {self.database}{everywhere}", outside=True)
        applied = schema.migrate(self, self._target.cluster)
        self._column_types.clear()
        return applied

    def ddl(self) -> str:
        """The statements `migrate` runs on an empty database, as this store's engine gets them."""
        return schema.rendered(self._target.cluster)

    def check(self) -> list[str]:
        """What differs between the live schema and the shipped one, a sentence each; empty when equal."""
        return schema_check.differences(self)

    def _insert_bodies(self, table: str, body: bytes, token: str) -> None:
        with _translated(schema_may_come=True):
            self._client.raw_insert(
                table, insert_block=body, fmt=OTLP_FORMAT, settings=ingest_settings(table, token)
            )

    def _types_of(self, table: str, columns: tuple[str, ...]) -> list[str]:
        # Asked once and kept: otherwise the driver describes the table before every insert.
        if (table, columns) not in self._column_types:
            types = {row[0]: row[1] for row in self.query(f"DESCRIBE TABLE {table}").rows}
            if missing := [name for name in columns if name not in types]:
                raise StoreRefused(f"The table {table} has no column {missing[0]!r}")
            self._column_types[table, columns] = [types[name] for name in columns]
        return self._column_types[table, columns]


def open_store(url: str) -> Store:
    """Open `chdb:///abs/path[?database=x]` or `http[s]://user:pw@host:8123/database[?cluster=x]`.

    The database itself is made by `migrate()`. Raises StoreRefused for a bad URL or a folder another
    process has open, StoreUnavailable when the server does not answer.
    """
    target = parse_target(url)
    return Store(target, connect(target))


def connect(target: Target) -> Client:
    """A clickhouse-connect client for the target with Caretrail's session settings."""
    try:
        from clickhouse_connect.driver import create_client
    except ModuleNotFoundError:
        raise StoreRefused(
            "The store needs more than a tap does: pip install 'caretrail[embedded]'"
        ) from None
    with _translated():
        if target.embedded:
            try:
                client = create_client(
                    interface="chdb", path=target.path, settings=SESSION_SETTINGS, tz_mode="aware"
                )
            except ModuleNotFoundError:
                raise StoreRefused(
                    "The embedded engine is missing: pip install 'caretrail[embedded]'"
                ) from None
        else:
            client = create_client(
                interface="https" if target.secure else "http",
                host=target.host,
                port=target.port,
                username=target.username,
                password=target.password,
                settings=SESSION_SETTINGS,
                tz_mode="aware",
                autogenerate_session_id=False,
            )
    # Set after connecting: the database need not exist before the first migration.
    client.database = target.database
    return client


@contextmanager
def _translated(*, schema_may_come: bool = False, reads_only: bool = False) -> Iterator[None]:
    """Turn whatever the driver raises into the two errors callers act on."""
    try:
        from clickhouse_connect.driver.exceptions import Error, ProgrammingError
    except ModuleNotFoundError:
        yield
        return
    try:
        yield
    except Error as error:
        message = str(error)
        if error.code is None and (isinstance(error, ProgrammingError) or _about_values(error)):
            raise StoreRefused(message) from error
        # That a handle for reading refuses to write does not pass, nor does a query that takes too long.
        mine = reads_only and error.code in (READONLY, TIMEOUT_EXCEEDED)
        if not mine and is_passing(error.code, schema_may_come=schema_may_come):
            raise StoreUnavailable(message, code=error.code) from error
        raise StoreRefused(message, code=error.code) from error
    except UnicodeDecodeError as error:
        raise StoreRefused("The engine refused the statement with a text that is not UTF-8") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreRefused(f"The driver cannot encode the values given ({type(error).__name__})") from error
    except OSError as error:
        raise StoreUnavailable(f"The store cannot be reached: {error}") from error


def _about_values(error: BaseException | None) -> bool:
    """Whether the driver failed to encode values. Over HTTP that happens while it sends, and it reports a
    broken request, as if the server had gone."""
    while error is not None:
        if isinstance(error, (AttributeError, KeyError, TypeError, ValueError)):
            return True
        error = error.__cause__ or error.__context__
    return False
