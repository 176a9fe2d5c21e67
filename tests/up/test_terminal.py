"""What the person at the terminal reads."""

from __future__ import annotations

import io

import pytest

from broadcast.demo.progress import Glance, TookTooLong, bar, describe, follow
from broadcast.supervisor.terminal import Terminal


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def glance(settled: int, *, total: int = 100, is_over: bool = False) -> Glance:
    return Glance(total=total, settled=settled, accepted=settled, in_flight=40, is_over=is_over, state="Sending")


def test_a_log_has_no_colours_and_no_line_that_changes() -> None:
    text = io.StringIO()
    terminal = Terminal(text)
    terminal.line("console", "hello")
    terminal.status("50 %")
    terminal.say(terminal.bold("done"))

    assert text.getvalue() == "console   │ hello\ndone\n"


def test_at_a_terminal_each_program_has_its_colour_and_the_status_stays_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    terminal = Terminal(screen)
    terminal.status("50 %")
    terminal.line("console", "one")
    terminal.line("cluster", "two")

    shown = screen.getvalue().split("\n")
    assert shown[0].startswith("\r\x1b[K50 %\r\x1b[K\x1b[36mconsole   │\x1b[0m one")
    assert "\x1b[35mcluster   │\x1b[0m two" in shown[1]
    assert screen.getvalue().endswith("50 %")


def test_who_wants_no_colours_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    Terminal(screen).line("console", "one")

    assert screen.getvalue() == "console   │ one\n"


@pytest.mark.parametrize(("share", "full"), [(-1, 0), (0, 0), (0.5, 14), (1, 28), (2, 28)])
def test_the_bar_is_as_full_as_the_share(share: float, full: int) -> None:
    assert bar(share) == "█" * full + "░" * (28 - full)


def test_a_glance_is_one_line() -> None:
    assert describe(glance(25), seconds=3.2).endswith(" 25%  25 of 100 taken, 25 settled · 40 in flight · 3 s")
    assert "put together" in describe(glance(0, total=0), seconds=0)


def test_progress_ends_when_the_campaign_is_over() -> None:
    text = io.StringIO()
    glances = iter([glance(0), glance(50), glance(100, is_over=True)])
    nudges: list[int] = []

    seconds = follow(lambda: next(glances), terminal=Terminal(text), timeout_seconds=60, nudge=lambda: nudges.append(1))

    assert 0 < seconds < 60
    assert nudges
    assert text.getvalue().splitlines()[-1].startswith("█" * 28)


def test_progress_does_not_wait_forever() -> None:
    with pytest.raises(TookTooLong, match="it is sending, 50 of 100 recipients are settled"):
        follow(lambda: glance(50), terminal=Terminal(io.StringIO()), timeout_seconds=0, nudge=lambda: None)
