"""Feeds archives through the observers of an interface, as history.

Called by `caretrail replay`. A message is recorded at the time it names itself, and what tells spans apart
comes from the messages alone: loading an archive twice changes nothing. It must never change an archive.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import BinaryIO

from collector.archives.sources import Piece, Source, SourceError, pieces
from collector.archives.tally import Place, Tally
from collector.archives.unpack import PackedError
from collector.taps.config import AnyInterface, FolderInterface, HttpInterface, MllpInterface, TapConfigError
from collector.taps.file_observers import file_observer
from collector.taps.files_seen import FirstSeen
from collector.taps.files_state import Stamp, TakenFiles
from collector.taps.hops import KeyEncoder
from collector.taps.observe_files import Batched, FileObserver
from collector.taps.observe_hl7_file import Hl7FileObserver

MOST_BYTES = 1 << 30
MOST_TROUBLES = 1000
_PACE = 20


@dataclass(frozen=True, slots=True)
class Told:
    """Something in an archive that was not as it should be."""

    place: Place
    what: str
    unread: bool


class Pacer:
    """Holds a replay to so many messages a second, and behind a full spool."""

    def __init__(self, rate: float | None, throttle: Callable[[], None]) -> None:
        self._rate = rate
        self._throttle = throttle
        self._began = time.monotonic()
        self._next = _PACE

    def wait(self, messages: int) -> None:
        """Wait until `messages` may have gone."""
        if messages < self._next:
            return
        self._next = messages + _PACE
        self._throttle()
        if self._rate is not None:
            ahead = messages / self._rate - (time.monotonic() - self._began)
            if ahead > 0:
                time.sleep(ahead)


class Loader:
    """One replay: what it read so far is in `tally`, `troubles` and `files`."""

    def __init__(
        self,
        interface: AnyInterface,
        keys: KeyEncoder,
        tally: Tally,
        zone: tzinfo,
        *,
        unanswered: str = "accepted",
        taken: TakenFiles | None = None,
        seen: FirstSeen | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        """`taken` remembers what was loaded, for `resume`. Raises `TapConfigError` for HTTP without FHIR."""
        self.tally = tally
        self.troubles: list[Told] = []
        self.files = self.skipped = 0
        self._zone = zone
        self._taken = taken
        self._pacer = pacer or Pacer(None, lambda: None)
        self._name = interface.name
        self._forward = Batched(tally.forward) if tally.forward is not None else None
        tally.forward = self._forward
        tally.where = self._where
        self._source = ""
        self._piece = Piece(b"", 0, 0, 0)
        self._observer, self.kind = _observer(interface, keys, _Paced(self), unanswered, seen)
        self._unit = "byte" if self.kind in ("x12", "hl7") else "line"

    def load(
        self, source: Source, *, resume: bool = False, progress: Callable[[int], None] = lambda done: None
    ) -> None:
        """One file; `progress` is told how many bytes are done. Raises `SourceError` if it cannot be read."""
        self._source = source.name
        try:
            if source.path is None:
                self._read(sys.stdin.buffer, source, resume, progress)
            else:
                with source.path.open("rb") as file:
                    self._read(file, source, resume, progress)
        except OSError as error:
            raise SourceError(f"{source.name}: {error.strerror}") from None
        except SourceError as error:
            raise SourceError(f"{source.name}: {error}") from None
        except PackedError as error:
            self.tally.unread += 1
            self._tell(Told(Place(self._source, "byte 0"), str(error), True))
        self.flush()
        self.files += 1

    def flush(self) -> None:
        """Hand over what waits."""
        if self._forward is not None:
            self._forward.flush()

    def _read(self, file: BinaryIO, source: Source, resume: bool, progress: Callable[[int], None]) -> None:
        for piece in pieces(file, self.kind, MOST_BYTES):
            stamp, digest = Stamp(len(piece.data), 0, 0), hashlib.sha256(piece.data).digest()[:16]
            name = (
                f"{self._name}|{source.path.resolve() if source.path else '-'}|{piece.member}|{piece.offset}"
            )
            if resume and self._taken is not None and self._taken.was_taken(name, stamp.size, digest):
                self.skipped += 1
                continue
            self._piece = piece
            self._observer.observe(piece.data, max(source.mtime_ns, 0), zone=self._zone)
            for trouble in self._observer.troubles:
                if piece.offset and trouble.what.startswith("BTS-1"):
                    continue  # the batch began in an earlier piece
                unit, _, place = trouble.where.partition(" ")
                self._tell(Told(self._at(unit, int(place)), trouble.what, trouble.unread))
            self.flush()
            if self._taken is not None:
                self._taken.note([(name, stamp, digest)])
            progress(piece.offset + len(piece.data))

    def _tell(self, told: Told) -> None:
        if len(self.troubles) < MOST_TROUBLES:
            self.troubles.append(told)

    def _where(self) -> Place:
        return self._at(self._unit, self._observer.place)

    def _at(self, unit: str, place: int) -> Place:
        before = self._piece.offset if unit == "byte" else self._piece.line
        inside = f"file {self._piece.member} inside, " if self._piece.member else ""
        return Place(self._source, f"{inside}{unit} {before + place}")

    def paced(self, scope: bytes, encoded: bytes, count: int) -> bool:
        """Count spans, hand them on, and wait where they come too fast."""
        kept = self.tally.append(scope, encoded, count)
        self._pacer.wait(self.tally.messages)
        return kept


class _Paced:
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        return self._loader.paced(scope, encoded, count)


def _observer(
    interface: AnyInterface, keys: KeyEncoder, sink: _Paced, unanswered: str, seen: FirstSeen | None
) -> tuple[FileObserver, str]:
    if isinstance(interface, FolderInterface):
        if interface.format == "hl7":
            return Hl7FileObserver(interface, keys, sink, unanswered), "hl7"
        return file_observer(interface, keys, sink, seen), interface.format
    if isinstance(interface, MllpInterface):
        return Hl7FileObserver(interface, keys, sink, unanswered), "hl7"
    if isinstance(interface, HttpInterface) and interface.fhir is not None:
        folder = FolderInterface(
            kind="folder",
            format="fhir",
            path=".",
            name=interface.name,
            source=interface.source,
            destination=interface.destination,
            facility=interface.facility,
            authority=interface.authority,
            authorities=interface.authorities,
            server=interface.fhir.server or interface.upstream.rstrip("/") + (interface.fhir.base or ""),
        )
        return file_observer(folder, keys, sink, seen), "fhir"
    raise TapConfigError(f"interface {interface.name!r}: only FHIR, HL7 and file interfaces can be replayed")


def total(sources: list[Source]) -> int:
    """Bytes of all of them."""
    return sum(source.size for source in sources)


def each(sources: list[Source]) -> Iterator[tuple[Source, int]]:
    """Every source with the bytes of those before it."""
    before = 0
    for source in sources:
        yield source, before
        before += source.size
