"""A folder interface: files as they appear, whatever they hold.

It must never open the folder.
"""

from __future__ import annotations

import codecs
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from collector.taps.config.base import AnyKey, AnyKind, Model, Pointer, Word
from collector.taps.config.mllp import HL7_KEYS, HL7_MEASURES, Hl7Key, Hl7Path, IdType, Suffix
from tracing.protocols import fhir_types, usual_names, x12_parts
from tracing.protocols.hl7v2_path import compile_path

Format = Literal["x12", "hl7", "fhir", "ndjson", "delimited", "fixed"]
Column = Annotated[str, Field(min_length=1, max_length=200)]

_SYSTEMS = {"x12": "x12", "hl7": "hl7v2", "fhir": "fhir", "ndjson": "json"}


def _encoding(text: str) -> str:
    try:
        return codecs.lookup(text).name
    except LookupError:
        raise ValueError(f"{text!r} is no character set, for example utf-8, cp1252 or cp037") from None


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{text!r} is no IANA time zone, for example America/Chicago") from None
    return text


Encoding = Annotated[str, AfterValidator(_encoding)]
Zone = Annotated[str, AfterValidator(_zone)]


class FileKey(AnyKey):
    """A business key of a file's records: one of `path` (hl7), `pointer` (ndjson), `column` (flat files)."""

    path: Hl7Path | None = Field(default=None, description="HL7 v2 path, with `format: hl7`.")
    pointer: Pointer | None = Field(default=None, description="JSON pointer, with `format: ndjson`.")
    column: Column | None = Field(default=None, description="Column, with `delimited` or `fixed`.")
    of: Suffix | None = Field(default=None, description="With `path`: as of an interface of `kind: mllp`.")
    types: tuple[IdType, ...] | None = Field(
        default=None, description="With `path`: as of an interface of `kind: mllp`."
    )


