"""The operations of an API from its OpenAPI document (3.x, or Swagger 2.0), as route templates.

Called when an HTTP interface is mounted. Only paths, methods and the servers' base paths are read; schemas
are not. It must never fetch anything: a reference to another document is an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import yaml

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class OpenApiError(ValueError):
    """A document that is no OpenAPI document; the text says where."""


def load(path: str | os.PathLike[str], base: str | None = None) -> list[str]:
    """The route templates of the document at `path` (YAML or JSON). Raises OpenApiError."""
    try:
        with open(path, "rb") as file:
            document = yaml.load(file, Loader=_LOADER)
    except OSError as error:
        raise OpenApiError(f"{path}: cannot be read: {error.strerror or type(error).__name__}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None)
        raise OpenApiError(f"{path}{place}: not YAML or JSON{f': {problem}' if problem else ''}") from None
    try:
        return routes(document, base)
    except OpenApiError as error:
        raise OpenApiError(f"{path}: {error}") from None


def routes(document: object, base: str | None = None) -> list[str]:
    """`METHOD /base/path/{id}` for every operation; `base` replaces the base path of the document's servers.

    Raises OpenApiError.
    """
    if not isinstance(document, Mapping):
        raise OpenApiError("not an OpenAPI document: a mapping is expected at the top")
    if "openapi" not in document and "swagger" not in document:
        raise OpenApiError("not an OpenAPI document: neither `openapi` nor `swagger` says its version")
    paths = document.get("paths")
    if not isinstance(paths, Mapping):
        raise OpenApiError("paths: a mapping of path to operations is expected")
    found: list[str] = []
    for path, item in paths.items():
        if str(path).startswith("x-"):
            continue
        if not isinstance(path, str) or not path.startswith("/"):
            raise OpenApiError(f"paths.{path}: a path begins with '/'")
        operations = _followed(document, item, f"paths.{path}")
        prefixes = [base] if base is not None else _bases(document, operations)
        for method in _METHODS:
            if method in operations:
                full = path.partition("?")[0].partition("#")[0].replace(" ", "%20")
                found += [f"{method.upper()} {prefix.rstrip('/')}{full}" for prefix in prefixes]
    return list(dict.fromkeys(found))


def _followed(document: Mapping[str, object], item: object, place: str) -> Mapping[str, object]:
    for _ in range(8):
        if not isinstance(item, Mapping):
            raise OpenApiError(f"{place}: a mapping of methods is expected")
        reference = item.get("$ref")
        if reference is None:
            return item
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise OpenApiError(f"{place}.$ref: only references into the same document are followed")
        target: object = document
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or name not in target:
                raise OpenApiError(f"{place}.$ref: {reference} is not there")
            target = target[name]
        item = target
    raise OpenApiError(f"{place}.$ref: references go round in a circle")


def _bases(document: Mapping[str, object], item: Mapping[str, object]) -> list[str]:
    base = document.get("basePath")
    if isinstance(base, str):
        return [base]
    servers = item.get("servers") or document.get("servers")
    found = []
    if isinstance(servers, list):
        for server in servers:
            url = server.get("url") if isinstance(server, Mapping) else None
            if isinstance(url, str):
                found.append(urlsplit(url).path if "://" in url else url)
    return list(dict.fromkeys(one if one.startswith("/") else "" for one in found)) or [""]
