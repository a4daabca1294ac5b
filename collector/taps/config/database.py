"""A database interface: rows of a table, view or query, as they appear or change.

It must never connect, import a driver, nor repeat a URL: somebody will put a password into one.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from collector.taps.config.base import AnyKey, AnyKind, Model, Word
from collector.taps.config.tls import UpstreamTls
from tracing.attributes import OUTCOMES

Engine = Literal["postgresql", "mysql", "mariadb", "mssql", "oracle", "sqlite"]
ENGINES: tuple[str, ...] = Engine.__args__  # type: ignore[attr-defined]
_SCHEME = re.compile(r"([a-z]+)(\+[a-z0-9_]+)?://")
_STARTS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


def _url(text: str) -> str:
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1] not in ENGINES:
        raise ValueError(
            "is no database URL: write postgresql+pg8000://user@host:5432/database (also "
            f"{', '.join(ENGINES[1:])}), with the password in password_file or password_env"
        )
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("is no database URL: its host or port cannot be read") from None
    if parts.password is not None or re.search(r"(?i)[?&](password|pwd)=", text):
        raise ValueError(
            "holds a password: put it into a file and name that in password_file, or into a variable of the "
            "environment and name that in password_env"
        )
    return text


def _query(text: str) -> str:
    if not _STARTS.match(text) or ";" in text:
        raise ValueError("must be one SELECT, without a semicolon")
    return text.strip()


def _outcome(word: str) -> str:
    if word not in OUTCOMES:
        # Only for a mistake: it brings YAML along, which a tap by one command does without.
        from tracing.documents import nearest

        raise ValueError(f"must be one of {', '.join(OUTCOMES)}{nearest(word, OUTCOMES)}")
    return word


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("must be an IANA time zone such as America/Chicago") from None
    return name


Outcome = Annotated[str, AfterValidator(_outcome), Field(json_schema_extra={"enum": list(OUTCOMES)})]
Column = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f\"`\[\];]+$")]
Table = Annotated[str, Field(max_length=256, pattern=r"^[\w$#]+(\.[\w$#]+)?$")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class ColumnKey(AnyKey):
    """A business key of rows."""

    column: Column
    authority_column: Column | None = Field(
        default=None, description="Column that holds the assigning authority, where rows have several."
    )


class ColumnOutcome(Model):
    """How a row says whether it went well."""

    column: Column
    values: dict[str, Outcome] = Field(
        min_length=1, description="Values of the column, as text, and the outcome each means."
    )
    otherwise: Outcome = Field(default="none", description="Outcome of every other value, and of null.")


class DatabaseInterface(AnyKind):
    """Rows of a table, view or query, read by watermark."""

    system: ClassVar[str] = "database"
    kind: Literal["database"]
    url: Annotated[str, AfterValidator(_url)] = Field(
        description="SQLAlchemy URL without a password, e.g. postgresql+pg8000://caretrail@db:5432/surgery."
    )
    password_env: str | None = Field(
        default=None, min_length=1, description="Variable of the environment that holds the password."
    )
    password_file: str | None = Field(
        default=None, min_length=1, description="File that holds the password, read at each connection."
    )
    tls: UpstreamTls | None = Field(
        default=None, description="TLS to the database (pg8000 only; other drivers: in the URL)."
    )
    table: Table | None = Field(default=None, description="Table or view, with its schema if need be.")
    query: Annotated[str, AfterValidator(_query)] | None = Field(
        default=None, description="One SELECT instead of a table. It becomes a sub-query."
    )
    watermark: Column = Field(
        description="Column that grows with every row or change: a time, or a number from a sequence."
    )
    tie_breaker: Column | None = Field(
        default=None,
        description="Column that tells rows with equal watermarks apart; required when the watermark is a "
        "time. Unique and never null.",
    )
    overlap: float = Field(
        default=300,
        ge=0,
        description="How far behind the newest row each look begins, for transactions that commit late: "
        "seconds for a time, a difference for a number.",
    )
    begin: Literal["now", "beginning"] | datetime | int = Field(
        default="now",
        description="Where the first look begins: at the newest row, the first, or a watermark.",
    )
    poll_seconds: float = Field(default=10, gt=0, description="How often to look, give or take a tenth.")
    statement_timeout_seconds: float = Field(
        default=10, gt=0, description="The database ends a statement that takes longer."
    )
    page_rows: int = Field(default=500, ge=1, le=10_000, description="Rows one statement reads at most.")
    remember_rows: int = Field(
        default=20_000, ge=100, description="Rows of the overlap that are remembered at most."
    )
    message: Code = Field(description="What a row means, e.g. implant-used; `match: {message: …}` names it.")
    message_column: Column | None = Field(
        default=None, description="Column whose code is the message instead, where it is one."
    )
    time: Column | None = Field(
        default=None, description="Column with the time it happened; default: the watermark if it is a time."
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="Zone of times that the database keeps without one."
    )
    keys: tuple[ColumnKey, ...] = Field(min_length=1, description="Business keys, by column.")
    measures: dict[Word, Column] = Field(default={}, description="Numbers, by column.")
    attributes: dict[Word, Column] = Field(default={}, description="Short codes, by column.")
    outcome: ColumnOutcome | None = Field(
        default=None, description="Where rows tell their outcome; without it every row is `accepted`."
    )
    reason: Column | None = Field(default=None, description="Column with the code of a refusal.")
    facility_column: Column | None = Field(
        default=None, description="Column with the facility's code; default: the interface's facility."
    )

    @property
    def key_places(self) -> list[tuple[str, str]]:
        """Kinds of keys and their columns."""
        return [(key.kind, key.column) for key in self.keys]

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, watermark and tie-breaker first; no other leaves the database."""
        outcome = self.outcome.column if self.outcome else None
        named = [self.watermark, self.tie_breaker, self.time, self.message_column, outcome, self.reason]
        named += [self.facility_column, *self.measures.values(), *self.attributes.values()]
        for key in self.keys:
            named += [key.column, key.authority_column]
        return tuple(dict.fromkeys(name for name in named if name))

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError(f"interface {self.name!r}: table: name a table or a query, one of the two")
        if self.tie_breaker == self.watermark:
            raise ValueError(f"interface {self.name!r}: tie_breaker: is the watermark itself: leave it out")
        if self.password_env is not None and self.password_file is not None:
            raise ValueError(
                f"interface {self.name!r}: password_file: name the password once, here or in password_env"
            )
        if self.tls is not None and "+pg8000:" not in self.url and not self.url.startswith("postgresql:"):
            raise ValueError(
                f"interface {self.name!r}: tls: only for postgresql+pg8000; other drivers take it in the URL"
            )
        if self.tls is not None and self.tls.server_name is not None:
            raise ValueError(f"interface {self.name!r}: tls.server_name: the driver checks the URL's host")
        return self
