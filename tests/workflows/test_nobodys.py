"""What names no key starts nothing: the interchange beside the claims in it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from collector.taps.replay import Observer
from slo.workflows import Evaluator, read
from slo.workflows.activate import activate
from slo.workflows.judge import Seen, judge
from slo.workflows.load import define_text
from tests.taps.world import SITE, adt, interfaces
from tests.workflows.sent import Sent
from tests.workflows.traffic import MONDAY
from tracing.identity import Resolver
from tracing.store import Store

TEXT = """\
apiVersion: caretrail/v1
kind: Workflow
metadata: {name: claims, title: Claims are answered, owner: Revenue cycle, criticality: low}
spec:
  journey: visit
  start: {message: ["837", ADT^A03]}
  steps:
    - {name: answered, match: {message: 277CA}, within: 1h}
"""
FILE = (
    b"ISA*00*          *00*          *ZZ*BILLING        *ZZ*HOUSE          *260302*1400*^*00501*000000007"
    b"*0*T*:~"
    b"GS*HC*BILLING*HOUSE*20260302*1400*7*X*005010X223A2~ST*837*0001*005010X223A2~"
    b"BHT*0019*00*B7*20260302*1400*CH~CLM*A1*100***11:A:1~CLM*A2*50***11:A:1~SE*5*0001~GE*1*7~IEA*1*000000007~"
)


def test_a_file_of_two_claims_starts_two_instances(store: Store) -> None:
    activate(store, define_text(TEXT, "claims.yaml"), MONDAY)
    mllp = {"name": "ehr-adt", "kind": "mllp", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}
    observer = Observer(
        interfaces({"name": "claims-out", "kind": "folder", "path": "out"}, mllp), SITE, Sent(store)
    )
    at = int(MONDAY.timestamp() * 1e9)
    observer.observe_file("claims-out", "a.x12", FILE, at)
    # A patient's number alone is a key, and names the journey where nothing better does.
    observer.observe_mllp("ehr-adt", adt(visit="", account=""), None, at, at)
    observer.observe_mllp("ehr-adt", adt(visit="", account="", mrn=""), None, at, at)
    Resolver(store).step(MONDAY)
    Evaluator(store).step(MONDAY)
    assert len(read.instances(store, "claims", MONDAY + timedelta(minutes=5))) == 3
    ((spans,),) = store.query("SELECT count() FROM spans WHERE message IN ('837', 'ADT^A03')").rows
    assert spans == 5


@pytest.mark.parametrize(("nobodys", "instances"), [(True, 0), (False, 1)])
def test_the_reference_says_the_same(nobodys: bool, instances: int) -> None:
    workflow = define_text(TEXT, "claims.yaml").workflow
    seen = Seen(MONDAY, MONDAY, message="837", nobodys=nobodys)
    assert len(judge(workflow, "a", [seen])) == instances