class Delimited(Model):
    """How a delimited file is written."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = Field(
        default=",", description="One character."
    )
    quote: Annotated[str, Field(max_length=1)] = Field(
        default='"', description="One character; empty where values are never quoted."
    )
    columns: tuple[Column, ...] = Field(
        default=(), description="Names of the columns; empty: the first line names them."
    )
    skip_lines: int = Field(default=0, ge=0, le=10_000, description="Lines before the header or first row.")


class FixedColumn(Model):
    """One column of a fixed-width file."""

    name: Column
    start: int = Field(ge=1, le=1_000_000, description="Position of its first character; the line's is 1.")
    length: int = Field(ge=1, le=1_000_000, description="Number of characters.")


class Fixed(Model):
    """How a fixed-width file is written."""

    columns: tuple[FixedColumn, ...] = Field(min_length=1, description="Columns that are of interest.")
    record_length: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Bytes of a record where no line ends part them."
    )
    skip_lines: int = Field(default=0, ge=0, le=10_000, description="Lines or records before the first row.")


class RowTime(Model):
    """Where a row says when it happened."""

    column: Column
    format: str = Field(default="%Y-%m-%dT%H:%M:%S", description="As in Python's `strptime`.")
    zone: Zone = Field(default="UTC", description="Time zone of times that name none.")


class FolderInterface(AnyKind):
    """A folder in which files appear: X12, HL7, FHIR NDJSON, delimited or fixed width."""

    kind: Literal["folder"]
    path: str = Field(min_length=1, description="The folder; it may appear later.")
    format: Format = Field(default="x12", description="What the files hold.")
    pattern: str = Field(default="*", min_length=1, description="Which files, as a shell pattern.")
    ignore: tuple[str, ...] = Field(
        default=("*.tmp", "*.part", "*.filepart", "*.writing"),
        description="Names of files that are still being written, as shell patterns.",
    )
    subfolders: bool = Field(default=False, description="Whether folders inside are watched, too.")
    complete: Literal["settled", "renamed", "marker"] = Field(
        default="settled",
        description="When a file is complete: its size has not changed for `settle_seconds`; it appears "
        "under its name at once, by a rename; or its marker has appeared.",
    )
    marker: str = Field(
        default="*.done",
        pattern=r"^[^*/]*\*[^*/]*$",
        description="Name of the marker; the star stands for the file's name, with or without extension.",
    )
    settle_seconds: float = Field(
        default=1.0, ge=0, description="A file is complete when its size has not changed for this long."
    )
    watch: Literal["auto", "poll"] = Field(
        default="auto",
        description="`auto` is told by the system (inotify) and looks for itself where it cannot be, and on "
        "network shares; `poll` always looks for itself.",
    )
    poll_seconds: float = Field(
        default=1.0, gt=0, description="How often the folder is looked at where the system does not tell."
    )
    existing: Literal["read", "skip"] = Field(
        default="read", description="Files that are there when the folder is watched for the first time."
    )
    rotated: bool = Field(
        default=False,
        description="Files are appended to and rotated: what was read stays read in a copy by another name.",
    )
    max_file_bytes: int = Field(
        default=256 << 20, ge=1024, description="Larger files, packed or not, are reported and not read."
    )
    encoding: Encoding = Field(default="utf-8", description="Character set of flat files.")
    delimited: Delimited = Field(default=Delimited(), description="With `format: delimited`.")
    fixed: Fixed | None = Field(default=None, description="With `format: fixed`.")
    message: Word | None = Field(
        default=None, description="What a row or line is called in workflows; default: the interface's name."
    )
    keys: tuple[FileKey, ...] = Field(
        default=(),
        description="Business keys. X12 and FHIR have their own; default: HL7's usual ones, else fields or "
        "columns by the names they usually have.",
    )
    server: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="With `format: fhir`: base URL of the server the resources come from, the authority of "
        "its own IDs; without it, only identifiers are keys.",
    )
    authorities: dict[str, str] = Field(
        default={}, description="With `format: fhir`: assigning authority by identifier system (a URI)."
    )
    measures: dict[Word, str] = Field(
        default={},
        description="Numbers, by column, HL7 path or JSON pointer; default: HL7's usual ones, else none.",
    )
    attributes: dict[Word, str] = Field(
        default={}, description="Short codes for `when`, by column, HL7 path or JSON pointer."
    )
    time: RowTime | None = Field(
        default=None, description="Where a row of a flat file says when it was; default: the file's time."
    )

    @property
    def system(self) -> str:  # type: ignore[override]  # of the format here, of the kind elsewhere
        """`messaging.system` of its spans."""
        return _SYSTEMS.get(self.format, "file")

    @property
    def hl7_keys(self) -> tuple[Hl7Key, ...]:
        """The keys of HL7 messages in its files."""
        if not self.keys:
            return HL7_KEYS
        return tuple(
            Hl7Key(
                kind=key.kind,
                path=key.path or "",
                authority=key.authority,
                pattern=key.pattern,
                of=key.of,
                types=key.types,
            )
            for key in self.keys
        )

    @property
    def hl7_measures(self) -> dict[str, str]:
        """The measures of HL7 messages in its files."""
        return self.measures if "measures" in self.model_fields_set else HL7_MEASURES

    @property
    def key_places(self) -> list[tuple[str, str]]:
        """Kinds of keys and where the format has them."""
        if self.format == "x12":
            return x12_parts.places()
        if self.format == "fhir":
            return fhir_types.places()
        if self.format == "hl7":
            return [(key.kind, key.path) for key in self.hl7_keys]
        return [(key.kind, key.pointer or key.column or "") for key in self.keys] or usual_names.places()

    @model_validator(mode="after")
    def _fits_its_format(self) -> Self:
        where = {"hl7": "path", "ndjson": "pointer", "delimited": "column", "fixed": "column"}
        wanted = where.get(self.format)
        for index, key in enumerate(self.keys):
            given = [name for name in ("path", "pointer", "column") if getattr(key, name) is not None]
            if wanted is None:
                raise ValueError(f"keys: a folder with format {self.format} knows its keys; leave them out")
            if given != [wanted]:
                raise ValueError(f"keys[{index}]: format {self.format} needs `{wanted}`, and only that")
            if wanted != "path" and (key.of or key.types):
                raise ValueError(f"keys[{index}]: `of` and `types` are only for format hl7")
        if self.format == "fixed" and self.fixed is None:
            raise ValueError("fixed: needed with format fixed: name its columns")
        if self.format != "fixed" and self.fixed is not None:
            raise ValueError("fixed: only with format fixed")
        if self.format in ("x12", "fhir") and (self.measures or self.attributes):
            raise ValueError(f"measures and attributes: format {self.format} brings its own")
        if self.format == "hl7":
            for path in self.measures.values():
                compile_path(path)
        named = [self.time.column] if self.time else []
        named += [key.column for key in self.keys if key.column]
        if self.format in ("delimited", "fixed"):
            named += [*self.measures.values(), *self.attributes.values()]
        known = self._columns()
        for column in named:
            if known and column not in known:
                raise ValueError(f"column {column!r} is not in the layout: {', '.join(sorted(known))}")
        return self

    def _columns(self) -> set[str]:
        if self.fixed is not None:
            return {column.name for column in self.fixed.columns}
        return set(self.delimited.columns) if self.format == "delimited" else set()
