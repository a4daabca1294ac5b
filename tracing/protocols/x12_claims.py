"""What X12 transactions say about claims, and about other transactions.

Called through `x12` by the folder tap. Reads the claim of an 837 (005010X222A1, X223A2), its status
in a 277CA (005010X214) or 277 (005010X212), its payment in an 835 (005010X221A1), and the verdict of
a 999 (005010X231A1) or 997. Only looks where the implementation guides put each value, and returns ""
or None for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final, Literal

from tracing.protocols.x12_envelope import Segment, Transaction

Outcome = Literal["accepted", "rejected", "partial", "none"]

_REFUSED: Final = frozenset({"A3", "A4", "A6", "A7", "A8"})
"""Claim status categories (STC01-1) by which a claim is not taken into adjudication."""
_DENIED: Final = "4"
"""CLP02, claim status code 1029: denied."""
_CLAIM_INFORMATION_ENDS: Final = frozenset({"HL", "NM1", "SBR", "LX", "CLM", "SE"})
"""Segments that end loop 2300 of an 837; a REF behind them belongs to a provider or a line."""
_NO_REFS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim as one transaction tells of it.

    `clm01` is the provider's claim identifier, usually the patient account number: CLM01 of an 837,
    TRN02 of a 277CA, CLP01 of an 835. `amount` is CLM02, STC04 or the payment CLP04; `charge` the
    total charge, in US dollars. `status` is the code as sent: STC01 (`A1:20`) or CLP02. `outcome` is
    `none` where the transaction passes no verdict (837). `reason` is a code, never text: STC01 or the
    first adjustment of a denial, components joined by a dot. `refs` holds the claim's own REF
    segments by qualifier: D9 clearing house's number, EA medical record number, 1K payer's number,
    F8 original number. `payer_claim` is CLP07 or REF*1K. `reference` is what ties the claim to its
    transmission: BHT03 of the 837, which the 277CA returns in its own TRN02, or the check or EFT
    number TRN02 of the 835. `submitter` is the identifier in NM1*41, `date` BHT04 (CCYYMMDD).
    """

    clm01: str
    amount: Decimal | None = None
    charge: Decimal | None = None
    status: str = ""
    outcome: Outcome = "none"
    reason: str = ""
    refs: Mapping[str, str] = field(default_factory=lambda: _NO_REFS)
    payer_claim: str = ""
    reference: str = ""
    submitter: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class SetAcknowledgement:
    """Verdict on one transaction set: AK201, AK202, IK501 or AK501, and the error codes after it."""

    st01: str
    st02: str
    code: str
    errors: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """A and E are accepted (E with errors noted); M, R, W and X rejected."""
        return "accepted" if self.code in ("A", "E") else "rejected"


@dataclass(frozen=True, slots=True)
class FunctionalAcknowledgement:
    """A 999 or 997: AK101 (`HC`), AK102 = GS06 of what it answers, AK901, and a verdict per set."""

    gs01: str
    gs06: str
    code: str
    sets: tuple[SetAcknowledgement, ...]

    @property
    def outcome(self) -> Outcome:
        """A and E are accepted, P (some sets rejected) is partial; R and the rest are rejected."""
        return "accepted" if self.code in ("A", "E") else "partial" if self.code == "P" else "rejected"


def claims(transaction: Transaction) -> list[Claim]:
    """The claims in an 837, 277CA, 277 or 835, in order; [] for every other transaction."""
    reader = _READERS.get(transaction.st01)
    return list(reader(transaction)) if reader else []


def functional_acknowledgement(transaction: Transaction) -> FunctionalAcknowledgement | None:
    """The verdict of a 999 or 997, None for any other transaction."""
    if transaction.st01 not in ("999", "997"):
        return None
    gs01 = gs06 = code = ""
    sets: list[SetAcknowledgement] = []
    for segment in transaction.segments:
        name = segment[0]
        if name == "AK1":
            gs01, gs06 = _at(segment, 1), _at(segment, 2)
        elif name == "AK2":
            sets.append(SetAcknowledgement(_at(segment, 1), _at(segment, 2), "", ()))
        elif name in ("IK5", "AK5") and sets:
            errors = tuple(filter(None, segment[2:]))
            sets[-1] = SetAcknowledgement(sets[-1].st01, sets[-1].st02, _at(segment, 1), errors)
        elif name == "AK9":
            code = _at(segment, 1)
    return FunctionalAcknowledgement(gs01, gs06, code, tuple(sets))


def _at(segment: Segment, number: int) -> str:
    return segment[number].strip() if number < len(segment) else ""


