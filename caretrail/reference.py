"""Reference pages made from the code they describe: settings and span attributes.

`python -m caretrail.reference` writes them; a test fails when they are behind the code.
"""

from __future__ import annotations

import json
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from caretrail.settings import Settings
from collector.engines.config import EngineConfig
from collector.taps.config import Interface
from tracing import attributes

ROOT = Path(__file__).parents[1]

_HEAD = """# Configuration

One file, `caretrail.yaml`, for every role; a role reads the parts it needs. Commands look for it at
`--config`, `$CARETRAIL_CONFIG`, `./caretrail.yaml`, `./.caretrail/caretrail.yaml`. Paths are relative to the
file's folder. Check it with `caretrail config check`; `caretrail config schema` prints its JSON schema for an
editor.

*Made from the settings model by `python -m caretrail.reference`; a test keeps it true.*
"""


def configuration_page() -> str:
    """docs/configuration.md."""
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        model = _model(field.annotation)
        if model is None:
            parts.append(f"\n## `{name}`\n\n{field.description}\n\nDefault: {_default(field)}\n")
        else:
            parts.append(f"\n## `{name}`\n\n{_first_line(model)}\n\n{_table(model)}")
    parts.append("\n# Interfaces\n\nEach item of `interfaces` has a `kind`.\n")
    for model in _members(Interface):
        kind = typing.get_args(model.model_fields["kind"].annotation)[0]
        parts.append(f"\n## `kind: {kind}`\n\n{_first_line(model)}\n\n{_table(model)}")
        for inner in _inner(model):
            parts.append(f"\n### {inner.__name__}\n\n{_first_line(inner)}\n\n{_table(inner)}")
    parts.append(f"\n# Engines\n\n{_first_line(EngineConfig)}\n\n{_table(EngineConfig)}")
    return "".join(parts)


def pages() -> dict[Path, str]:
    """Every generated page by its path."""
    return {
        ROOT / "docs" / "configuration.md": configuration_page(),
        ROOT / "docs" / "attributes.md": attribute_tables(),
    }


def attribute_tables() -> str:
    """The registry of span attributes as one Markdown table per place."""
    parts = []
    for place, title in (("resource", "Resource"), ("scope", "Scope"), ("span", "Span")):
        parts.append(
            f"## {title} attributes\n\n"
            "| attribute | type | stability | meaning | example |\n|---|---|---|---|---|"
        )
        parts.extend(
            f"| `{row.name}` | {row.kind} | {row.stability} | {row.meaning} | `{row.example}` |"
            for row in attributes.REGISTRY
            if row.place == place
        )
        parts.append("")
    return "\n".join(parts)


def _table(model: type[BaseModel]) -> str:
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if name == "kind" and _spell(field.annotation).startswith("`"):
            continue
        cells = (f"`{name}`", _spell(field.annotation), _default(field), field.description or "")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        shown = [item.model_dump(exclude_none=True) for item in value]
        return "`" + json.dumps(shown) + "`"
    if isinstance(value, BaseModel):
        return f"`{value.model_dump_json(exclude_defaults=True, exclude_none=True)}`"
    if isinstance(value, Path):
        return f"`{value}`"
    return f"`{json.dumps(value)}`" if value not in ("", (), {}) else "empty"


def _spell(annotation: Any) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _spell(inner[0])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_spell(one) for one in inner if one is not type(None))
    if origin is tuple:
        return f"list of {_spell(inner[0])}"
    if origin is dict:
        return f"map of {_spell(inner[1])}"
    names = {str: "text", int: "number", float: "number", bool: "true or false", Path: "path"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _model(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _members(annotation: Any) -> list[type[BaseModel]]:
    if (model := _model(annotation)) is not None:
        return [model]
    return [model for inner in typing.get_args(annotation) for model in _members(inner)]


def _inner(model: type[BaseModel]) -> list[type[BaseModel]]:
    return [found for field in model.model_fields.values() for found in _members(field.annotation)]


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        print(path.relative_to(ROOT))
