"""All kinds together: the union the settings file is read with, and what two interfaces may not share.

Called by the front door. A new kind is added to `Interface` here and to `collector.taps.kinds`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from collector.taps.config.base import TapConfigError, describe
from collector.taps.config.database import DatabaseInterface
from collector.taps.config.folder import FolderInterface
from collector.taps.config.http import HttpInterface
from collector.taps.config.mllp import MllpInterface

AnyInterface = MllpInterface | HttpInterface | FolderInterface | DatabaseInterface
Interface = Annotated[AnyInterface, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[AnyInterface] = TypeAdapter(Interface)
KINDS = frozenset(model.model_fields["kind"].annotation.__args__[0] for model in AnyInterface.__args__)
"""The words `kind` may be."""


def load_interfaces(items: Iterable[Any]) -> list[AnyInterface]:
    """Interfaces from parsed YAML (a list of mappings).

    Raises `TapConfigError` whose text has one line per mistake: interface, key, what is wrong.
    """
    loaded = []
    problems: list[str] = []
    for index, item in enumerate(items):
        try:
            loaded.append(_ADAPTER.validate_python(item))
        except ValidationError as error:
            name = item.get("name") if isinstance(item, dict) else None
            problems += describe(error, str(name) if name else f"number {index + 1}", KINDS)
    if problems:
        raise TapConfigError("\n".join(problems))
    check_together(loaded)
    return loaded


def check_together(interfaces: Iterable[AnyInterface]) -> None:
    """Raise `TapConfigError` where two interfaces share a name or an address."""
    names: set[str] = set()
    addresses: dict[str, str] = {}
    listed = list(interfaces)
    for interface in listed:
        if interface.name in names:
            raise TapConfigError(f"interface {interface.name!r}: name: two interfaces have this name")
        names.add(interface.name)
        listen = getattr(interface, "listen", None)
        if listen and not listen.endswith(":0"):
            other = addresses.setdefault(listen, interface.name)
            if other != interface.name:
                raise TapConfigError(f"interface {interface.name!r}: listen: {listen} is taken by {other!r}")
    _check_acknowledges(listed)


def _check_acknowledges(interfaces: Iterable[AnyInterface]) -> None:
    """Raise `TapConfigError` where acknowledgements come back for an interface that is not there."""
    described = {one.name: one for one in interfaces}
    for one in described.values():
        if isinstance(one, MllpInterface) and one.acknowledges is not None:
            meant = described.get(one.acknowledges)
            if not isinstance(meant, MllpInterface):
                # Only for a mistake: it brings YAML along.
                from tracing.documents import nearest

                near = nearest(one.acknowledges, (n for n, o in described.items() if o.kind == "mllp"))
                raise TapConfigError(
                    f"interface {one.name!r}: acknowledges: no mllp interface {one.acknowledges!r}{near}"
                )
