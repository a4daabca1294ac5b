"""Which observer reads which format of file.

Called by the folder tap and by `replay`. A new format is added here and to `Format` in the folder's model.
"""

from __future__ import annotations

from collections.abc import Callable

from collector.taps.config import FolderInterface
from collector.taps.files_seen import FirstSeen
from collector.taps.hops import KeyEncoder, Sink
from collector.taps.observe_files import FileObserver
from collector.taps.observe_flat import FlatObserver
from collector.taps.observe_hl7_file import Hl7FileObserver
from collector.taps.observe_lines import LinesObserver
from collector.taps.observe_x12 import X12Observer

_FORMATS: dict[str, Callable[[FolderInterface, KeyEncoder, Sink], FileObserver]] = {
    "hl7": Hl7FileObserver,
    "fhir": LinesObserver,
    "ndjson": LinesObserver,
    "delimited": FlatObserver,
    "fixed": FlatObserver,
}


def file_observer(
    interface: FolderInterface, keys: KeyEncoder, sink: Sink, seen: FirstSeen | None = None
) -> FileObserver:
    """The observer of an interface's files; `seen` is what the X12 ones of a process share."""
    if interface.format == "x12":
        return X12Observer(interface, keys, sink, seen)
    return _FORMATS[interface.format](interface, keys, sink)
