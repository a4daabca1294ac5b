"""The worst input of each parser and framer: does the time stay linear?

    python -m benchmarks.worst_input --size 10

For every reader the worst inputs known, at a quarter, half and the whole of so many MB. Time that doubles
when the input doubles is linear; the last column is the worst growth per doubling (quadratic would be 4; on a
busy machine linear is up to 3). The last line is one JSON object with every figure.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from collector.archives.hl7_files import stored_messages
from collector.archives.unpack import PackedError, unpack
from collector.taps.config import FolderInterface, load_interfaces
from collector.taps.file_observers import file_observer
from collector.taps.hops import KeyEncoder
from tracing.context import SiteKey
from tracing.keys import Sealer
from tracing.protocols.flat import delimited, fixed
from tracing.protocols.hl7v2 import NotHL7, parse
from tracing.protocols.json_pointer import resolve
from tracing.protocols.mllp import Deframer
from tracing.protocols.x12 import X12Error, describe, parts
from tracing.protocols.x12_envelope import Transaction

_ISA = (
    b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *260301*1200*^*00501*%09d*0*T*:~"
    % 1
)
_MSH = b"MSH|^~\\&|A|B|C|D|20260301||ADT^A03|1|P|2.5\r"
_READ = 64 << 10
_SHORTEST = 0.02
"""Seconds below which a time says nothing about growth."""


class _Dropped:
    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        return True


def _fill(unit: bytes, start: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: start + unit * ((size - len(start)) // len(unit))


def _x12(data: bytes) -> None:
    errors: list[X12Error] = []
    for one in parts(data, errors, errors):
        if isinstance(one, Transaction):
            describe(one)


def _hl7(data: bytes) -> None:
    try:
        message = parse(data)
    except NotHL7:
        return
    for path in ("PV1-19.1", "PID-3", "PID-18", "OBR-2", "ZZZ-99"):
        message.get(path)
        message.all(path)


def _mllp(data: bytes) -> None:
    deframer = Deframer()
    for start in range(0, len(data), _READ):
        deframer.feed(data[start : start + _READ])


def _flat(data: bytes) -> None:
    for _ in delimited(data.decode("latin-1"), columns=("A", "B"), wanted=("A",)):
        pass


def _fixed(data: bytes) -> None:
    for _ in fixed(data, "utf-8", (("A", 1, 5), ("B", 90, 4))):
        pass


def _files(data: bytes) -> None:
    for _ in stored_messages(data):
        pass


def _pointer(data: bytes) -> None:
    document: Any = {"a": ["x"] * (len(data) // 8)}
    resolve(document, "/a/" + "9" * 10_000)
    resolve({"/".join("ab"): 1}, data.decode("latin-1"))


def _packed(data: bytes) -> None:
    try:
        for _ in unpack(data, 1 << 30):
            pass
    except PackedError:
        pass


def _observer(format_: str) -> Callable[[bytes], None]:
    described = {"name": "in", "kind": "folder", "path": ".", "source": "a", "destination": "b"}
    (interface,) = load_interfaces([described | {"format": format_}])
    assert isinstance(interface, FolderInterface)
    observer = file_observer(interface, KeyEncoder(Sealer(SiteKey(bytes(32)))), _Dropped())
    return lambda data: void(observer.observe(data, 1))


def void(_: object) -> None:
    """Nothing."""


_SET = _ISA + b"GS*HC*A*B*20260301*1200*7*X*005010X222A1~ST*837*0001~BHT*0019*00*R~"
_STATUS = _ISA + b"GS*HN*A*B*20260301*1200*7*X*005010X214~ST*277*0001*005010X214~HL*4*3*PT~"
_ELIGIBLE = _ISA + b"GS*HS*A*B*20260301*1200*7*X*005010X279A1~ST*270*0001~HL*3*2*22~"
CASES: tuple[tuple[str, str, Callable[[bytes], None], Callable[[int], bytes]], ...] = (
    ("x12", "ISA, never ended", _x12, _fill(b"ISA*00*")),
    ("x12", "whole ISAs and nothing else", _x12, _fill(_ISA)),
    ("x12", "one segment of separators", _x12, _fill(b"*", _ISA)),
    ("x12", "terminators only", _x12, _fill(b"~", _ISA)),
    ("x12", "no terminator", _x12, _fill(b"A", _ISA)),
    ("x12", "STs without SE", _x12, _fill(b"ST*837*1~", _ISA)),
    ("x12", "claims", _x12, _fill(b"CLM*A1*1~", _SET)),
    ("x12", "claims, as spans", _observer("x12"), _fill(b"CLM*A1*1~REF*EA*M1~", _SET)),
    ("x12", "status traces", _x12, _fill(b"TRN*2*A1~", _STATUS)),
    ("x12", "inquiries without a payer", _x12, _fill(b"HL*3*2*22~TRN*1*T~", _ELIGIBLE)),
    ("hl7", "separators only", _hl7, _fill(b"|", _MSH)),
    ("hl7", "repetitions", _hl7, _fill(b"A~", _MSH + b"PID|||")),
    ("hl7", "empty segments", _hl7, _fill(b"\r", _MSH)),
    ("hl7", "PIDs", _hl7, _fill(b"PID|||1\r", _MSH)),
    ("hl7", "escapes", _hl7, _fill(b"\\", _MSH + b"PID|||")),
    ("hl7", "no segment end", _hl7, _fill(b"A", _MSH)),
    ("hl7 files", "heads only", _files, _fill(b"MSH|\r")),
    ("hl7 files", "batch trailers", _files, _fill(b"BTS|1\r")),
    ("hl7 files", "blocks within blocks", _files, _fill(b"\x0b\x1cMSH|")),
    ("hl7 files", "blanks", _files, _fill(b" ")),
    ("mllp", "starts", _mllp, _fill(b"\x0b")),
    ("mllp", "ends", _mllp, _fill(b"\x1c\r")),
    ("mllp", "a block that never ends", _mllp, _fill(b"A", b"\x0b")),
    ("mllp", "an end byte without its return", _mllp, _fill(b"\x1c", b"\x0b")),
    ("mllp", "empty blocks", _mllp, _fill(b"\x0b\x1c\r")),
    ("mllp", "junk", _mllp, _fill(b"A")),
    ("delimited", "quotes", _flat, _fill(b'"')),
    ("delimited", "a quote a line", _flat, _fill(b'"x\n')),
    ("delimited", "a quote, then lines", _flat, _fill(b'"x\n' + b"y\n" * 999)),
    ("delimited", "separators", _flat, _fill(b",")),
    ("delimited", "one value", _flat, _fill(b"x")),
    ("fixed", "empty lines", _fixed, _fill(b"\n")),
    ("fixed", "one line", _fixed, _fill(b"x")),
    ("json pointer", "long pointer, long array", _pointer, _fill(b"/a")),
    ("json lines", "brackets", _observer("fhir"), _fill(b"[")),
    ("json lines", "lines of nothing", _observer("fhir"), _fill(b"{}\n")),
    ("packed", "headers of gzip", _packed, _fill(b"\x1f\x8b\x08")),
    ("packed", "headers of zip", _packed, _fill(b"PK\x03\x04")),
)


def measure(size: int, only: str = "") -> list[dict[str, Any]]:
    """Seconds of each case at a quarter, a half and the whole of `size` bytes."""
    found = []
    for reader, what, run, make in CASES:
        if only and only not in reader:
            continue
        times = [_time(run, data) for data in map(make, (size // 4, size // 2, size))]
        steps = [after / max(before, _SHORTEST) for before, after in pairwise(times)]
        found.append(
            {
                "reader": reader,
                "input": what,
                "s": [round(one, 3) for one in times],
                "growth": round(max(steps), 2),
            }
        )
        print(
            f"{reader:13} {what:32} "
            + "".join(f"{one:9.3f}" for one in times)
            + f"  {found[-1]['growth']:5.2f} per doubling",
            flush=True,
        )
    return found


def _time(run: Callable[[bytes], None], data: bytes) -> float:
    began = time.process_time()
    run(data)
    return time.process_time() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=float, default=10, metavar="MB", help="largest input (default 10)")
    parser.add_argument("--only", default="", metavar="READER", help="only this reader, for example x12")
    options = parser.parse_args()
    size = int(options.size * 1e6)
    print(f"{'reader':13} {'input':32} {'1/4':>9}{'1/2':>9}{f'{options.size:g} MB':>9}  s of processor time")
    found = measure(size, options.only)
    worst = max((one["growth"] for one in found), default=0)
    print(json.dumps({"megabytes": options.size, "worst_growth": worst, "cases": found}))


if __name__ == "__main__":
    main()
