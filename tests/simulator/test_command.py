"""``manage.py simulator``: the same program, started by Django."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx

from tests.simulator.conftest import QUICK

PROJECT = Path(__file__).resolve().parents[2]


def test_command_runs_the_simulator_with_its_options_and_without_a_database() -> None:
    options = ["--port", "0", "--until-stdin-closes", "--settings-json", '{"seed": 9}', "--throttle-above", "40"]
    command = [sys.executable, "manage.py", "simulator", *options]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        url = json.loads(process.stdout.readline())["url"]
        told = httpx.get(f"{url}/settings", trust_env=False).json()
        process.stdin.close()
        assert process.wait(10) == 0

    assert (told["seed"], told["throttle_above"], told["account_sid"]) == (9, 40, QUICK.account_sid)


def test_command_names_an_option_that_is_wrong() -> None:
    command = [sys.executable, "manage.py", "simulator", "--port", "0", "--fail-before", "2"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 1
    assert "fail_before" in ended.stderr
