"""The REST interface as a page, made from its OpenAPI description: every call with what goes in and what comes out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

Json = Mapping[str, Any]
_DEEPEST = 4  # schemas within schemas that are spelled out
_FORMATS = {"date-time": "time, ISO 8601", "date": "date", "uuid": "UUID", "decimal": "decimal number in a string"}


@dataclass(frozen=True)
class Field:
    """A parameter or a field of a body; `name` is `patient.name` within an object, `items[].id` within a list."""

    name: str
    kind: str
    about: str = ""
    required: bool = False


@dataclass(frozen=True)
class Answer:
    """What comes back with a status."""

    status: str
    about: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    about: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answer: Answer
    refusals: tuple[Answer, ...]

    @property
    def anchor(self) -> str:
        """Of the heading, for links: `post-orders`."""
        words = "".join(char if char.isalnum() else " " for char in self.path.removeprefix("/api/v1"))
        return "-".join([self.method.lower(), *words.replace("_", " ").split()])


@dataclass(frozen=True)
class Section:
    """The calls about one subject."""

    title: str
    calls: tuple[Call, ...]


class Reference(DocsBase):
    """What django-ninja asks for its documentation page."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        schema = api.get_openapi_schema(path_params=kwargs)
        shown = {"sections": sections(schema), "openapi_url": self.get_openapi_url(api, kwargs)}
        return render(request, "stepwise/reference.html", shown)


def sections(schema: Json) -> list[Section]:
    """The calls of an OpenAPI 3.1 description by their first tag, in its order."""
    found: dict[str, list[Call]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            tag = next(iter(operation.get("tags", ())), "more")
            found.setdefault(tag, []).append(_call(method.upper(), path, operation, schema))
    return [Section(tag[:1].upper() + tag[1:], tuple(calls)) for tag, calls in found.items()]


def _call(method: str, path: str, operation: Json, schema: Json) -> Call:
    answers = [_answer(status, answer, schema) for status, answer in sorted(operation["responses"].items(), key=lambda item: str(item[0]))]
    return Call(
        method=method,
        path=path,
        about=operation.get("description", ""),
        parameters=tuple(_parameter(one, schema) for one in operation.get("parameters", ())),
        body=tuple(_fields(_content(operation.get("requestBody", {})), schema)),
        answer=answers[0],
        refusals=tuple(answers[1:]),
    )


def _answer(status: object, answer: Json, schema: Json) -> Answer:
    return Answer(str(status), answer["description"], tuple(_fields(_content(answer), schema)))


def _content(holder: Json) -> Json:
    found: Json = holder.get("content", {}).get("application/json", {}).get("schema", {})
    return found


def _parameter(parameter: Json, schema: Json) -> Field:
    inner = parameter["schema"]
    about = ["Part of the address." if parameter["in"] == "path" else "", parameter.get("description") or "", _limits(inner)]
    return Field(parameter["name"], _kind(inner, schema), " ".join(filter(None, about)), parameter.get("required", False))


def _limits(inner: Json) -> str:
    words = [f"{name} {inner[name]}" for name in ("default", "minimum", "maximum") if inner.get(name) not in (None, "")]
    return f"{', '.join(words).capitalize()}." if words else ""


def _fields(inner: Json, schema: Json, prefix: str = "", depth: int = 0) -> Iterator[Field]:
    """The fields of an object, those of its objects and lists behind them."""
    described, mark = _resolved(inner, schema)
    required = described.get("required", ())
    for name, one in described.get("properties", {}).items():
        yield Field(f"{prefix}{mark}{name}", _kind(one, schema), one.get("description", ""), name in required)
        if depth < _DEEPEST:
            within, inner_mark = _resolved(one, schema)
            if within.get("properties"):
                yield from _fields(within, schema, f"{prefix}{mark}{name}{inner_mark or '.'}", depth + 1)


def _resolved(inner: Json, schema: Json) -> tuple[Json, str]:
    """The schema that is meant: behind a reference, the alternative that is not null, the items of a list (`[].` is then the mark)."""
    if "$ref" in inner:
        return _resolved(schema["components"]["schemas"][inner["$ref"].rpartition("/")[2]], schema)
    alternatives = [one for one in inner.get("anyOf", ()) if one.get("type") != "null"]
    if alternatives:
        return _resolved(alternatives[0], schema)
    if inner.get("type") == "array" and "items" in inner:
        return _resolved(inner["items"], schema)[0], "[]."
    return inner, ""


def _kind(inner: Json, schema: Json) -> str:
    """What a value is, in a word or two: `string`, `list of string or null`."""
    if "$ref" in inner:
        return "object"
    if "anyOf" in inner:
        return " or ".join(dict.fromkeys(_kind(one, schema) for one in inner["anyOf"]))
    if inner.get("type") == "array":
        return f"list of {_kind(inner.get('items', {}), schema)}"
    return _FORMATS.get(inner.get("format", "")) or str(inner.get("type", "any"))
