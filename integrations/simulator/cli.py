"""The simulator's command line, shared by ``python -m integrations.simulator`` and ``manage.py simulator``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_type_hints

import orjson

from integrations.simulator.config import SettingsError, SimulatorSettings
from integrations.simulator.server import serve

#: Settings that are given once for each value, with the name of their option.
_REPEATED = {
    "numbers": "number",
    "keywords": "keyword",
    "also_accepted": "also-accepted",
    "number_faults": "number-fault",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an option for each setting, and ``--host``, ``--port`` and ``--settings``."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8055, help="port to listen on, 0 for any free one (8055)")
    parser.add_argument("--settings-json", metavar="JSON", help="settings as one JSON object; options override it")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end when standard input closes, with the program behind it"
    )
    kinds = get_type_hints(SimulatorSettings)
    defaults = SimulatorSettings()
    for item in fields(SimulatorSettings):
        default = getattr(defaults, item.name)
        text = item.metadata["help"].replace("%", "%%")
        if item.name == "errors":
            parser.add_argument(
                "--error", dest="errors", action="append", type=_error, metavar="CODE=SHARE", help=f"{text}; repeatable"
            )
        elif item.name in _REPEATED:
            option = f"--{_REPEATED[item.name]}"
            shown = ", ".join(default) or "none"
            parser.add_argument(option, dest=item.name, action="append", help=f"{text}; repeatable ({shown})")
        else:
            option = f"--{item.name.replace('_', '-')}"
            help_text = f"{text} ({default})" if default != "" else text
            if kinds[item.name] is bool:
                parser.add_argument(
                    option, dest=item.name, action=argparse.BooleanOptionalAction, default=None, help=text
                )
            else:
                parser.add_argument(option, dest=item.name, type=kinds[item.name], help=help_text.replace("%", "%%"))


def run(options: Mapping[str, Any], ready: Callable[[str], None]) -> None:
    """Run the simulator as parsed options say.

    Args:
        options: by name, as ``add_arguments`` defines them.
        ready: called with the base URL.

    Raises:
        SettingsError: an option is wrong.
        SimulatorError: the address cannot be listened on.
    """
    serve(
        settings_from(options),
        host=options["host"],
        port=options["port"],
        until_stdin_closes=options["until_stdin_closes"],
        ready=ready,
    )


def settings_from(options: Mapping[str, Any]) -> SimulatorSettings:
    """Settings from parsed options.

    Raises:
        SettingsError: a value is wrong; the text names it.
    """
    settings = SimulatorSettings()
    if options.get("settings_json"):
        try:
            values = orjson.loads(options["settings_json"])
        except orjson.JSONDecodeError as error:
            raise SettingsError(f"--settings-json is not valid JSON: {error}.") from error
        if not isinstance(values, dict):
            raise SettingsError("--settings-json must be a JSON object with settings by name.")
        settings = settings.changed(values)
    given = {item.name: options[item.name] for item in fields(SimulatorSettings) if options.get(item.name) is not None}
    return settings.changed(given)


def _error(text: str) -> tuple[int, float]:
    code, separator, share = text.partition("=")
    try:
        if separator:
            return int(code), float(share)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not CODE=SHARE, such as 21614=0.01")
