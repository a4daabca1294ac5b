"""Whatever is killed: no message is lost or falsely acknowledged, no hop is lost or doubled."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.front.demo_process import eventually
from tests.front.hospital_processes import Processes, now, told

pytestmark = pytest.mark.slow
# CARETRAIL_AWAY_S=60 repeats it with a whole minute; nothing but the number of messages depends on it.
AWAY_S = float(os.environ.get("CARETRAIL_AWAY_S", "8"))


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    running = Processes(tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_messages_flow_while_the_core_is_dead_and_every_hop_is_there_afterwards(processes: Processes) -> None:
    processes.flowing(hops=20)
    processes.kill(processes.core)
    killed = now()
    time.sleep(AWAY_S)
    during = processes.hops_since(killed)
    assert len(during) >= 5, "the hospital stood still"
    answered = [hop for hop in during if hop["outcome"] != "none"]
    assert answered == during
    assert max(hop["end"] - hop["at"] for hop in during) < 5e9
    processes.core.start()
    processes.ready()
    processes.hospital.stop()
    wanted = told(processes.hops())
    assert eventually(lambda: processes.stored() == wanted, within_s=60)


def test_a_killed_tap_breaks_the_connection_and_the_sender_sends_again(processes: Processes) -> None:
    processes.flowing(hops=20)
    processes.kill(processes.taps)
    killed = now()
    time.sleep(1.0)
    # Nobody acknowledges in the tap's place: what is sent now is not answered.
    assert not [hop for hop in processes.hops_since(killed) if hop["outcome"] == "accepted"]
    processes.taps.start()
    processes.flowing(hops=20, since=killed + 1)
    processes.hospital.stop()
    hops = processes.hops()
    accepted = told([hop for hop in hops if hop["outcome"] == "accepted"])
    # Every message the hospital holds for accepted has a hop; a message cut off may have one more.
    eventually(lambda: not accepted - processes.stored(), within_s=60)
    resent = told(hops) - accepted
    assert not {key for key, count in processes.stored().items() if count > accepted[key] + resent[key]}
    unanswered = {hop["control_id"] for hop in hops if hop["outcome"] == "none" and hop["control_id"]}
    delivered = {hop["control_id"] for hop in hops if hop["outcome"] != "none"}
    assert unanswered <= delivered, "a message that was cut off was never sent again"
