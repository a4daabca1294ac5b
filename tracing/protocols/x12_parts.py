"""What one X12 transaction tells, in a form that does not depend on which transaction it is.

Called by the file observer. A transaction has a summary and parts: claims (837, 835, 277, 277CA), inquiries
(270, 271, 276, 278), orders (856), or the verdicts a 999 passes on transactions. Whatever another
transaction can refer to has an identity, and whatever refers to something says its identity: so an answer
finds what it answers without anybody keeping a list (CAQH CORE: GS02, GS03, GS06, ST02, BHT03, TRN02).
Only codes, numbers and identifiers are taken, and only from where the guides put them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from tracing.protocols.x12_claims import Claim, claims, functional_acknowledgement
from tracing.protocols.x12_envelope import InterchangeAcknowledgement, Segment, Transaction
from tracing.protocols.x12_orders import acknowledged, amount, element, goods, numbered, order_numbers

Keys = tuple[tuple[str, str, str], ...]
"""(kind, authority or "" for the interface's own, value)."""
Measures = tuple[tuple[str, Decimal], ...]

_PAYER: Final = re.compile(r"[A-Za-z0-9]{1,20}")
_PLACES: Final = (
    ("account", "CLM01"),
    ("account", "CLP01"),
    ("account", "REF*EJ02"),
    ("claim", "CLM01"),
    ("claim", "CLP01"),
    ("claim", "CLP07"),
    ("claim", "REF*1K02"),
    ("claim", "REF*F802"),
    ("claim", "REF*D902"),
    ("remittance", "TRN02"),
    ("inquiry", "TRN02"),
    ("purchase_order", "BEG03"),
    ("purchase_order", "BAK03"),
    ("purchase_order", "PRF01"),
    ("purchase_order", "BIG04"),
    ("requisition", "REF*RQ02"),
    ("invoice", "BIG02"),
    ("shipment", "BSN02"),
    ("mrn", "REF*EA02"),
    ("item", "PO107"),
    ("item", "LIN03"),
    ("lot", "REF*LT02"),
    ("lot", "LIN03"),
)
_ABOVE: Final = ("20", "21", "19")
"""HL03 of payer, receiver and provider: a TRN there is not about one patient."""
_CERTIFIED: Final = MappingProxyType({"A1": "accepted", "NA": "accepted", "A2": "partial", "A6": "partial"})
"""HCR01 of a 278 response, as outcomes; A3 is refused, everything else is not decided."""


@dataclass(frozen=True, slots=True)
class Part:
    """One claim, inquiry, order or verdict.

    `operation` names its kind. `identity` is what an answer will call it, `answers` the identity of what it
    answers; both "" where there is none. `status` and `reason` are codes. Amounts are US dollars.
    """

    operation: str
    keys: Keys = ()
    outcome: str = "accepted"
    status: str = ""
    reason: str = ""
    measures: Measures = ()
    identity: str = ""
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a transaction says as a whole.

    `meets` are identities of things that are no message of their own (an interchange, a batch) and at which
    this transaction and others meet. `conversation` are the control numbers it answers.
    """

    outcome: str = "accepted"
    status: str = ""
    reason: str = ""
    conversation: str = ""
    keys: Keys = ()
    measures: Measures = ()
    identity: str = ""
    answers: tuple[str, ...] = ()
    meets: tuple[str, ...] = ()


def interchange_identity(sender: str, receiver: str, isa13: str) -> str:
    """An interchange as its TA1 knows it: who sent it, to whom, under which number."""
    return f"interchange|{sender.strip()}|{receiver.strip()}|{_plain(isa13)}"


def set_identity(sender: str, receiver: str, gs06: str, st01: str, st02: str) -> str:
    """A transaction set as its 999 knows it."""
    return f"set|{sender}|{receiver}|{_plain(gs06)}|{st01}|{_plain(st02)}"


def answered_interchange(ta1: InterchangeAcknowledgement) -> str:
    """The identity of the interchange a TA1 is about: sender and receiver have changed sides."""
    return interchange_identity(element(ta1.own, 8), element(ta1.own, 6), ta1.isa13)


def places() -> list[tuple[str, str]]:
    """Kinds of keys and the elements they are read from, by the guides' names."""
    return list(_PLACES)


def describe(transaction: Transaction) -> tuple[Summary, list[Part]]:
    """The summary and parts of any transaction; one that is not known has a summary only."""
    found = list(_PARTS.get(transaction.st01, _nothing)(transaction))
    return _summary(transaction, found), found


def _plain(number: str) -> str:
    return number.strip().lstrip("0")


def _nothing(transaction: Transaction) -> Iterator[Part]:
    return iter(())


def _claims(transaction: Transaction) -> Iterator[Part]:
    message = transaction.message
    payer = _payer(transaction)
    for claim in claims(transaction):
        submitted = message == "837"
        batch = f"claim|{claim.reference}|{claim.clm01}" if claim.reference and claim.clm01 else ""
        status = ".".join(filter(None, transaction.components(claim.status))) if claim.status else ""
        yield Part(
            "claim",
            _claim_keys(claim, payer, submitted),
            # An 837 carries no verdict: that it was written is what the interface had to do.
            "accepted" if submitted else claim.outcome,
            status,
            claim.reason,
            _claim_measures(claim),
            identity=batch if submitted else "",
            answers=batch if message == "277CA" else "",
        )


def _claim_keys(claim: Claim, payer: str, submitted: bool) -> Keys:
    # CLM01 usually is the patient account number, and is what both sides know the claim by.
    found = [("account", "", claim.clm01), ("claim", "", claim.clm01)]
    found.append(("claim", payer, claim.payer_claim))
    found.append(("claim", "CLEARINGHOUSE", claim.refs.get("D9", "")))
    if submitted:
        found.append(("mrn", "", claim.refs.get("EA", "")))
    return tuple(key for key in found if key[2])


def _claim_measures(claim: Claim) -> Measures:
    found = []
    if claim.amount is not None:
        found.append(("amount", claim.amount))
    if claim.charge is not None:
        found.append(("charge", claim.charge))
    return tuple(found)


def _payer(transaction: Transaction) -> str:
    """Assigning authority of the payer's claim numbers, by the payer's own identifier where it is named."""
    for segment in transaction.segments:
        name = segment[0]
        if name == "CLP":
            break
        if name in ("NM1", "N1") and element(segment, 1) == "PR":
            identifier = element(segment, 9 if name == "NM1" else 4)
            return f"PAYER:{identifier}" if _PAYER.fullmatch(identifier) else "PAYER"
    return "PAYER"


def _inquiries(transaction: Transaction) -> Iterator[Part]:
    """270, 271, 276, 277 and 278: one part per traced subscriber, claim or event."""
    level = ""
    open_part: _Inquiry | None = None
    per_trace = transaction.st01 in ("276", "277")
    payer = _payer(transaction)
    for segment in transaction.segments:
        name = segment[0]
        if name == "HL" or (name == "TRN" and per_trace):
            if open_part is not None:
                yield open_part.part()
            open_part = None
        if name == "HL":
            level = element(segment, 3)
        elif name == "TRN" and level not in _ABOVE:
            open_part = open_part or _Inquiry(transaction, payer)
            open_part.traces.append(element(segment, 2))
        elif open_part is not None:
            open_part.take(segment)
    if open_part is not None:
        yield open_part.part()


class _Inquiry:
    """One inquiry or its answer while its segments go by."""

    def __init__(self, transaction: Transaction, payer: str) -> None:
        self.transaction = transaction
        self.payer = payer
        self.traces: list[str] = []
        self.account = self.payer_claim = self.status = self.reason = ""
        self.outcome = "accepted"
        self.measures: Measures = ()

    def take(self, segment: Segment) -> None:
        name = segment[0]
        if name == "REF" and element(segment, 1) == "EJ":
            self.account = self.account or element(segment, 2)
        elif name == "REF" and element(segment, 1) == "1K":
            self.payer_claim = self.payer_claim or element(segment, 2)
        elif name == "AAA" and self.outcome != "rejected":
            self.outcome, self.reason = "rejected", element(segment, 3)
        elif name == "HCR" and not self.status:
            self.status = element(segment, 1)
            self.outcome = "rejected" if self.status == "A3" else _CERTIFIED.get(self.status, "none")
            self.reason = element(segment, 3) if self.outcome == "rejected" else ""
        elif name == "STC" and not self.status:
            codes = [code for code in self.transaction.components(element(segment, 1)) if code]
            self.status = ".".join(codes)
            refused = bool(codes) and (codes[0] in ("F2", "D0") or codes[0][0] in "E")
            self.outcome = "rejected" if refused else "accepted"
            self.reason = self.status if refused else ""
            charge = amount(element(segment, 4))
            self.measures = (("amount", charge),) if charge is not None else ()

    def part(self) -> Part:
        st01 = self.transaction.st01
        keys = [("account", "", self.account), ("claim", "", self.account)]
        keys.append(("claim", self.payer, self.payer_claim))
        keys += [("inquiry", "", trace) for trace in dict.fromkeys(self.traces)]
        asks = st01 in ("270", "276") or (st01 == "278" and _header(self.transaction, "BHT", 2) == "13")
        first = next(filter(None, self.traces), "")
        return Part(
            "inquiry",
            tuple(key for key in keys if key[2]),
            self.outcome,
            self.status,
            self.reason,
            self.measures,
            identity=f"inquiry|{first}" if asks and first else "",
            answers=f"inquiry|{first}" if not asks and first else "",
        )


def _status(transaction: Transaction) -> Iterator[Part]:
    return _claims(transaction) if transaction.message == "277CA" else _inquiries(transaction)


def _verdicts(transaction: Transaction) -> Iterator[Part]:
    answer = functional_acknowledgement(transaction)
    if answer is None or len(answer.sets) < 2:
        return  # one verdict is the transaction's own
    for one in answer.sets:
        rejected = one.outcome == "rejected"
        yield Part(
            "acknowledge",
            outcome=one.outcome,
            status=one.code,
            reason=one.errors[0] if one.errors and rejected else "",
            answers=set_identity(transaction.gs03, transaction.gs02, answer.gs06, one.st01, one.st02),
        )


def _shipped(transaction: Transaction) -> Iterator[Part]:
    found = list(dict.fromkeys(order_numbers(transaction)))
    if len(found) > 1:  # the orders of one shipment must not become one journey
        for number in found:
            yield Part("order", (("purchase_order", "", number),))


_PARTS: Final[Mapping[str, Callable[[Transaction], Iterator[Part]]]] = MappingProxyType(
    {
        "837": _claims,
        "835": _claims,
        "277": _status,
        "270": _inquiries,
        "271": _inquiries,
        "276": _inquiries,
        "278": _inquiries,
        "997": _verdicts,
        "999": _verdicts,
        "810": _shipped,
        "856": _shipped,
    }
)


def _summary(transaction: Transaction, found: list[Part]) -> Summary:
    st01 = transaction.st01
    identity = set_identity(transaction.gs02, transaction.gs03, transaction.gs06, st01, transaction.st02)
    meets: tuple[str, ...] = (interchange_identity(transaction.isa06, transaction.isa08, transaction.isa13),)
    outcome, status, reason, conversation = "accepted", "", "", ""
    keys: Keys = ()
    measures: Measures = ()
    answers: tuple[str, ...] = ()
    if st01 in ("999", "997"):
        outcome, status, reason, conversation, answers = _acknowledged(transaction)
    elif transaction.message == "277CA":
        outcome = combined([part.outcome for part in found])
        conversation = _batch(transaction)
        meets += (f"batch|{conversation}",) if conversation else ()
    elif st01 == "837":
        reference = _header(transaction, "BHT", 3)
        meets += (f"batch|{reference}",) if reference else ()
    elif st01 in ("835", "820"):
        keys = _filled("remittance", _header(transaction, "TRN", 2))
        paid = amount(_header(transaction, "BPR", 2))
        measures = (("amount", paid),) if paid is not None else ()
    elif st01 in ("850", "855", "810", "856"):
        numbers = list(dict.fromkeys(order_numbers(transaction)))
        keys = _filled("purchase_order", numbers[0]) if len(numbers) == 1 else ()
        # An invoice or shipment for several orders is none of theirs alone.
        keys += _filled("invoice", _header(transaction, "BIG", 2))
        keys += _filled("shipment", _header(transaction, "BSN", 2))
        keys += goods(transaction)
        measures = numbered(transaction)
        if st01 == "855":
            outcome, status = acknowledged(transaction)
    elif st01 == "834":
        members = sum(segment[0] == "INS" for segment in transaction.segments)
        measures = (("members", Decimal(members)),)
    elif st01 in ("271", "277", "278") and (refused := _refused_above(transaction)) and not found:
        outcome, reason = "rejected", refused
    if not transaction.complete:
        outcome, reason = "error", "SE_missing"
    return Summary(outcome, status, reason, conversation, keys, measures, identity, answers, meets)


def combined(outcomes: list[str]) -> str:
    """Of a whole by those of its parts: `partial` where some were accepted and some were not."""
    refused = outcomes.count("rejected")
    if not refused:
        return "accepted"
    return "rejected" if refused == len(outcomes) else "partial"


def _acknowledged(transaction: Transaction) -> tuple[str, str, str, str, tuple[str, ...]]:
    answer = functional_acknowledgement(transaction)
    if answer is None:
        return "none", "", "", "", ()
    answers = tuple(
        set_identity(transaction.gs03, transaction.gs02, answer.gs06, one.st01, one.st02)
        for one in answer.sets
    )
    conversation = answer.gs06
    if answer.sets and answer.gs06:
        conversation = f"{answer.gs06}-{answer.sets[0].st02}"
    errors = [error for one in answer.sets if one.outcome == "rejected" for error in one.errors]
    refused = answer.outcome in ("rejected", "partial") and errors
    return answer.outcome, answer.code, errors[0] if refused else "", conversation, answers


def _batch(transaction: Transaction) -> str:
    """TRN02 of the information receiver's level of a 277CA: BHT03 of the 837 it answers."""
    level = ""
    for segment in transaction.segments:
        if segment[0] == "HL":
            level = element(segment, 3)
        elif segment[0] == "TRN" and level == "21":
            return element(segment, 2)
    return ""


def _refused_above(transaction: Transaction) -> str:
    """AAA03 where payer or provider were already refused, so that no subscriber follows."""
    return next((element(s, 3) or "AAA" for s in transaction.segments if s[0] == "AAA"), "")


def _header(transaction: Transaction, name: str, number: int) -> str:
    """An element of the first segment of this name."""
    return next((element(s, number) for s in transaction.segments if s[0] == name), "")


def _filled(kind: str, value: str) -> Keys:
    return ((kind, "", value),) if value else ()
