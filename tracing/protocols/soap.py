"""SOAP 1.1 and 1.2: which operation a request calls, and whether an answer is a fault.

Called by the HTTP tap for interfaces with `soap: true`. It reads names and codes only; the text of a fault
may hold anything about anybody and is not looked at.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element

ENVELOPES = frozenset(
    {"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"}
)
_ACTION = re.compile(r'action="?([^";]+)', re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


class Fault(NamedTuple):
    """`code` is the most special code there is, without its prefix; empty where none is written."""

    code: str


def action(soap_action: str, content_type: str) -> str:
    """The operation named by the SOAPAction header (1.1) or by the media type's action (1.2), or empty.

    An action is a URI; its last part is the operation: `urn:purchasing/CreateOrder` is `CreateOrder`.
    """
    text = soap_action.strip().strip('"')
    if not text and (match := _ACTION.search(content_type)) is not None:
        text = match[1]
    last = re.split(r"[/#:]", text.rstrip("/#:"))[-1]
    return last if _NAME.fullmatch(last) else ""


def body(root: Element) -> Element | None:
    """The Body of an envelope; None where `root` is no envelope."""
    namespace, _, name = root.tag.rpartition("}")
    if name != "Envelope" or namespace.lstrip("{") not in ENVELOPES:
        return None
    return next((child for child in root if child.tag == f"{namespace}}}Body"), None)


def operation(root: Element) -> str:
    """The name of the first element in the Body: the operation of a document without an action."""
    inside = body(root)
    if inside is None or not len(inside):
        return ""
    name = local_name(inside[0].tag)
    return name if _NAME.fullmatch(name) else ""


def fault(root: Element) -> Fault | None:
    """The fault in an envelope, if there is one."""
    inside = body(root)
    children = inside if inside is not None else ()
    found = next((child for child in children if local_name(child.tag) == "Fault"), None)
    if found is None:
        return None
    codes: list[str] = []
    for element in found.iter():
        name = local_name(element.tag)
        # 1.1 has faultcode, 1.2 Code/Value with Subcode/Value inside, from general to special.
        if name in ("faultcode", "Value") and element.text and len(codes) < 8:
            codes.append(element.text.strip().rpartition(":")[2])
        if name in ("Detail", "detail", "faultstring", "Reason"):
            break
    return Fault(next((code for code in reversed(codes) if _NAME.fullmatch(code)), ""))


def local_name(tag: object) -> str:
    """A tag without its namespace."""
    return str(tag).rpartition("}")[2]
