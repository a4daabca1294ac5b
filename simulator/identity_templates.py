"""The structure of HL7 v2.5.1 messages about identity: merges, changes, moves, links (3.3.18 to 3.3.54).

Called by `simulator.messages`, like `simulator.templates`, which builds the messages about stays.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from simulator.templates import Template, fill_pid, headed

STRUCTURES = {
    "A18": "ADT_A18",
    "A24": "ADT_A24",
    "A31": "ADT_A05",
    "A34": "ADT_A30",
    "A35": "ADT_A30",
    "A37": "ADT_A37",
    "A39": "ADT_A39",
    "A40": "ADT_A39",
    "A41": "ADT_A39",
    "A42": "ADT_A39",
    "A43": "ADT_A43",
    "A44": "ADT_A43",
    "A45": "ADT_A45",
    "A49": "ADT_A30",
    "A50": "ADT_A50",
}
"""Event -> abstract message."""
_GROUPS = {"ADT_A39": "ADT_A39_PATIENT", "ADT_A43": "ADT_A43_PATIENT"}
_WITH_STAY = {"ADT_A18", "ADT_A39", "ADT_A45", "ADT_A50"}


@cache
def notice(
    event: str, visit: bool, account: bool, prior_visit: bool, prior_account: bool, prior_mrn: bool
) -> Template:
    """One message about identity; the flags say which numbers it names (MRG holds the prior ones)."""
    structure = STRUCTURES[event]
    message = headed(structure, f"ADT^{event}")
    message.evn.evn_1, message.evn.evn_2, message.evn.evn_6 = event, "@now@", "@event_time@"
    body = message
    if structure in _GROUPS:
        body = message.add_group(_GROUPS[structure])
    fill_pid(body.add_segment("PID"), account)
    if structure in ("ADT_A24", "ADT_A37"):
        second = message.add_segment("PID")
        second.pid_1, second.pid_3 = "2", "@other@^^^@authority@^MR"
        second.pid_5, second.pid_7, second.pid_8 = "TEST^OTHER", "19700101", "U"
    if structure == "ADT_A05":
        message.pv1.pv1_1, message.pv1.pv1_2 = "1", "N"
    if structure == "ADT_A45":
        body = message.add_group("ADT_A45_MERGE_INFO")
    if prior_visit or prior_account or prior_mrn:
        mrg = body.add_segment("MRG")
        if prior_mrn:
            mrg.mrg_1 = "@prior_mrn@^^^@authority@^MR"
        if prior_account:
            mrg.mrg_3 = "@prior_account@^^^@authority@^AN"
        if prior_visit:
            mrg.mrg_5 = "@prior_visit@^^^@authority@^VN"
    if structure == "ADT_A18" or (visit and structure in _WITH_STAY):
        _stay(body.add_segment("PV1"), visit)
    return Template(message.to_er7())


def _stay(pv1: Any, visit: bool) -> None:
    pv1.pv1_1, pv1.pv1_2 = "1", "@patient_class@"
    if visit:
        pv1.pv1_19 = "@visit@^^^@authority@^VN"
