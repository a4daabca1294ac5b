"""Discharges on the wire, as a tap sees them, in a real store with the real resolver and evaluator.

Messages go through the tap's own observers, so that what a browser test reads on a page is what an EHR, an
engine, a billing system and an ERP said.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import TypeAdapter

from collector.taps.config import FolderInterface, HttpInterface, MllpInterface
from collector.taps.origin import resource
from collector.taps.replay import Observer
from slo import objectives, workflows
from slo.workflows import Evaluator
from tracing import spans
from tracing.context import SiteKey
from tracing.identity import Resolver
from tracing.keys import Key, Sealer
from tracing.store import Store

WORKFLOWS = Path(__file__).parents[2] / "workflows"
SITE_KEY = SiteKey(bytes(range(32)))
SEALER = Sealer(SITE_KEY)
MINUTE = timedelta(minutes=1)

_HL7 = {
    "kind": "mllp",
    "listen": "127.0.0.1:1",
    "upstream": "127.0.0.1:1",
    "facility": "NSH",
    "authority": "NSH",
}
_INTERFACES = TypeAdapter(list[MllpInterface | HttpInterface | FolderInterface]).validate_python(
    [
        {
            **_HL7, "name": "ehr-adt", "source": "ehr", "destination": "engine",
            "attributes": {"patient_class": "PV1-2"},
        },
        {**_HL7, "name": "billing-dft", "source": "engine", "destination": "billing"},
        {
            "name": "erp-journals", "kind": "http", "listen": "127.0.0.1:1", "upstream": "http://127.0.0.1:1",
            "source": "engine", "destination": "erp", "facility": "NSH", "authority": "NSH",
            "routes": ["POST /journals"], "keys": [{"kind": "account", "pointer": "/reference"}],
            "measures": {"amount": "/total"}, "reason": "/code",
        },
        {
            "name": "claims-out", "kind": "folder", "path": "/nowhere", "source": "billing",
            "destination": "clearinghouse", "facility": "NSH", "authority": "NSH",
        },
    ]
)  # fmt: skip


@dataclass
class _Spans:
    """Where the observers leave their spans, by scope."""

    found: dict[bytes, list[bytes]] = field(default_factory=dict)

    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        self.found.setdefault(scope, []).append(encoded)
        return True

    def request(self) -> bytes:
        scopes = b"".join(spans.scope_spans(scope, b"".join(parts)) for scope, parts in self.found.items())
        self.found = {}
        return spans.export_request(resource("northside", "test"), scopes)


class RealHospital:
    """A store with the shipped discharge workflow active; `discharge` sends, `settle` lets the core look."""

    def __init__(self, store: Store, now: datetime) -> None:
        self.store = store
        self._spans = _Spans()
        self._observer = Observer(_INTERFACES, SITE_KEY, self._spans)
        workflows.activate(store, WORKFLOWS / "discharge-to-cash.yaml", now)
        objectives.activate(store, objectives.shipped(), now)
        self._resolver = Resolver(store)
        self._evaluator = Evaluator(store)

    def discharge(
        self,
        visit: str,
        at: datetime,
        billing: bool = True,
        journal: int | None = 201,
        claim_h: float | None = None,
    ) -> str:
        """One inpatient leaves at `at`; the charge follows after three minutes, the journal after seven.

        journal: the ERP's HTTP status, None when nothing reached it. claim_h: hours until the claim is
        written, None when it is not. Answers with the journey.
        """
        account = "A" + visit[1:]
        self._mllp("ehr-adt", _adt(visit, account, at), at, 0.42)
        if billing:
            self._mllp("billing-dft", _dft(visit, account, at + 3 * MINUTE), at + 3 * MINUTE, 0.131)
        if journal is not None:
            fine = journal < 300
            posted = at + 7 * MINUTE
            self._observer.observe_http(
                "erp-journals",
                "POST",
                "/journals",
                json.dumps({"reference": account, "total": 4310.5, "cost_centre": "4711"}).encode(),
                journal,
                json.dumps({"id": 1} if fine else {"code": "cost_centre_unknown"}).encode(),
                _ns(posted),
                _ns(posted + timedelta(milliseconds=212)),
                [(b"content-type", b"application/json")],
                [(b"content-type", b"application/json")],
            )
        if claim_h is not None:
            written = at + timedelta(hours=claim_h)
            self._observer.observe_file(
                "claims-out", f"{account}.837", _claim(account, written), _ns(written)
            )
        return SEALER.token(Key("visit", "NSH", visit))

    def merge(self, old: str, visit: str, at: datetime) -> None:
        """The EHR says that patient number `old` and that of the patient of `visit` are one (A40)."""
        head = f"MSH|^~\\&|EHR|NSH|ENGINE|NSH|{at:%Y%m%d%H%M%S}||ADT^A40^ADT_A39|MRG{at:%d%H%M%S%f}|P|2.5.1"
        person = f"PID|1||{visit[-4:]}77^^^NSH^MR||Testa^Anna||19550101|F"
        merged = f"MRG|{old}^^^NSH^MR"
        message = _segments([head, f"EVN|A40|{at:%Y%m%d%H%M%S}", person, merged])
        self._mllp("ehr-adt", message, at, 0.05)

    def shared_account(self, account: str, visits: list[str], at: datetime) -> None:
        """One account number in the discharges of many visits: somebody's default."""
        for number, visit in enumerate(visits):
            sent = at + number * MINUTE
            self._mllp("ehr-adt", _adt(visit, account, sent), sent, 0.1)

    def settle(self, now: datetime) -> None:
        """Stores what was sent and lets resolver and evaluator run until they rest."""
        self.store.insert_otlp(self._spans.request(), uuid.uuid4().hex)
        self.rest(now)

    def rest(self, now: datetime) -> None:
        """Lets resolver and evaluator run until nothing is left to do."""
        for _ in range(20):
            if not self._resolver.step(now) + self._evaluator.step(now):
                break

    def _mllp(self, interface: str, message: bytes, at: datetime, answer_s: float) -> None:
        control = message.split(b"|")[9]
        ack = _segments(
            [f"MSH|^~\\&|X|NSH|Y|NSH|{at:%Y%m%d%H%M%S}||ACK|1|P|2.5.1", f"MSA|AA|{control.decode()}"]
        )
        self._observer.observe_mllp(interface, message, ack, _ns(at), _ns(at + timedelta(seconds=answer_s)))


