"""HL7 v2.5.1 messages of the processes: orders, results, surgical scheduling, implant use, accounts.

Called by the peers. Written as ER7 with marks, like what hl7apy makes of `simulator.templates`; a test has
hl7apy validate each type.
"""

from __future__ import annotations

from functools import cache

from simulator.messages import Identified, timestamp
from simulator.templates import VERSION, Template

_PID = (
    "PID|1||@mrn@^^^@authority@^MR||TEST^@given@||19700101|U|||1 EXAMPLE STREET^^TESTVILLE^IL^60000^USA"
    "|||||||~account~"
)
_PV1 = "PV1|1|@patient_class@|WARD4^12^A^@facility@|R|||D100^TEST^ATTENDING^^^DR|||@service@|||||||||~visit~"


def _head(kind: str, structure: str) -> str:
    return (
        f"MSH|^~\\&|@sender@|@facility@|@receiver@|NSH|@now@||{kind}^{structure}|@control_id@|P|{VERSION}"
        "||||||ASCII"
    )


def _fill(template: Template, who: Identified, sender: str, receiver: str, **values: str) -> bytes:
    filled = template.fill({**who.values(), "sender": sender, "receiver": receiver, **values})
    # The identifiers have components of their own, which a value would not keep.
    account = f"{who.account}^^^{who.authority}^AN" if who.account else ""
    visit = f"{who.visit}^^^{who.authority}^VN" if who.visit else ""
    return filled.replace(b"|||||||~account~", f"|||||||{account}".encode()).replace(
        b"~visit~", visit.encode()
    )


@cache
def _template(kind: str, structure: str, *segments: str) -> Template:
    lines = [_head(kind, structure)]
    for segment in segments:
        lines.append(_PID if segment == "PID" else _PV1 if segment.startswith("PV1") else segment)
        if segment == "PV1+50":
            lines[-1] += "|" * 31 + "@case@^^^@authority@^CN"
    return Template("\r".join(lines))


def order(
    who: Identified,
    sender: str,
    receiver: str,
    control_id: str,
    now: float,
    control: str,
    placer: str,
    test: str,
    priority: str,
    structure: str,
) -> bytes:
    """A laboratory order: ORM^O01 or OML^O21; `control` is ORC-1 (NW, CA), `priority` ORC-7.6 (R, S)."""
    kind = "ORM^O01" if structure == "ORM_O01" else "OML^O21"
    template = _template(
        kind,
        structure,
        "PID",
        "PV1",
        "ORC|@control@|@placer@^EHR|||||^^^^^@priority@||@now@",
        "OBR|1|@placer@^EHR||@test@^TEST^L||@now@",
    )
    return _fill(
        template, who, sender, receiver, control_id=control_id, now=timestamp(now),
        control=control, placer=placer, test=test, priority=priority,
    )  # fmt: skip


def result(
    who: Identified,
    sender: str,
    receiver: str,
    control_id: str,
    now: float,
    placer: str,
    filler: str,
    test: str,
    status: str,
) -> bytes:
    """A result, ORU^R01, that names the order and the patient and no visit; `status` is OBR-25 (P, F, C)."""
    template = _template(
        "ORU^R01",
        "ORU_R01",
        "PID",
        "ORC|RE|@placer@^EHR|@filler@^LAB",
        "OBR|1|@placer@^EHR|@filler@^LAB|@test@^TEST^L|||@now@|||||||||||||||@now@|||@status@",
        "OBX|1|NM|@test@^TEST^L||7.1|mmol/L|||||@status@",
    )
    return _fill(
        template, who, sender, receiver, control_id=control_id, now=timestamp(now),
        placer=placer, filler=filler, test=test, status=status,
    )  # fmt: skip


def surgery(
    who: Identified, event: str, control_id: str, now: float, case: str, starts: float, item: str
) -> bytes:
    """A surgical case booked (SIU^S12) or cancelled (SIU^S15); the case is SCH-1 and PV1-50."""
    template = _template(
        f"SIU^{event}",
        "SIU_S12",
        "SCH|@case@^SURGERY|||||@reason@|||60|min|^^^@starts@|||||D200^TEST^SURGEON||||D200^TEST^CLERK|||||@filler@",
        "PID",
        "PV1+50",
        "RGS|1",
        "AIS|1||@item@^PROCEDURE^L|@starts@",
    )
    return _fill(
        template, who, "SURGERY", "ENGINE", control_id=control_id, now=timestamp(now), case=case,
        reason="BOOKED" if event == "S12" else "CANCELLED",
        filler="Booked" if event == "S12" else "Cancelled",
        starts=timestamp(starts), item=item,
    )  # fmt: skip


def use(
    who: Identified,
    control_id: str,
    now: float,
    case: str,
    charge: str,
    item: str,
    lot: str,
    quantity: int,
    cents: int,
) -> bytes:
    """Implants of one kind and lot used, as a charge: FT1-2 is its number, FT1-3 the lot, FT1-7 the item.

    FT1-10 is how many, FT1-11 what all of them cost.
    """
    template = _template(
        "DFT^P03",
        "DFT_P03",
        "EVN|P03|@now@",
        "PID",
        "PV1+50",
        "FT1|1|@charge@|@lot@|@now@|@now@|CG|@item@^IMPLANT^L|||@quantity@|@amount@&USD||CC7300",
    )
    return _fill(
        template, who, "SURGERY", "ENGINE", control_id=control_id, now=timestamp(now), case=case,
        charge=charge, item=item, lot=lot, quantity=str(quantity), amount=f"{cents / 100:.2f}",
    )  # fmt: skip


def account(who: Identified, event: str, sender: str, receiver: str, control_id: str, now: float) -> bytes:
    """An account with its insurance: BAR^P01 (opened), BAR^P05 (updated after somebody verified by hand)."""
    template = _template(
        f"BAR^{event}",
        "BAR_P01" if event == "P01" else "BAR_P05",
        f"EVN|{event}|@now@",
        "PID",
        "PV1",
        "IN1|1|PLAN1^EXAMPLE PLAN|P100|EXAMPLE PAYER",
    )
    return _fill(template, who, sender, receiver, control_id=control_id, now=timestamp(now))
