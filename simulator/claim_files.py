"""X12 files that billing and the clearing house exchange: 837I, 999, 277CA and 835 (005010).

Called by both; whole interchanges as bytes. A claim's CLM01 is the account number, which is what ties a claim
to its stay. Readers that must cope with other people's files use `tracing.protocols.x12` instead.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from simulator.model import Encounter, Trait

_GUIDES = {
    "837": ("HC", "005010X223A2"),
    "999": ("FA", "005010X231A1"),
    "277": ("HN", "005010X214"),
    "835": ("HP", "005010X221A1"),
}
BILLING, CLEARING_HOUSE = "NSHBILLING", "CLEARHOUSE"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: CLM01 is the account; money in cents; times in Unix seconds.

    key, person: whose it truly is, for the truth; no file carries them.
    """

    key: str
    person: str
    account: str
    mrn: str
    given: str
    cents: int
    admitted: float
    discharged: float
    inpatient: bool
    rejected: bool = False

    @classmethod
    def of(cls, encounter: Encounter, at: float) -> Claim:
        """The claim billing makes of a stay, under the numbers by which it is known at that time."""
        numbers = encounter.named(at)
        return cls(
            key=encounter.key,
            person=encounter.person,
            account=numbers.account or encounter.account,
            mrn=numbers.mrn,
            given=encounter.given,
            cents=encounter.cents,
            admitted=encounter.admitted,
            discharged=encounter.discharged,
            inpatient=encounter.patient_class == "I",
            rejected=Trait.CLAIM_REJECTED in encounter.traits,
        )

    @property
    def payer_number(self) -> str:
        """The payer's own claim number: 277CA REF*1K and 835 CLP07."""
        return f"P{self.account[:0:-1]}"


@dataclass(frozen=True, slots=True)
class Submission:
    """One 837 file: its interchange control number (nine digits), claims and time of writing."""

    control: str
    claims: tuple[Claim, ...]
    at: float

    @property
    def reference(self) -> str:
        """BHT03, which the 277CA repeats."""
        return f"B{self.control}"


def dollars(cents: int) -> str:
    """X12 real number: "1234.5", no needless zeros."""
    return f"{cents / 100:.2f}".rstrip("0").rstrip(".")


def day(moment: float) -> str:
    """CCYYMMDD in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d")


def interchange(
    kind: str, control: str, at: float, segments: Iterable[str], sender: str, receiver: str
) -> bytes:
    """One interchange with one group and one transaction; `segments` are those between ST and SE."""
    group, guide = _GUIDES[kind]
    return envelope(kind, group, guide, control, at, segments, sender, receiver)


def envelope(
    kind: str,
    group: str,
    guide: str,
    control: str,
    at: float,
    segments: Iterable[str],
    sender: str,
    receiver: str,
) -> bytes:
    """The same for a transaction of any guide; versions before 005010 do not name theirs in ST03."""
    moment = datetime.fromtimestamp(at, UTC)
    names_guide = kind != "835" and guide.startswith("005010")
    inner = [f"ST*{kind}*0001*{guide}" if names_guide else f"ST*{kind}*0001", *segments]
    number = str(int(control))
    version = "00501" if guide.startswith("005010") else "00401"
    repeats = "^" if version == "00501" else "U"
    lines = [
        f"ISA*00*          *00*          *ZZ*{sender:<15}*ZZ*{receiver:<15}*{moment:%y%m%d*%H%M}"
        f"*{repeats}*{version}*{control}*0*T*:",
        f"GS*{group}*{sender}*{receiver}*{moment:%Y%m%d*%H%M}*{number}*X*{guide}",
        *inner,
        f"SE*{len(inner) + 1}*0001",
        f"GE*1*{number}",
        f"IEA*1*{control}",
    ]
    return "".join(f"{line}~\n" for line in lines).encode("ascii")


def claims_837(submission: Submission) -> bytes:
    """The 837I file: one billing provider, under it one subscriber and claim each."""
    moment = datetime.fromtimestamp(submission.at, UTC)
    out = [
        f"BHT*0019*00*{submission.reference}*{moment:%Y%m%d*%H%M}*CH",
        f"NM1*41*2*NORTHSIDE HEALTH*****46*{BILLING}",
        "PER*IC*CLAIMS DESK*TE*3125550100",
        f"NM1*40*2*CLEARING HOUSE*****46*{CLEARING_HOUSE}",
        "HL*1**20*1",
        "NM1*85*2*NORTHSIDE HEALTH*****XX*1999999984",
        "N3*1 EXAMPLE STREET",
        "N4*TESTVILLE*IL*600000000",
        "REF*EI*999999999",
    ]
    for n, claim in enumerate(submission.claims, start=2):
        stay = f"{day(claim.admitted)}-{day(claim.discharged)}"
        out += [
            f"HL*{n}*1*22*0",
            "SBR*P*18*******CI",
            f"NM1*IL*1*TEST*{claim.given}****MI*{claim.mrn}",
            "N3*1 EXAMPLE STREET",
            "N4*TESTVILLE*IL*600000000",
            "DMG*D8*19700101*U",
            "NM1*PR*2*EXAMPLE PAYER*****PI*99999",
            f"CLM*{claim.account}*{dollars(claim.cents)}***{'11' if claim.inpatient else '13'}:A:1**A*Y*Y",
            f"DTP*434*RD8*{stay}",
            *([f"DTP*435*D8*{day(claim.admitted)}"] if claim.inpatient else []),
            "CL1*3*1*01" if claim.inpatient else "CL1***01",
            f"REF*EA*{claim.mrn}",
            "HI*ABK:R079",
            "LX*1",
            f"SV2*0120**{dollars(claim.cents)}*UN*1",
            f"DTP*472*D8*{day(claim.discharged)}",
        ]
    return interchange("837", submission.control, submission.at, out, BILLING, CLEARING_HOUSE)


def acknowledgement_999(submission: Submission, control: str, at: float) -> bytes:
    """The 999 that accepts the file's functional group and transaction."""
    guide = _GUIDES["837"][1]
    out = [
        f"AK1*HC*{int(submission.control)}*{guide}",
        f"AK2*837*0001*{guide}",
        "IK5*A",
        "AK9*A*1*1*1",
    ]
    return interchange("999", control, at, out, CLEARING_HOUSE, BILLING)


