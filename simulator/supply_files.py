"""X12 files between the ERP and a supplier: 850, 855 and 856 (004010).

Called by `simulator.supplier`. An order is known by its number (BEG03, BAK03, PRF01) alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.claim_files import day, dollars, envelope

ERP, SUPPLIER = "NSHERP", "IMPLANTCO"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order: item, lot of what is to be replaced, how many, cents for each."""

    item: str
    lot: str
    quantity: int
    cents: int


def order_850(number: str, lines: tuple[Line, ...], control: str, at: float) -> bytes:
    """The purchase order."""
    out = [f"BEG*00*NE*{number}**{day(at)}", "CUR*BY*USD"]
    for n, line in enumerate(lines, 1):
        out.append(f"PO1*{n}*{line.quantity}*EA*{dollars(line.cents)}**IN*{line.item}*LT*{line.lot}")
    out += [f"CTT*{len(lines)}", f"AMT*TT*{dollars(sum(line.quantity * line.cents for line in lines))}"]
    return envelope("850", "PO", "004010", control, at, out, ERP, SUPPLIER)


def acknowledgement_855(
    number: str, lines: tuple[Line, ...], refused: bool, control: str, at: float
) -> bytes:
    """The supplier takes the order (BAK02 AD) or refuses it (RD)."""
    out = [f"BAK*00*{'RD' if refused else 'AD'}*{number}*{day(at)}"]
    for n, line in enumerate(lines, 1):
        out.append(f"PO1*{n}*{line.quantity}*EA*{dollars(line.cents)}**IN*{line.item}")
        out.append(f"ACK*{'IR' if refused else 'IA'}*{line.quantity}*EA")
    out.append(f"CTT*{len(lines)}")
    return envelope("855", "PR", "004010", control, at, out, SUPPLIER, ERP)


def shipment_856(number: str, lines: tuple[Line, ...], control: str, at: float) -> bytes:
    """The goods are on their way."""
    out = [f"BSN*00*S{control}*{day(at)}*1200", "HL*1**S", "HL*2*1*O", f"PRF*{number}"]
    for n, line in enumerate(lines, 3):
        out += [f"HL*{n}*2*I", f"LIN*{n - 2}*IN*{line.item}", f"SN1**{line.quantity}*EA"]
    out.append(f"CTT*{len(lines)}")
    return envelope("856", "SH", "004010", control, at, out, SUPPLIER, ERP)


def number_of(data: bytes) -> str:
    """The order's number in an 850."""
    text = data.decode("ascii")
    segments = [segment.strip().split(text[3]) for segment in text.split(text[105])]
    return next(segment[3] for segment in segments if segment[0] == "BEG")
