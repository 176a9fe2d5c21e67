"""The demo's last words: what became of the campaign, and where to look at it."""

from __future__ import annotations

from broadcast.core.config import Config
from broadcast.demo.result import Result
from broadcast.demo.scenario import Scenario
from broadcast.supervisor.terminal import Terminal


def show_result(result: Result, terminal: Terminal) -> None:
    """The counts, for people."""
    lines = (
        ("Files", f"{result.rows_read:,} rows: {result.rows_invalid:,} invalid, {result.duplicates:,} duplicates"),
        (
            "Audience",
            f"{result.audience:,} people ({result.on_several_lists:,} on several lists, one message each), "
            f"{result.suppressed:,} suppressed",
        ),
        (
            "Sent",
            f"{result.accepted:,} taken in {result.seconds_sending:.1f} s: {result.rate_per_second:.0f} a second, "
            f"{result.share_of_limit:.0%} of what {result.max_in_flight} requests in flight allow",
        ),
        (
            "Delivered",
            f"{result.delivered:,}; {result.undelivered + result.failed:,} failed, "
            f"{result.no_report:,} without a report",
        ),
        (
            "Unknown",
            f"{result.answers_lost:,} answers of the carrier got lost; {result.unknown:,} of those messages were never "
            "settled, none was sent again",
        ),
        ("Replies", f"{result.replies:,} answered, {result.opted_out:,} opted out"),
        (
            "Carrier saw",
            f"{result.duplicate_sends} sent twice, {result.sent_after_stop} sent after STOP, "
            f"{result.max_in_flight} in flight at most",
        ),
    )
    terminal.say()
    for name, text in lines:
        terminal.say(f"  {name:<12} {text}")
    for item in result.lists:
        terminal.say(
            f"  {'List':<12} {item['name']}: {item['recipients']:,} recipients, {item['delivered']:,} delivered, "
            f"{item['failed']:,} failed, {item['opted_out']:,} opted out"
        )
    for text in result.broken:
        terminal.say(terminal.bold(f"  BROKEN       {text}"))


def show_console(scenario: Scenario, config: Config, terminal: Terminal) -> None:
    """Where to log in, and as whom."""
    terminal.say()
    terminal.say(terminal.bold(f"  Console      {config.public_url}/admin/"))
    width = max(len(login.email) for login in scenario.logins)
    for login in scenario.logins:
        terminal.say(f"  {'':<12} {login.email:<{width}}  {login.password}  ({login.may})")
    terminal.say(f"  {'Data':<12} {config.data_dir}, emptied by the next demo")
    terminal.say()
