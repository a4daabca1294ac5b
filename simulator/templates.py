"""Message templates: each type's structure built once with hl7apy, filled many times by plain joining.

Called by `simulator.messages`. hl7apy takes milliseconds per message, which a month of history cannot afford;
so it builds the message with marks in place of values, and the marks are cut out of its output once.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from hl7apy.core import Message  # type: ignore[import-untyped]

VERSION = "2.5.1"
_MARK = re.compile(r"@(\w+)@")
_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"})


class Template:
    """A message with marks: `fill(values)` gives the message's bytes with segments ended by CR."""

    def __init__(self, er7: str) -> None:
        pieces = _MARK.split(er7.rstrip("\r") + "\r")
        self._texts: list[str] = pieces[::2]
        self.marks: list[str] = pieces[1::2]

    def fill(self, values: dict[str, str]) -> bytes:
        """Bytes (ASCII) with each mark replaced, HL7 delimiters in values escaped. KeyError names a mark."""
        out = [self._texts[0]]
        for mark, text in zip(self.marks, self._texts[1:], strict=True):
            out.append(values[mark].translate(_ESCAPES))
            out.append(text)
        return "".join(out).encode("ascii")


def headed(structure: str, kind: str) -> Any:
    """An hl7apy message with header and marks; `structure` is the abstract message, MSH-9.3."""
    message = Message(structure, version=VERSION)
    msh = message.msh
    msh.msh_3, msh.msh_4, msh.msh_5, msh.msh_6 = "@sender@", "@facility@", "@receiver@", "NSH"
    msh.msh_7, msh.msh_9, msh.msh_10 = "@now@", f"{kind}^{structure}", "@control_id@"
    msh.msh_11, msh.msh_12, msh.msh_18 = "P", VERSION, "ASCII"
    return message


def fill_pid(pid: Any, account: bool) -> None:
    """The patient identification, with an account number or without."""
    pid.pid_1, pid.pid_3 = "1", "@mrn@^^^@authority@^MR"
    pid.pid_5, pid.pid_7, pid.pid_8 = "TEST^@given@", "19700101", "U"
    pid.pid_11 = "1 EXAMPLE STREET^^TESTVILLE^IL^60000^USA"
    if account:
        pid.pid_18 = "@account@^^^@authority@^AN"


def _patient(message: Any, visit: bool, account: bool) -> None:
    fill_pid(message.pid, account)
    pv1 = message.pv1
    pv1.pv1_1, pv1.pv1_2 = "1", "@patient_class@"
    pv1.pv1_3, pv1.pv1_4 = "WARD4^12^A^@facility@", "R"
    pv1.pv1_7, pv1.pv1_10 = "D100^TEST^ATTENDING^^^DR", "@service@"
    if visit:
        pv1.pv1_19 = "@visit@^^^@authority@^VN"


@cache
def adt(event: str, from_ehr: bool, visit: bool, account: bool = True) -> Template:
    """ADT^A01 to A04, A08, A11 or A13. The EHR's own has more segments, one a Z-segment; the engine's fewer.

    visit, account: whether PV1-19 and PID-18 are there at all.
    """
    structure = {"A02": "ADT_A02", "A03": "ADT_A03", "A11": "ADT_A09"}.get(event, "ADT_A01")
    message = headed(structure, f"ADT^{event}")
    message.evn.evn_1, message.evn.evn_2, message.evn.evn_6 = event, "@now@", "@event_time@"
    _patient(message, visit, account)
    message.pv1.pv1_44 = "@admitted@"
    if event == "A03":
        message.pv1.pv1_36, message.pv1.pv1_45 = "01", "@event_time@"
    if from_ehr:
        message.pid.pid_13, message.pid.pid_22, message.pid.pid_26 = "^PRN^PH^^1^312^5550100", "U", "USA"
        message.pv1.pv1_14, message.pv1.pv1_18, message.pv1.pv1_20 = "1", "STD", "COM"
        if event != "A02":
            dg1 = message.add_segment("DG1")
            dg1.dg1_1, dg1.dg1_3, dg1.dg1_6 = "1", "R07.9^Chest pain, unspecified^I10", "W"
        if event in ("A01", "A04"):
            gt1 = message.add_segment("GT1")
            gt1.gt1_1, gt1.gt1_3, gt1.gt1_11 = "1", "TEST^@given@", "SEL"
            gt1.gt1_5 = "1 EXAMPLE STREET^^TESTVILLE^IL^60000^USA"
        z = message.add_segment("ZEH")
        z.zeh_1, z.zeh_2, z.zeh_3 = "1", "BED-CLEAN", "@now@"
    return Template(message.to_er7())


@cache
def dft(visit: bool, account: bool = True) -> Template:
    """DFT^P03: the charges of a stay as one detail financial transaction; without PV1 if it names neither."""
    message = headed("DFT_P03", "DFT^P03")
    message.evn.evn_1, message.evn.evn_2 = "P03", "@now@"
    if visit or account:
        _patient(message, visit, account)
    else:
        fill_pid(message.pid, account)
    financial = message.add_group("DFT_P03_FINANCIAL")
    ft1 = financial.add_segment("FT1")
    ft1.ft1_1, ft1.ft1_2, ft1.ft1_4, ft1.ft1_5 = "1", "@transaction@", "@event_time@", "@now@"
    ft1.ft1_6, ft1.ft1_7, ft1.ft1_10 = "CG", "99238^Hospital discharge day^CPT4", "1"
    ft1.ft1_11 = "@amount@&USD"
    ft1.ft1_13 = "CC4100"
    return Template(message.to_er7())


@cache
def ack(event: str, refused: bool) -> Template:
    """The acknowledgement (ACK^event^ACK) with MSA, and ERR when it is a negative one."""
    message = headed("ACK", f"ACK^{event}")
    message.msa.msa_1, message.msa.msa_2 = "@code@", "@acknowledged@"
    if refused:
        message.err.err_3, message.err.err_4 = "@error@^@error_text@^HL70357", "E"
    return Template(message.to_er7())