def status_277ca(submission: Submission, control: str, at: float) -> bytes:
    """The 277CA: each claim accepted (A2:20) or rejected (A3:21); TRN02 repeats CLM01."""
    moment = datetime.fromtimestamp(at, UTC)
    accepted = [c for c in submission.claims if not c.rejected]
    total = sum(c.cents for c in submission.claims)
    out = [
        f"BHT*0085*08*{control}*{moment:%Y%m%d*%H%M}*TH",
        "HL*1**20*1",
        f"NM1*AY*2*CLEARING HOUSE*****46*{CLEARING_HOUSE}",
        f"TRN*1*{control}",
        f"DTP*050*D8*{day(submission.at)}",
        f"DTP*009*D8*{day(at)}",
        "HL*2*1*21*1",
        f"NM1*41*2*NORTHSIDE HEALTH*****46*{BILLING}",
        f"TRN*2*{submission.reference}",
        f"STC*A1:19:PR*{day(at)}*WQ*{dollars(total)}",
        f"QTY*90*{len(accepted)}",
        "HL*3*2*19*1",
        "NM1*85*2*NORTHSIDE HEALTH*****XX*1999999984",
        "TRN*1*0",
    ]
    for n, claim in enumerate(submission.claims, start=4):
        status, action = ("A3:21", "U") if claim.rejected else ("A2:20:PR", "WQ")
        out += [
            f"HL*{n}*3*PT",
            f"NM1*QC*1*TEST*{claim.given}****MI*{claim.mrn}",
            f"TRN*2*{claim.account}",
            f"STC*{status}*{day(at)}*{action}*{dollars(claim.cents)}",
            *([] if claim.rejected else [f"REF*1K*{claim.payer_number}"]),
            f"DTP*472*D8*{day(claim.discharged)}",
        ]
    return interchange("277", control, at, out, CLEARING_HOUSE, BILLING)


def remittance_835(
    submission: Submission, control: str, at: float, misread: Container[str] = frozenset()
) -> bytes:
    """The 835: every claim that was not rejected paid at 60 per cent, the rest contractual (CAS CO 45).

    Of claims in `misread`, by key, the payer has lost the last digit of the dollars.
    """
    submission = replace(
        submission,
        claims=tuple(
            replace(claim, cents=claim.cents // 10) if claim.key in misread else claim
            for claim in submission.claims
        ),
    )
    paid = [(c, c.cents * 60 // 100) for c in submission.claims if not c.rejected]
    total = dollars(sum(cents for _, cents in paid))
    out = [
        f"BPR*I*{total}*C*ACH*CCP*01*999999992*DA*1*1999999999**01*999999992*DA*2*{day(at)}",
        f"TRN*1*EFT{control}*1999999999",
        f"DTM*405*{day(at)}",
        "N1*PR*EXAMPLE PAYER",
        "N3*2 EXAMPLE STREET",
        "N4*TESTVILLE*IL*600000000",
        "PER*BL*PAYER DESK*TE*3125550101",
        "N1*PE*NORTHSIDE HEALTH*XX*1999999984",
        "LX*1",
    ]
    for claim, cents in paid:
        out += [
            f"CLP*{claim.account}*1*{dollars(claim.cents)}*{dollars(cents)}**CI*{claim.payer_number}*11*1",
            f"CAS*CO*45*{dollars(claim.cents - cents)}",
            f"NM1*QC*1*TEST*{claim.given}****MI*{claim.mrn}",
            f"DTM*232*{day(claim.admitted)}",
            f"DTM*233*{day(claim.discharged)}",
        ]
    return interchange("835", control, at, out, CLEARING_HOUSE, BILLING)


def accounts_837(data: bytes) -> tuple[str, list[str]]:
    """(interchange control number, CLM01 of every claim) as a receiver reads a file of `claims_837`."""
    text = data.decode("ascii")
    elements, end = text[3], text[105]
    segments = [segment.strip().split(elements) for segment in text.split(end)]
    return segments[0][13], [segment[1] for segment in segments if segment[0] == "CLM"]
