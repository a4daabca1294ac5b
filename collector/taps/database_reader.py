"""The database's side of the database tap: one connection, read only, one page at a time.

Called by the tap in its own thread. SQLAlchemy is imported here and nowhere else, so that a tap without a
database does without it. It must never write, hold a transaction open between pages, open a second
connection, or let a statement or a driver's error text out: both may quote rows.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from collector.taps.config import TapConfigError
from collector.taps.config.database import DatabaseInterface
from collector.taps.config.tls import upstream_context
from collector.taps.database_errors import DatabaseAway
from collector.taps.database_window import Start

# Its traceback of every broken connection says no more than our one line, and might quote a row.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)

DEFAULT_DRIVERS = {
    "postgresql": "pg8000",
    "mysql": "pymysql",
    "mariadb": "pymysql",
    "mssql": "pymssql",
    "oracle": "oracledb",
}
CONNECT_SECONDS = 10.0


class Reader:
    """Pages of one table or query. Not for several threads."""

    def __init__(self, interface: DatabaseInterface) -> None:
        """Raises `TapConfigError` when the driver is not installed or TLS files cannot be read."""
        self.columns = interface.columns
        self._interface = interface
        self._timeout = interface.statement_timeout_seconds
        url = sa.make_url(interface.url)
        engine = url.get_backend_name()
        if "+" not in url.drivername and engine in DEFAULT_DRIVERS:
            url = url.set(drivername=f"{engine}+{DEFAULT_DRIVERS[engine]}")
        self._engine_name = engine
        arguments = _arguments(url.drivername, self._timeout)
        if interface.tls is not None:
            arguments["ssl_context"] = upstream_context(interface.name, interface.tls)
        try:
            self._engine = sa.create_engine(
                url, poolclass=NullPool, hide_parameters=True, connect_args=arguments
            )
        except ModuleNotFoundError as error:
            raise TapConfigError(
                f"interface {interface.name!r}: url: the driver {error.name} is not installed"
            ) from None
        except SQLAlchemyError as error:
            raise TapConfigError(
                f"interface {interface.name!r}: url: {url.drivername} is no driver that is known here "
                f"({type(error).__name__})"
            ) from None
        sa.event.listen(self._engine, "do_connect", self._give_password)
        sa.event.listen(self._engine, "connect", self._prepare)
        self._connection: sa.Connection | None = None
        self._rows = self._source(interface)

    def newest(self) -> Any:
        """The highest watermark, None while there is no row. Raises `DatabaseAway`."""
        mark: sa.ColumnClause[Any] = sa.column(self._interface.watermark)
        found = self._read(sa.select(sa.func.max(mark)).select_from(self._rows))
        return found[0][0]

    def page(self, start: Start | None) -> list[tuple[Any, ...]]:
        """The next rows from `start` on, in order; values as in `columns`. Raises `DatabaseAway`."""
        mark: sa.ColumnClause[Any] = sa.column(self._interface.watermark)
        order = [mark]
        tie: sa.ColumnClause[Any] | None = None
        if self._interface.tie_breaker is not None:
            tie = sa.column(self._interface.tie_breaker)
            order.append(tie)
        columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in self.columns]
        statement = sa.select(*columns).select_from(self._rows)
        if start is None:
            statement = statement.where(mark.is_not(None))
        else:
            given = _bound("mark", start.mark)
            if not start.after:
                statement = statement.where(mark >= given)
            elif tie is None or start.tie is None:
                statement = statement.where(mark > given)
            else:
                # Spelt so that an index on both columns is used by every engine.
                behind = sa.or_(mark > given, tie > _bound("tie", start.tie))
                statement = statement.where(mark >= given, behind)
        return self._read(statement.order_by(*order).limit(self._interface.page_rows))

    def close(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.invalidate()
            with contextlib.suppress(Exception):
                connection.close()

    def _read(self, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            with self._connection.begin() as transaction:
                for text in _BEFORE_EACH.get(self._engine_name, ()):
                    self._connection.execute(sa.text(text))
                found = [tuple(row) for row in self._connection.execute(statement)]
                transaction.rollback()  # there is nothing to commit, and it must stay so
            return found
        except SQLAlchemyError as error:
            self.close()
            raise DatabaseAway(explain(error)) from None
        except OSError as error:
            self.close()
            raise DatabaseAway(f"no connection: {error.strerror or type(error).__name__}") from None
        except Exception as error:  # drivers raise what they like, and their texts may quote values
            self.close()
            raise DatabaseAway(type(error).__name__) from None

    def _source(self, interface: DatabaseInterface) -> Any:
        if interface.table is not None:
            schema, _, name = interface.table.rpartition(".")
            return sa.table(name, schema=schema or None)
        # Without AS, which Oracle refuses before the name of a sub-query.
        return sa.text(f"({interface.query}) caretrail_rows")

    def _give_password(self, dialect: Any, record: Any, arguments: Any, named: dict[str, Any]) -> None:
        password = self._password()
        if password is not None:
            named["password"] = password

    def _password(self) -> str | None:
        given = self._interface
        if given.password_env is not None:
            try:
                return os.environ[given.password_env]
            except KeyError:
                raise OSError(0, f"the environment has no variable {given.password_env}") from None
        if given.password_file is not None:
            return Path(given.password_file).read_text(encoding="utf-8").rstrip("\r\n")
        return None

    def _prepare(self, connection: Any, record: Any) -> None:
        prepare = _PREPARE.get(self._engine_name)
        if prepare is not None:
            prepare(connection, self._timeout)


def explain(error: SQLAlchemyError) -> str:
    """What kind of trouble, without the statement, the row or the driver's text."""
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    original = error.orig
    code = getattr(original, "sqlstate", None)
    if code is None and original is not None and original.args and isinstance(original.args[0], dict):
        code = original.args[0].get("C")  # pg8000 gives the fields of the server's message
    text = type(original).__name__
    if error.connection_invalidated:
        text = f"the connection is lost ({text})"
    if isinstance(code, str) and len(code) == 5 and code.isalnum():
        text += f", SQLSTATE {code}" + (f": {_STATES[code]}" if code in _STATES else "")
    return text


