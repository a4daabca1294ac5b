"""What an engine adapter is told: where the engine's REST API is, and as whom to read it.

It must never connect, nor hold a password in the clear.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from collector.taps.config.tls import UpstreamTls
from tracing.keys import KeyKind

_URL = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")


def _url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError("is no address of an engine: write https://engine:8443, without user or password")
    return text.rstrip("/").removesuffix("/api")


class MetadataKey(BaseModel):
    """A business key in one of the engine's metadata columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: KeyKind
    column: str = Field(min_length=1, description="Name of the custom metadata column.")
    authority: str | None = Field(default=None, description="Assigning authority; default: that of messages.")


class EngineMessages(BaseModel):
    """Messages inside the engine, by their metadata; content is never asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: tuple[str, ...] = Field(
        min_length=1, description="Names of the channels whose messages are read."
    )
    keys: tuple[MetadataKey, ...] = Field(default=(), description="Business keys, by metadata column.")
    authority: str = Field(default="", max_length=64, description="Assigning authority of the keys.")
    page: int = Field(
        default=200,
        ge=1,
        le=2000,
        description="Messages one request asks for; so many are followed to their end.",
    )


class EngineConfig(BaseModel):
    """An Open Integration Engine or Mirth Connect, read over its REST API."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = Field(
        description="What the engine is called on pages."
    )
    kind: Literal["mirth"] = Field(default="mirth", description="Which REST API it has.")
    url: Annotated[str, AfterValidator(_url)] = Field(
        description="Address of its web server, for example https://engine:8443; `/api` is added."
    )
    user: str = Field(min_length=1, description="A user of its own, with rights to view only.")
    password_env: str | None = Field(
        default=None, min_length=1, description="Variable of the environment that holds the password."
    )
    password_file: str | None = Field(default=None, min_length=1, description="File that holds the password.")
    login: Literal["session", "basic"] = Field(
        default="session", description="Sign in once (`/users/_login`), or with every request (HTTP Basic)."
    )
    tls: UpstreamTls | None = Field(
        default=None, description="How its certificate is verified; engines often bring one of their own."
    )
    poll_seconds: float = Field(default=15, ge=1, description="How often it is asked.")
    timeout_seconds: float = Field(default=10, gt=0, description="How long it may take to answer.")
    interfaces: dict[str, str] = Field(
        default={}, description="Names of channels, and the interface each carries where a tap watches it."
    )

    messages: EngineMessages | None = Field(
        default=None, description="Also follow messages inside the engine; costs it queries."
    )

    def beside(self, folder: Path) -> Self:
        """The same with the paths of its files beginning in `folder`."""
        changes: dict[str, object] = {}
        if self.password_file is not None:
            changes["password_file"] = str(folder / self.password_file)
        if self.tls is not None:
            given = {"ca": self.tls.ca, "certificate": self.tls.certificate, "key": self.tls.key}
            paths = {name: str(folder / path) for name, path in given.items() if path is not None}
            changes["tls"] = self.tls.model_copy(update=paths)
        return self.model_copy(update=changes)

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.password_env is None) == (self.password_file is None):
            raise ValueError("password_file: name the password's file here, or its variable in password_env")
        if self.tls is not None and not self.url.startswith("https:"):
            raise ValueError("tls: the address is http; write https")
        if self.tls is not None and self.tls.server_name is not None:
            raise ValueError("tls.server_name: the certificate has to name the host in url")
        return self