def _money(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _submitted(transaction: Transaction) -> Iterator[Claim]:
    reference = submitter = date = ""
    claim: Segment | None = None
    refs: dict[str, str] = {}
    for segment in transaction.segments:
        name = segment[0]
        if claim is not None and name in _CLAIM_INFORMATION_ENDS:
            yield _submitted_claim(claim, refs, reference, submitter, date)
            claim = None
        if name == "CLM":
            claim, refs = segment, {}
        elif name == "REF" and claim is not None:
            refs.setdefault(_at(segment, 1), _at(segment, 2))
        elif name == "BHT":
            reference, date = _at(segment, 3), _at(segment, 4)
        elif name == "NM1" and _at(segment, 1) == "41":
            submitter = _at(segment, 9)
    if claim is not None:
        yield _submitted_claim(claim, refs, reference, submitter, date)


def _submitted_claim(
    segment: Segment, refs: dict[str, str], reference: str, submitter: str, date: str
) -> Claim:
    amount = _money(_at(segment, 2))
    return Claim(
        clm01=_at(segment, 1),
        amount=amount,
        charge=amount,
        refs=MappingProxyType(refs),
        payer_claim=refs.get("F8", ""),
        reference=reference,
        submitter=submitter,
        date=date,
    )


def _paid(transaction: Transaction) -> Iterator[Claim]:
    reference = ""
    claim: Segment | None = None
    refs: dict[str, str] = {}
    reason = ""
    in_lines = False
    for segment in transaction.segments:
        name = segment[0]
        if name in ("CLP", "LX", "PLB", "SE"):
            if claim is not None:
                yield _paid_claim(claim, refs, reason, reference)
            claim, refs, reason, in_lines = (segment if name == "CLP" else None), {}, "", False
        elif name == "SVC":
            in_lines = True
        elif name == "TRN":
            reference = _at(segment, 2)
        elif name == "CAS" and not reason:
            reason = ".".join(filter(None, (_at(segment, 1), _at(segment, 2))))
        elif name == "REF" and claim is not None and not in_lines:
            refs.setdefault(_at(segment, 1), _at(segment, 2))
    if claim is not None:
        yield _paid_claim(claim, refs, reason, reference)


def _paid_claim(segment: Segment, refs: dict[str, str], reason: str, reference: str) -> Claim:
    status = _at(segment, 2)
    denied = status == _DENIED
    return Claim(
        clm01=_at(segment, 1),
        amount=_money(_at(segment, 4)),
        charge=_money(_at(segment, 3)),
        status=status,
        outcome="rejected" if denied else "accepted",
        reason=reason if denied else "",
        refs=MappingProxyType(refs),
        payer_claim=_at(segment, 7),
        reference=reference,
    )


def _status(transaction: Transaction) -> Iterator[Claim]:
    """277CA and 277: a claim is a TRN below the patient's level, its batch the receiver's TRN."""
    level = reference = submitter = date = ""
    trace: str | None = None
    stc: Segment = ()
    refs: dict[str, str] = {}
    for segment in (*transaction.segments, ("SE",)):
        name = segment[0]
        if name in ("HL", "TRN", "SE") and trace is not None:
            yield _status_claim(transaction, trace, stc, refs, reference, submitter, date)
            trace = None
        if name == "HL":
            level = _at(segment, 3)
        elif name == "TRN" and level == "21":
            reference = _at(segment, 2)
        elif name == "TRN" and level in ("PT", "22", "23"):
            trace, stc, refs = _at(segment, 2), (), {}
        elif name == "STC" and trace is not None and not stc:
            stc = segment
        elif name == "REF" and trace is not None:
            refs.setdefault(_at(segment, 1), _at(segment, 2))
        elif name == "NM1" and _at(segment, 1) == "41":
            submitter = _at(segment, 9)
        elif name == "BHT":
            date = _at(segment, 4)


def _status_claim(
    transaction: Transaction,
    trace: str,
    stc: Segment,
    refs: dict[str, str],
    reference: str,
    submitter: str,
    date: str,
) -> Claim:
    status = _at(stc, 1)
    codes = transaction.components(status)
    refused = codes[0] in _REFUSED or _at(stc, 3) == "U"
    outcome: Outcome = "none" if not status else "rejected" if refused else "accepted"
    # The TRN of a 277 that answers a 276 is the inquiry's own; the account number is in REF*EJ.
    account = trace if transaction.message == "277CA" else refs.get("EJ", "")
    return Claim(
        clm01=account,
        amount=_money(_at(stc, 4)),
        charge=_money(_at(stc, 4)),
        status=status,
        outcome=outcome,
        reason=".".join(filter(None, codes)) if refused else "",
        refs=MappingProxyType(refs),
        payer_claim=refs.get("1K", ""),
        reference=reference,
        submitter=submitter,
        date=date,
    )


_READERS: Final[Mapping[str, Callable[[Transaction], Iterator[Claim]]]] = MappingProxyType(
    {"837": _submitted, "835": _paid, "277": _status}
)
