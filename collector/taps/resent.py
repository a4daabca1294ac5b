"""Which messages came before, byte for byte: senders that lost an acknowledgement send again.

Called by the HL7 observer for every message. Only hashes are kept, and only so many: what came longer ago
counts as new. It must never keep a message.
"""

from __future__ import annotations

REMEMBERED = 1024
MAX_ATTEMPTS = 64


class Resent:
    """The memory of one interface."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        # Two halves: when the young one is full it becomes the old one, and the old one is forgotten.
        self._half = max(1, remembered // 2)
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._again: dict[int, list[int]] = {}

    def attempt(self, content: bytes, at_ns: int) -> int:
        """1 for bytes that were not seen, else which transmission this is, by the times they arrived.

        The same transmission observed twice (an archive loaded again) has the same number both times.
        """
        known = hash(content)
        young = self._young
        first = young.get(known)
        if first is None:
            first = self._old.get(known)
            young[known] = at_ns if first is None else first
            if len(young) > self._half:
                self._old, self._young = young, {}
                self._again = {one: times for one, times in self._again.items() if one in young}
            if first is None:
                return 1
        if first == at_ns and known not in self._again:
            return 1
        times = self._again.setdefault(known, [first])
        if at_ns not in times:
            if len(times) >= MAX_ATTEMPTS:
                return MAX_ATTEMPTS
            times.append(at_ns)
            times.sort()
        return times.index(at_ns) + 1
