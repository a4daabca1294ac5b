"""`caretrail replay FILE…`: history from archives, through the same code as live messages.

Exit code 0: everything was read; 1: something was not, or could not be delivered; 2: wrong usage or settings.
No identifier is printed: a message is named by its file, its place in it, and its control ID.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from caretrail.instance import CannotStart, find_config
from caretrail.settings import Configuration, load
from collector.archives.load import Loader, Pacer, each, total
from collector.archives.sources import Source, SourceError, find
from collector.archives.tally import Tally
from collector.taps.config import AnyInterface, TapConfigError, load_interfaces
from collector.taps.files_seen import FirstSeen
from collector.taps.files_state import TakenFiles
from collector.taps.hops import KeyEncoder, Sink
from collector.taps.replay import open_history
from collector.taps.sender import EndpointError
from collector.taps.spool import SpoolError
from tracing.authorities import Authorities
from tracing.context import SiteKey, SiteKeyError
from tracing.keys import Sealer

FINE, BAD_NEWS = 0, 1
_DELIVERY_SECONDS = 3600.0
_KINDS_SHOWN = 12


def run(options: argparse.Namespace) -> int:
    """Read, send, say what was found. Raises CannotStart."""
    configuration = load(find_config(options.config))
    try:
        interface = _interface(options, configuration)
        zone = _zone(options.zone or configuration.settings.site.timezone)
        sources = find(options.files)
        settings = configuration.settings
        site_key = SiteKey.load(configuration.path(settings.site.key_file))
        keys = KeyEncoder(Sealer(site_key, Authorities(settings.identity)), zone)
        # Files are named from where somebody stands; what an interface names, from its settings file.
        with (
            chdir(configuration.folder),
            _replaying(options, configuration, interface, keys, zone) as (loader, deliver),
        ):
            delivered = _work(options, loader, sources, deliver)
    except (TapConfigError, SourceError, SpoolError, EndpointError, SiteKeyError) as error:
        raise CannotStart(str(error)) from None
    report(loader, Console(highlight=False), options.list, zone, dry=options.dry_run)
    if not delivered:
        print(
            "caretrail replay: the collector has not taken everything yet. What is left is kept, and sent by "
            "the next `caretrail replay`.",
            file=sys.stderr,
        )
    return BAD_NEWS if loader.tally.unread or not delivered else FINE


@contextmanager
def _replaying(
    options: argparse.Namespace,
    configuration: Configuration,
    interface: AnyInterface,
    keys: KeyEncoder,
    zone: tzinfo,
) -> Iterator[tuple[Loader, Callable[[float], bool]]]:
    """The loader, and what waits for delivery."""
    folder = configuration.path(configuration.settings.taps.spool).with_name("replay")

    def loader(sink: Sink | None, throttle: Callable[[], None], taken: TakenFiles | None) -> Loader:
        # A dry run notes nothing: neither what was loaded nor what was seen first.
        seen = FirstSeen(folder / "x12-seen.sqlite3" if taken is not None else ":memory:")
        pacer = Pacer(options.rate, throttle)
        return Loader(
            interface,
            keys,
            Tally(sink),
            zone,
            unanswered=options.unanswered,
            taken=taken,
            seen=seen,
            pacer=pacer,
        )

    if options.dry_run:
        yield loader(None, lambda: None, None), lambda seconds: True
        return
    settings = configuration.settings
    endpoint = options.otlp or settings.taps.endpoint
    taken = TakenFiles(folder / "loaded.sqlite3")
    with open_history([], keys.sealer.site_key, endpoint, folder / "spool", site=settings.site.id) as history:
        yield loader(history.spool, history.throttle, taken), history.flush
    taken.close()


def _work(
    options: argparse.Namespace, loader: Loader, sources: list[Source], deliver: Callable[[float], bool]
) -> bool:
    """Read everything with a bar on the terminal; whether it was delivered."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(
        *columns,
        TextColumn("{task.fields[messages]} messages"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=options.quiet,
    ) as progress:
        task = progress.add_task("Reading", total=total(sources) or None, messages=0)
        for source, before in each(sources):
            loader.load(source, resume=options.resume, progress=_advance(progress, task, before, loader))
        progress.update(task, total=1, completed=1, messages=loader.tally.messages)
        task = progress.add_task("Delivering", total=None, messages=loader.tally.messages)
        delivered = deliver(_DELIVERY_SECONDS)
        progress.update(task, total=1, completed=int(delivered))
    return delivered


