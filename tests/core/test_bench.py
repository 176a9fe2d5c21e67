"""The benches' own plumbing: what they print, and that what they measure really happened. No test asserts a time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.db import connection

from broadcast.core.config import BASE_DIR
from messaging.models import Batch, Message
from tests.bench import cli, rows
from tests.bench.report import Report, rounded
from tests.factories import BatchFactory, MessageFactory

BENCH = (sys.executable, "-m", "tests.bench")
RATIOS = {"launch": {"vs_insert_select"}, "record": {"vs_update", "vs_update_results", "vs_update_statuses"}}


@pytest.fixture(scope="module")
def printed() -> Iterator[dict[str, tuple[bytes, bytes]]]:
    """What two tiny runs on SQLite print to standard output and standard error; both at once, for they mostly start things."""
    options = ("--messages", "100", "--rounds", "1", "--database", "sqlite", "--json")
    runs = {
        name: subprocess.Popen([*BENCH, name, *options], cwd=BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for name in RATIOS
    }
    try:
        yield {name: run.communicate(timeout=100) for name, run in runs.items()}
    finally:
        for run in runs.values():
            run.kill()
            run.wait()


@pytest.mark.parametrize("name", RATIOS)
def test_a_bench_prints_one_json_object(printed: dict[str, tuple[bytes, bytes]], name: str) -> None:
    output, log = printed[name]
    assert output.count(b"\n") == 1, log.decode()
    document: dict[str, Any] = orjson.loads(output)
    assert list(document)[:6] == ["name", "options", "figures", "ratios", "targets", "ok"]
    assert document["name"] == name
    assert document["options"] | {"database": "sqlite", "messages": 100, "rounds": 1} == document["options"]
    assert set(document["ratios"]) == RATIOS[name]
    for values in document["figures"].values():
        assert set(values) == {"median", "min", "max", "unit"}
        assert values["min"] <= values["median"] <= values["max"]
    for comparison, bound in document["targets"].values():
        assert comparison in (">=", "<=")
        assert bound > 0


@pytest.mark.parametrize("name", RATIOS)
def test_what_a_bench_measures_has_happened(printed: dict[str, tuple[bytes, bytes]], name: str) -> None:
    """A fault is told when rows are missing or in a wrong state after a round."""
    assert "faults" not in orjson.loads(printed[name][0])


def test_an_unknown_bench_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["teleport", "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "no bench “teleport”" in told.err
    assert all(name in told.err for name in cli.BENCHES)


def test_a_round_too_many_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["launch", "--rounds", "1000"])
    assert ended.value.code == 2
    assert "1000 is not within 1 to 50" in capsys.readouterr().err


def test_a_database_that_cannot_be_reached_is_an_error_of_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:9/nothing")
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert cli.main(["record", "--json"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "record was not measured" in told.err


def test_a_report_has_the_median_and_the_extremes_of_its_rounds() -> None:
    report = Report("x", {"rounds": 3})
    for value in (30.0, 10.0, 21.0):
        report.figure("per_s", value, "1/s")
        report.ratio("vs_y", value / 10)
    report.target("per_s", ">=", 21)
    report.target("vs_y", "<=", 2.1)
    assert report.as_json() == {
        "name": "x",
        "options": {"rounds": 3},
        "figures": {"per_s": {"median": 21, "min": 10, "max": 30, "unit": "1/s"}},
        "ratios": {"vs_y": {"median": 2.1, "min": 1, "max": 3}},
        "targets": {"per_s": [">=", 21], "vs_y": ["<=", 2.1]},
        "ok": True,
    }


@pytest.mark.parametrize("spoil", ["missed", "not measured", "fault"])
def test_a_report_is_not_ok_when(spoil: str) -> None:
    report = Report("x", {})
    report.figure("per_s", 10, "1/s")
    if spoil == "missed":
        report.target("per_s", ">=", 10.1)
    elif spoil == "not measured":
        report.target("vs_y", "<=", 1)
    else:
        report.fault("Somebody got two messages.")
    assert report.as_json()["ok"] is False
    assert "Somebody got two messages." in report.as_text() or report.missed


@pytest.mark.parametrize(
    ("value", "shown"), [(0.98765, 0.9877), (21_834.9, 21_830), (1.0, 1), (40, 40), (0, 0), (0.012341, 0.01234)]
)
def test_values_are_told_with_the_digits_that_mean_something(value: float, shown: float) -> None:
    assert rounded(value) == shown


@pytest.mark.django_db
def test_messages_are_emptied_and_nothing_else() -> None:
    """Numbers refer to messages too, and PostgreSQL would empty them, and so batches, along with those."""
    batch = BatchFactory.create()
    MessageFactory.create(batch=batch)
    # A table with references that are still to be checked cannot be truncated.
    connection.check_constraints()

    rows.empty_messages()

    assert not Message.objects.exists()
    assert Batch.objects.filter(pk=batch.pk).exists()
