"""The checks of ``python -m tests.contract`` find what they are for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from integrations.http.values import Reply, Request
from tests.contract.__main__ import main
from tests.contract.openapi import Specification, SpecificationError

TEXT = {"type": "string"}
DOCUMENT: dict[str, Any] = {
    "paths": {
        "/accounts/{Sid}/messages.json": {
            "post": {
                "parameters": [
                    {"name": "Sid", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^AC"}},
                    {"name": "Page", "in": "query", "schema": {"type": "integer", "maximum": 9}},
                ],
                "requestBody": {
                    "content": {
                        "application/x-www-form-urlencoded": {
                            "schema": {
                                "properties": {
                                    "To": TEXT,
                                    "Method": {"$ref": "#/components/schemas/method"},
                                    "Media": {"type": "array", "items": TEXT},
                                    "Smart": {"type": "boolean"},
                                },
                                "required": ["To"],
                            }
                        }
                    }
                },
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/message"}}}},
                    "204": {"description": "Nothing"},
                },
            }
        },
        "/sms/3/messages": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/batch"}}}},
                "responses": {"401": {"$ref": "#/components/responses/refused"}},
            }
        },
    },
    "webhooks": {
        "report": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/batch"}}}}
            }
        }
    },
    "components": {
        "responses": {
            "refused": {"content": {"application/json": {"schema": {"type": "object", "properties": {"code": TEXT}}}}}
        },
        "schemas": {
            "batch": {
                "type": "object",
                "properties": {
                    "messages": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "to": TEXT,
                                "content": {
                                    "oneOf": [
                                        {
                                            "type": "object",
                                            "allOf": [{"properties": {"text": TEXT}}],
                                            "required": ["text"],
                                        },
                                        {
                                            "type": "object",
                                            "allOf": [{"properties": {"hex": TEXT}}],
                                            "required": ["hex"],
                                        },
                                    ]
                                },
                            },
                            "required": ["content"],
                        },
                    }
                },
                "required": ["messages"],
            },
            "method": {"type": "string", "enum": ["GET", "POST"]},
            "message": {
                "type": "object",
                "properties": {
                    "sid": TEXT,
                    "error": {"type": "integer", "nullable": True},
                    "sent": {"type": "string", "format": "date-time-rfc-2822", "nullable": True},
                    "latitude": {"type": "number"},
                    "parts": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
                },
            },
        },
    },
}
FORM = (("authorization", "Basic x"), ("content-type", "application/x-www-form-urlencoded"))
REQUEST = Request("POST", "https://api.example/accounts/AC1/messages.json", FORM, b"To=%2B1&Media=a&Media=b&Method=GET")


@pytest.fixture
def described(tmp_path: Path) -> Specification:
    path = tmp_path / "twilio.json"
    path.write_bytes(orjson.dumps(DOCUMENT))
    return Specification(path, loose=("latitude",))


def reply(status: int = 201, content_type: str = "application/json; charset=utf-8", **body: object) -> Reply:
    return Reply(status, {"content-type": content_type}, orjson.dumps(body))


def test_request_as_described_has_no_problems(described: Specification) -> None:
    assert described.request_problems(REQUEST) == []
    assert described.request_problems(replace(REQUEST, url=f"{REQUEST.url}?Page=3")) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (replace(REQUEST, method="PUT"), "is not described"),
        (replace(REQUEST, url="https://api.example/accounts/AC1/texts.json"), "is not described"),
        (replace(REQUEST, url="https://api.example/accounts/XX1/messages.json"), "path field Sid"),
        (replace(REQUEST, url=f"{REQUEST.url}?Page=x"), "query field Page"),
        (replace(REQUEST, url=f"{REQUEST.url}?Page=10"), "query field Page"),
        (replace(REQUEST, url=f"{REQUEST.url}?Pages=1"), "query field Pages is not described"),
        (replace(REQUEST, body=b"Media=a"), "form field To is missing"),
        (replace(REQUEST, body=b""), "form field To is missing"),
        (replace(REQUEST, body=b"To=1&to=2"), "form field to is not described"),
        (replace(REQUEST, body=b"To=1&To=2"), "form field To"),
        (replace(REQUEST, body=b"To=1&Method=PUT"), "form field Method"),
        (replace(REQUEST, body=b"To=1&Smart=yes"), "form field Smart"),
        (replace(REQUEST, headers=FORM[:1]), "content type"),
        (replace(REQUEST, headers=FORM[1:]), "Basic"),
    ],
)
def test_wrong_request_is_told(described: Specification, changed: Request, problem: str) -> None:
    assert any(problem in text for text in described.request_problems(changed))


@pytest.mark.parametrize(
    "good",
    [
        reply(sid="SM1", error=None, sent="Thu, 24 Aug 2023 05:01:45 +0000", parts=[{"n": 1}]),
        reply(latitude="37.77"),
        reply(latitude=37.77),
        Reply(204),
    ],
)
def test_reply_as_described_has_no_problems(described: Specification, good: Reply) -> None:
    assert described.reply_problems(REQUEST, good) == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (reply(200), "status 200"),
        (reply(sid=5), "$.sid"),
        (reply(error="5"), "$.error"),
        (reply(sent="2023-08-24T05:01:45Z"), "$.sent"),
        (reply(latitude="north"), "$.latitude"),
        (reply(parts=[{"n": "1"}]), "$.parts[0].n"),
        (reply(colour="red"), "property .colour is not described"),
        (reply(parts=[{"m": 1}]), "property .parts[].m is not described"),
        (reply(content_type="text/html"), "content type"),
        (Reply(201, {"content-type": "application/json"}, b"{"), "not JSON"),
        (Reply(204, {}, b"x"), "has a body"),
    ],
)
def test_wrong_reply_is_told(described: Specification, wrong: Reply, problem: str) -> None:
    assert any(problem in text for text in described.reply_problems(REQUEST, wrong))


BATCH = Request(
    "POST",
    "https://api.example/sms/3/messages",
    (("authorization", "App x"), ("content-type", "application/json")),
    b'{"messages":[{"to":"1","content":{"text":"Hi"}}]}',
)
WRONG_BATCHES = [
    (b'{"messages":[{"to":1,"content":{"text":"Hi"}}]}', "$.messages[0].to"),
    (b'{"messages":[{"to":"1"}]}', "'content' is a required property"),
    (
        b'{"messages":[{"content":{"text":"Hi","colour":"red"}}]}',
        "property .messages[].content.colour is not described",
    ),
    (b'{"messages":[],"option":{}}', "property .option is not described"),
    (b"{", "not JSON"),
    (b"", "not JSON"),
]


@pytest.fixture
def in_json(tmp_path: Path) -> Specification:
    path = tmp_path / "infobip.json"
    path.write_bytes(orjson.dumps(DOCUMENT))
    return Specification(path, scheme="App")


def test_json_as_described_has_no_problems(in_json: Specification) -> None:
    assert in_json.request_problems(BATCH) == []
    assert in_json.webhook_problems("report", BATCH.body) == []
    refused = Reply(401, {"content-type": "application/json"}, b'{"code":"E401"}')
    assert in_json.reply_problems(BATCH, refused) == []


@pytest.mark.parametrize(("body", "problem"), WRONG_BATCHES)
def test_wrong_json_is_told(in_json: Specification, body: bytes, problem: str) -> None:
    for problems in (in_json.request_problems(replace(BATCH, body=body)), in_json.webhook_problems("report", body)):
        assert any(problem in text for text in problems)


def test_wrong_credentials_content_type_and_webhook_are_told(in_json: Specification) -> None:
    basic = (("authorization", "Basic x"), ("content-type", "application/json"))
    assert in_json.request_problems(replace(BATCH, headers=basic)) == ["no App credentials"]
    assert "content type" in in_json.request_problems(replace(BATCH, headers=BATCH.headers[:1]))[0]
    assert in_json.webhook_problems("inbound", b"{}") == ["the webhook inbound is not described"]
    shaped = Reply(401, {"content-type": "application/json"}, b'{"colour":"red"}')
    assert in_json.reply_problems(BATCH, shaped) == ["property .colour is not described"]


def test_missing_documents_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--specs", str(tmp_path / "nowhere")]) == 2
    assert "--specs" in capsys.readouterr().err


def test_something_else_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "twilio.json"
    path.write_text("[]")
    with pytest.raises(SpecificationError, match="not an OpenAPI document"):
        Specification(path)


YAML = """
paths:
  /plans/{plan}/batches:
    parameters:
      - $ref: "#/components/parameters/plan"
    get:
      parameters:
        - {name: page, in: query, schema: {type: integer}}
      responses: {"200": {description: OK}}