def _ns(at: datetime) -> int:
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000


def _segments(segments: list[str]) -> bytes:
    return "\r".join([*segments, ""]).encode()


def _who(visit: str, account: str) -> list[str]:
    person = f"PID|1||{visit[-4:]}77^^^NSH^MR||Testa^Anna||19550101|F||||||||||{account}"
    stay = f"PV1|1|I|WARD^1^2||||||||||||||||{visit}"
    return [person, stay]


def _adt(visit: str, account: str, at: datetime) -> bytes:
    head = f"MSH|^~\\&|EHR|NSH|ENGINE|NSH|{at:%Y%m%d%H%M%S}||ADT^A03^ADT_A03|ADT{at:%d%H%M%S%f}|P|2.5.1"
    return _segments([head, f"EVN|A03|{at:%Y%m%d%H%M%S}", *_who(visit, account)])


def _dft(visit: str, account: str, at: datetime) -> bytes:
    head = f"MSH|^~\\&|ENGINE|NSH|BILLING|NSH|{at:%Y%m%d%H%M%S}||DFT^P03^DFT_P03|DFT{at:%d%H%M%S%f}|P|2.5.1"
    return _segments(
        [head, f"EVN|P03|{at:%Y%m%d%H%M%S}", *_who(visit, account), "FT1|1|||20260310||CG|99238|||1|4310.50"]
    )


def _claim(account: str, at: datetime) -> bytes:
    """A professional claim (005010X222A1) with the account number in CLM01."""
    segments = [
        "ISA*00*          *00*          *ZZ*NSH            *ZZ*CLEARING       "
        f"*{at:%y%m%d*%H%M}*^*00501*000000001*0*T*:",
        f"GS*HC*NSH*CLEARING*{at:%Y%m%d*%H%M}*1*X*005010X222A1",
        "ST*837*0001*005010X222A1",
        f"BHT*0019*00*{account}*{at:%Y%m%d*%H%M}*CH",
        "HL*1**20*1",
        f"CLM*{account}*4310.5***11:B:1*Y*A*Y*Y",
        "SE*5*0001",
        "GE*1*1",
        "IEA*1*000000001",
    ]
    return "".join(f"{segment}~" for segment in segments).encode()
