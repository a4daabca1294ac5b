"""X12 files between billing and the payer's eligibility desk: 270 and 271 (005010X279A1).

Called by `simulator.coverage`. The 270 has a trace number (TRN02) and the account (REF*EJ); the 271 repeats
the trace number, which is all that ties it to the question.
"""

from __future__ import annotations

from simulator.claim_files import day, envelope
from simulator.identity import Numbers
from simulator.model import Encounter

BILLING, PAYER = "NSHBILLING", "EXAMPLEPAYER"
_GUIDE = "005010X279A1"


def inquiry_270(e: Encounter, numbers: Numbers, trace: str, control: str, at: float) -> bytes:
    """Is this patient covered today?"""
    out = [
        f"BHT*0022*13*{control}*{day(at)}*1200",
        "HL*1**20*1",
        f"NM1*PR*2*EXAMPLE PAYER*****PI*{PAYER}",
        "HL*2*1*21*1",
        "NM1*1P*2*NORTHSIDE HEALTH*****XX*1999999984",
        "HL*3*2*22*0",
        f"TRN*1*{trace}*9{BILLING}",
        f"NM1*IL*1*TEST*{e.given}****MI*{numbers.mrn}",
        *([f"REF*EJ*{numbers.account}"] if numbers.account else []),
        "DMG*D8*19700101*U",
        f"DTP*291*D8*{day(at)}",
        "EQ*30",
    ]
    return envelope("270", "HS", _GUIDE, control, at, out, BILLING, PAYER)


def answer_271(e: Encounter, numbers: Numbers, trace: str, refused: bool, control: str, at: float) -> bytes:
    """Covered; or refused with AAA03 72 (invalid or missing subscriber ID)."""
    out = [
        f"BHT*0022*11*{control}*{day(at)}*1200",
        "HL*1**20*1",
        f"NM1*PR*2*EXAMPLE PAYER*****PI*{PAYER}",
        "HL*2*1*21*1",
        "NM1*1P*2*NORTHSIDE HEALTH*****XX*1999999984",
        "HL*3*2*22*0",
        f"TRN*2*{trace}*9{BILLING}",
        f"NM1*IL*1*TEST*{e.given}****MI*{numbers.mrn}",
        *(["AAA*N**72*C"] if refused else ["DMG*D8*19700101*U", "EB*1**30**EXAMPLE PLAN"]),
    ]
    return envelope("271", "HB", _GUIDE, control, at, out, PAYER, BILLING)


def trace_of(data: bytes) -> str:
    """TRN02 of a 270."""
    text = data.decode("ascii")
    segments = [segment.strip().split(text[3]) for segment in text.split(text[105])]
    return next(segment[2] for segment in segments if segment[0] == "TRN")
