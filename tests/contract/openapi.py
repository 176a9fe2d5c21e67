"""Just enough of OpenAPI 3.0 to hold requests and replies against a provider's own description of its API."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from integrations.http.values import Reply, Request

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


def _is_rfc_2822(value: object) -> bool:
    if isinstance(value, str):
        parsedate_to_datetime(value)
    return True


_FORMATS = FormatChecker(formats=())
_FORMATS.checks("date-time-rfc-2822", raises=(ValueError, TypeError))(_is_rfc_2822)


@dataclass(frozen=True)
class Checked:
    """One row of the table.

    Args:
        subject: ``request``, ``reply`` or ``webhook``.
        name: what it is about.
        detail: method and path, or status.
        problems: empty when it is as described.
    """

    subject: str
    name: str
    detail: str
    problems: list[str]


class SpecificationError(Exception):
    """The description cannot be used. The text says why and what to do."""


@dataclass(frozen=True)
class Operation:
    """A method on a path, as described.

    Args:
        path: the path with its parameters in braces.
        method: in capitals.
        description: the operation's object.
        path_values: what the request has in place of the parameters.
    """

    path: str
    method: str
    description: Mapping[str, Any]
    path_values: Mapping[str, str]


class Specification:
    """An OpenAPI document.

    Args:
        path: of the JSON or YAML file.
        scheme: of the credentials that each request must have.
        loose: names of properties that the provider documents as numbers and sends as text.
        mend: corrects the document where it is known to be wrong or to have gaps.

    Raises:
        SpecificationError: it is not there, or is no OpenAPI document.
    """

    def __init__(
        self,
        path: Path,
        *,
        scheme: str = "Basic",
        loose: Iterable[str] = (),
        mend: Callable[[dict[str, Any]], None] = lambda _document: None,
    ) -> None:
        self._scheme = scheme
        try:
            content = path.read_bytes()
            self._document = yaml.safe_load(content) if path.suffix == ".yaml" else orjson.loads(content)
            mend(self._document)
            self._paths: dict[str, Any] = self._document["paths"]
        except FileNotFoundError:
            raise SpecificationError(
                f"There is no {path}. Pass the folder with the OpenAPI documents as --specs."
            ) from None
        except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            raise SpecificationError(f"{path} is not an OpenAPI document ({error!r}). Get it anew.") from error
        self._loose = frozenset(loose)
        self._components = self._schema(self._document.get("components", {}))
        # Literal paths win over those with parameters.
        self._templates = [
            (re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))), template)
            for template in sorted(self._paths, key=lambda template: template.count("{"))
        ]

    def operation(self, request: Request) -> Operation | None:
        """The operation that a request is for; None when there is none."""
        path = urlsplit(request.url).path
        for pattern, template in self._templates:
            found = pattern.fullmatch(path)
            if found and request.method.lower() in self._paths[template]:
                of_path = self._paths[template].get("parameters", [])
                own = self._paths[template][request.method.lower()]
                description = {**own, "parameters": [*of_path, *own.get("parameters", [])]}
                return Operation(template, request.method, description, found.groupdict())
        return None

    def request_problems(self, request: Request) -> list[str]:
        """What a request has that the provider does not describe, and the other way round."""
        operation = self.operation(request)
        if operation is None:
            return [f"{request.method} {urlsplit(request.url).path} is not described"]
        headers = {name.lower(): value for name, value in request.headers}
        has_credentials = headers.get("authorization", "").startswith(f"{self._scheme} ")
        problems = [] if has_credentials else [f"no {self._scheme} credentials"]
        described = map(self._resolved, operation.description["parameters"])
        parameters = {(item["in"], item["name"]): item for item in described}
        given = {"path": {name: [unquote(value)] for name, value in operation.path_values.items()}}
        given["query"] = _multiple(urlsplit(request.url).query)
        for place, values in given.items():
            known = {name: item["schema"] for (where, name), item in parameters.items() if where == place}
            required = [name for (where, name), item in parameters.items() if where == place and item.get("required")]
            problems += self._field_problems(place, values, known, required)
        return problems + self._body_problems(operation, request, headers)

    def _body_problems(self, operation: Operation, request: Request, headers: Mapping[str, str]) -> list[str]:
        content = operation.description.get("requestBody", {}).get("content", {})
        if _JSON not in content:
            return self._form_problems(operation, request, headers)
        if headers.get("content-type") != _JSON:
            return [f"content type {headers.get('content-type')!r} is not described"]
        return self._json_problems(request.body, content[_JSON]["schema"])

    def webhook_problems(self, name: str, body: bytes) -> list[str]:
        """What the JSON body of a webhook has that the provider does not describe, by the webhook's name there."""
        described = self._document.get("webhooks", {}).get(name)
        if described is None:
            return [f"the webhook {name} is not described"]
        return self._json_problems(body, described["post"]["requestBody"]["content"][_JSON]["schema"])

    def component_problems(self, name: str, body: bytes) -> list[str]:
        """What JSON has that a schema of the document does not describe, by the schema's name there."""
        return self._json_problems(body, {"$ref": f"#/components/schemas/{name}"})

    def _json_problems(self, body: bytes, schema: Any) -> list[str]:
        try:
            value = orjson.loads(body)
        except ValueError as error:
            return [f"the body is not JSON ({error})"]
        return self._violations(value, schema) + self._strangers(value, schema, "")

    def _form_problems(self, operation: Operation, request: Request, headers: Mapping[str, str]) -> list[str]:
        content = operation.description.get("requestBody", {}).get("content", {})
        if not request.body:
            required = content.get(_FORM, {}).get("schema", {}).get("required", [])
            return [f"form field {name} is missing" for name in required]
        if not content:
            return ["has a body, and none is described"]
        if headers.get("content-type") not in content:
            return [f"content type {headers.get('content-type')!r} is not described"]
        schema = content[_FORM]["schema"]
        values = _multiple(request.body.decode("ascii"))
        return self._field_problems("form", values, schema.get("properties", {}), schema.get("required", []))

    def _field_problems(
        self, place: str, values: Mapping[str, list[str]], known: Mapping[str, Any], required: Iterable[str]
    ) -> list[str]:
        problems = [f"{place} field {name} is missing" for name in required if name not in values]
        for name, texts in values.items():
            if name not in known:
                problems.append(f"{place} field {name} is not described")
                continue
            typed = _typed(texts, self._resolved(known[name]))
            problems += [f"{place} field {name}: {text}" for text in self._violations(typed, known[name])]
        return problems

    def reply_problems(self, request: Request, reply: Reply) -> list[str]:
        """What a reply has that the provider does not describe."""
        operation = self.operation(request)
        if operation is None:
            return [f"{request.method} {urlsplit(request.url).path} is not described"]
        described = operation.description["responses"].get(str(reply.status))
        if described is None:
            known = ", ".join(operation.description["responses"])
            return [f"status {reply.status} is not described (there are {known})"]
        described = self._resolved(described)
        if "content" not in described:
            return ["has a body, and none is described"] if reply.body else []
        content_type = reply.headers.get("content-type", "").partition(";")[0]
        if content_type not in described["content"]:
            return [f"content type {content_type!r} is not described"]
        return self._json_problems(reply.body, described["content"][content_type]["schema"])

    def _violations(self, value: object, schema: Any) -> list[str]:
        whole = {"components": self._components, "allOf": [self._schema(schema)]}
        validator = Draft202012Validator(whole, format_checker=_FORMATS)
        return [f"{error.json_path}: {error.message[:160]}" for error in validator.iter_errors(value)]

    def _strangers(self, value: object, schema: Any, where: str) -> list[str]:
        """Properties that are not described: JSON Schema lets them pass, and misspellings with them."""
        schema = self._whole(schema)
        if isinstance(value, list):
            return [text for item in value for text in self._strangers(item, schema.get("items", {}), f"{where}[]")]
        known = schema.get("properties")
        if not isinstance(value, dict) or known is None:
            return []
        problems = [f"property {where}.{name} is not described" for name in value if name not in known]
        for name, item in value.items():
            problems += self._strangers(item, known.get(name, {}), f"{where}.{name}")
        return problems

    def _whole(self, schema: Any) -> Any:
        """A schema with the properties of all that it is put together from."""
        schema = self._resolved(schema)
        parts = [self._whole(part) for name in ("allOf", "oneOf", "anyOf") for part in schema.get(name, ())]
        if not any("properties" in part for part in parts):
            return schema
        joined: dict[str, Any] = {}
        for part in (*parts, schema):
            joined |= part.get("properties", {})
        return {**schema, "properties": joined}

    def _resolved(self, schema: Any) -> Any:
        while "$ref" in schema:
            node = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                node = node[part]
            schema = node
        return schema

    def _schema(self, node: Any) -> Any:
        """An OpenAPI 3.0 schema in the words of JSON Schema."""
        if isinstance(node, list):
            return [self._schema(item) for item in node]
        if not isinstance(node, dict):
            return node
        changed = {name: self._schema(item) for name, item in node.items() if name != "nullable"}
        for name in self._loose & changed.keys():
            if isinstance(changed[name], dict):
                changed[name] = {"anyOf": [changed[name], {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}]}
        return {"anyOf": [changed, {"type": "null"}]} if node.get("nullable") is True else changed


def _multiple(encoded: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True, strict_parsing=bool(encoded)):
        values.setdefault(name, []).append(value)
    return values


def _typed(texts: list[str], schema: Mapping[str, Any]) -> object:
    """Form values as the schema's type where they can be read as such; else as they are, to be reported."""
    kind = schema.get("type")
    if kind == "array":
        return texts
    if len(texts) != 1:
        return texts
    (text,) = texts
    if kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return text