components:
  parameters:
    plan: {name: plan, in: path, required: true, schema: {type: string, maxLength: 4}}
  schemas:
    report: {type: object, properties: {code: {type: integer}}}
"""


def test_yaml_is_read_and_mended(tmp_path: Path) -> None:
    path = tmp_path / "sinch.yaml"
    path.write_text(YAML)
    page = Request("GET", "https://api.example/plans/p1/batches?page=2", (("authorization", "Bearer x"),))

    def mend(document: dict[str, Any]) -> None:
        document["paths"]["/plans/{plan}/batches"]["get"]["parameters"] = []

    plain = Specification(path, scheme="Bearer")
    assert plain.request_problems(page) == []
    assert "path field plan" in plain.request_problems(replace(page, url=page.url.replace("p1", "plan1")))[0]
    assert plain.component_problems("report", b'{"code":1}') == []
    assert plain.component_problems("report", b'{"cod":1}') == ["property .cod is not described"]
    assert "query field page" in Specification(path, scheme="Bearer", mend=mend).request_problems(page)[0]


@pytest.mark.parametrize("content", ["paths: [", "- a"])
def test_yaml_that_is_something_else_is_no_document(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sinch.yaml"
    path.write_text(content)
    with pytest.raises(SpecificationError, match="not an OpenAPI document"):
        Specification(path)