def _advance(progress: Progress, task: TaskID, before: int, loader: Loader) -> Callable[[int], None]:
    def advance(done: int) -> None:
        progress.update(task, completed=before + done, messages=loader.tally.messages)

    return advance


def report(loader: Loader, console: Console, most: int, zone: tzinfo, dry: bool = False) -> None:
    """What was found, what was not read, and what belongs to no encounter."""
    tally = loader.tally
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_row("files", f"{loader.files:,}")
    if loader.skipped:
        table.add_row("loaded before, skipped", f"{loader.skipped:,}")
    table.add_row("messages", f"{tally.messages:,}", _counted(dict(tally.kinds.most_common(_KINDS_SHOWN))))
    table.add_row("outcomes", "", _counted(dict(tally.outcomes.most_common())))
    table.add_row("spans", f"{tally.spans:,}", "not sent: a dry run" if dry else "")
    table.add_row("journeys", f"{len(tally.journeys):,}")
    if tally.messages:
        moments = [datetime.fromtimestamp(ns / 1e9, zone) for ns in (tally.first_ns, tally.last_ns)]
        table.add_row("from", moments[0].strftime("%Y-%m-%d %H:%M:%S %Z"))
        table.add_row("to", moments[1].strftime("%Y-%m-%d %H:%M:%S %Z"))
    table.add_row("unread", f"{tally.unread:,}")
    loose = tally.without_encounter()
    table.add_row("without encounter", f"{len(loose) + tally.more_loose:,}")
    console.print(table)
    for told in sorted(loader.troubles, key=lambda told: not told.unread)[:most]:
        mark = "not read" if told.unread else "noticed"
        _line(console, f"{mark}: {told.place.file}, {told.place.where}: {told.what}")
    _left(console, len(loader.troubles) - most)
    for one in loose[:most]:
        what = f"{one.message or 'message'} {one.control_id or '(no control ID)'}"
        _line(console, f"without encounter: {one.place.file}, {one.place.where}: {what}")
    _left(console, len(loose) - most + tally.more_loose)


def _left(console: Console, count: int) -> None:
    if count > 0:
        _line(console, f"… and {count:,} more (--list N)")


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise TapConfigError(f"--zone {name}: no IANA time zone, for example America/Chicago") from None


def _interface(options: argparse.Namespace, configuration: Configuration) -> AnyInterface:
    configured = configuration.settings.interfaces
    if options.interface:
        for one in configured:
            if one.name == options.interface:
                return one
        known = ", ".join(one.name for one in configured) or "none"
        raise TapConfigError(f"--interface {options.interface}: not in the settings; there: {known}")
    if not options.kind:
        raise TapConfigError("say which interface the files are of: --interface NAME, or --kind KIND")
    if not (options.source and options.destination):
        raise TapConfigError(f"--kind {options.kind} needs --source and --destination")
    described = {
        "kind": "folder",
        "name": options.name or f"replay-{options.kind}",
        "path": str(Path.cwd()),
        "format": options.kind,
        "source": options.source,
        "destination": options.destination,
        "authority": options.authority or "",
        "keys": [_key(text) for text in options.key],
    }
    return load_interfaces([described])[0]


def _key(text: str) -> dict[str, str]:
    kind, equals, column = text.partition("=")
    if not equals:
        raise TapConfigError(f"--key {text}: write kind=column, for example visit=VisitNumber")
    return {"kind": kind, "column": column}