_STATES = {
    "25006": "the database refused a write",
    "28P01": "wrong user or password",
    "28000": "this user may not connect from here",
    "3D000": "there is no such database",
    "42501": "this user may not read the table",
    "42703": "there is no such column",
    "42P01": "there is no such table",
    "53300": "the database has too many connections",
    "55P03": "a lock was not given in time",
    "57014": "the statement took longer than statement_timeout_seconds",
    "57P01": "the database is shutting down",
    "57P03": "the database is starting or shutting down",
}


def _arguments(driver: str, timeout: float) -> dict[str, Any]:
    """What each driver is told when it connects: who asks, and how long it may hang."""
    if driver.endswith("+pg8000"):
        return {"timeout": timeout + CONNECT_SECONDS, "application_name": "caretrail"}
    if driver.endswith("+pymysql"):
        return {"connect_timeout": int(CONNECT_SECONDS), "read_timeout": int(timeout + CONNECT_SECONDS)}
    if driver.endswith("+pymssql"):
        return {"login_timeout": int(CONNECT_SECONDS), "timeout": int(timeout) or 1, "appname": "caretrail"}
    if driver.endswith("+oracledb"):
        return {"tcp_connect_timeout": CONNECT_SECONDS}
    return {}


def _statements(*texts: str) -> Callable[[Any, float], None]:
    def prepare(connection: Any, timeout: float) -> None:
        cursor = connection.cursor()
        for text in texts:
            cursor.execute(text.format(ms=max(1, int(timeout * 1000)), s=max(0.001, timeout)))
        cursor.close()
        connection.commit()

    return prepare


def _oracle(connection: Any, timeout: float) -> None:
    connection.call_timeout = max(1, int(timeout * 1000))


_PREPARE: dict[str, Callable[[Any, float], None]] = {
    "postgresql": _statements(
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET statement_timeout = {ms}",
        "SET lock_timeout = {ms}",
        "SET idle_in_transaction_session_timeout = {ms}",
    ),
    "mysql": _statements("SET SESSION TRANSACTION READ ONLY", "SET SESSION max_execution_time = {ms}"),
    "mariadb": _statements("SET SESSION TRANSACTION READ ONLY", "SET SESSION max_statement_time = {s}"),
    # No read-only transaction there: the user's rights have to be what keeps it from writing.
    "mssql": _statements("SET LOCK_TIMEOUT {ms}"),
    "oracle": _oracle,
    "sqlite": _statements("PRAGMA query_only = ON"),
}
_BEFORE_EACH = {"oracle": ("SET TRANSACTION READ ONLY",)}


def _bound(name: str, value: Any) -> Any:
    """A parameter of the database's own type: a driver that guesses compares a time as another one."""
    kind: Any = None
    if isinstance(value, datetime):
        kind = sa.DateTime(timezone=value.tzinfo is not None)
    elif isinstance(value, date):
        kind = sa.Date()
    elif isinstance(value, int):
        kind = sa.BigInteger()
    elif isinstance(value, float):
        kind = sa.Double()
    elif isinstance(value, Decimal):
        kind = sa.Numeric()
    elif isinstance(value, UUID):
        kind = sa.Uuid()
    elif isinstance(value, bytes):
        kind = sa.LargeBinary()
    elif isinstance(value, str):
        kind = sa.Text()
    return sa.bindparam(name, value, type_=kind)
