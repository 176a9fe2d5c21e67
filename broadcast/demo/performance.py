"""One run of the demo: starts everything, makes the scenario, launches, follows and counts."""

from __future__ import annotations

import threading
from functools import partial

from django.templatetags.static import static

from accounts.models import User
from broadcast.core.config import Config
from broadcast.core.queue import enqueue
from broadcast.demo import exchanges
from broadcast.demo.carrier import NAME as CARRIER
from broadcast.demo.carrier import Carrier
from broadcast.demo.chatter import trickle
from broadcast.demo.clean import clean_database, clean_redis
from broadcast.demo.progress import Glance, follow
from broadcast.demo.quiet import wait_until_quiet
from broadcast.demo.result import Result, evaluate
from broadcast.demo.scenario import Scenario, build
from broadcast.supervisor import database
from broadcast.supervisor.installation import Installation, check_ports
from broadcast.supervisor.lock import FolderLock
from broadcast.supervisor.terminal import Terminal
from campaigns.models import Campaign
from campaigns.services.launch import launch, preview_launch
from campaigns.services.metrics import campaign_progress
from messaging.services.gateways import inbound_url

#: How long the last callbacks and answers are waited for when the campaign is finished.
QUIET_SECONDS = 25.0

_OVER = (Campaign.State.FINISHED, Campaign.State.CANCELLED, Campaign.State.FAILED)


class Performance:
    """The demo's installation and carrier.

    Args:
        config: the demo's settings.
        terminal: where people read.
        lock: the data folder's lock, taken.
    """

    def __init__(self, config: Config, *, terminal: Terminal, lock: FolderLock) -> None:
        self.config = config
        self.terminal = terminal
        self.carrier = Carrier()
        self._installation = Installation(config, terminal=terminal, lock=lock)
        self._chatter_stop = threading.Event()
        self._chatter: threading.Thread | None = None

    def start(self) -> None:
        """Start everything, on an empty database and an empty Redis.

        Raises:
            ProgramError: a program did not start.
            ValkeyError: the embedded Valkey did not start.
            NotADemo: the database or the Redis of one's own choice holds something else.
            PortTaken: somebody else listens where the console or the webhook process should.
        """
        self.terminal.say(
            f"Starting in {self.config.data_dir}: Valkey, a simulated carrier, console, webhooks, cluster …"
        )
        check_ports(self.config)
        self._installation.start_redis()
        clean_redis(self.config)
        self._installation.supervisor.start(self.carrier.program)
        self._installation.start_servers()
        database.prepare(self.config)
        clean_database(self.config)
        database.prepare(self.config, migrate=False)
        self._installation.start_cluster()
        self._installation.supervisor.wait_until_ready(CARRIER)
        self._installation.wait_for_servers()

    def prepare(self) -> Scenario:
        """Make the scenario: see ``broadcast.demo.scenario.build``."""
        scenario = build(carrier_url=self.carrier.url, say=self.terminal.say)
        # A short code is wired by its carrier, not through the API.
        self.carrier.change(inbound_url=inbound_url(scenario.campaign.number.gateway))
        return scenario

    def perform(self, scenario: Scenario, *, timeout_seconds: float) -> Result:
        """Launch the campaign, follow it to its end, and count.

        Raises:
            LaunchError: it cannot be launched.
            TookTooLong: it was not over in time.
        """
        preview = preview_launch(scenario.campaign)
        self.terminal.say(
            f"Campaign “{scenario.campaign}” from {scenario.campaign.number.number}: {preview.recipients:,} recipients "
            f"on {len(scenario.members)} lists, {preview.segments_total:,} segments, about {preview.seconds:.0f} s"
        )
        for sample in preview.samples[:2]:
            self.terminal.say(f"  “{sample}”")
        launch(campaign_id=scenario.campaign.pk, user=None)
        seconds = follow(
            partial(self._look, scenario),
            terminal=self.terminal,
            timeout_seconds=timeout_seconds,
            nudge=self._nudge,
        )
        self.terminal.status("Waiting for the last reports and answers …")
        seen = wait_until_quiet(self.carrier, timeout_seconds=QUIET_SECONDS)
        self.terminal.status("")
        return evaluate(scenario, carrier=seen, seconds_until_finished=seconds)

    def go_on(self, scenario: Scenario) -> None:
        """Let people write from now on, in the background."""
        people = sorted(set().union(*scenario.members.values()))[::50]
        stage = self._stage(scenario)

        def talk() -> None:
            if stage is not None:
                exchanges.perform(self.carrier, stage, stop=self._chatter_stop)
            numbers = tuple(number.number for number in scenario.numbers)
            trickle(self.carrier, people=people, numbers=numbers, stop=self._chatter_stop)

        self._chatter = threading.Thread(target=talk, daemon=True)
        self._chatter.start()
        database.let_go()

    def _stage(self, scenario: Scenario) -> exchanges.Stage | None:
        if scenario.chain is None:
            return None
        short_code, long_code = scenario.numbers
        return exchanges.Stage(
            campaign_number=short_code,
            talk_number=long_code,
            chain=scenario.chain,
            staff=User.objects.get(email=next(login.email for login in scenario.logins if "support" in login.email)),
            picture_url=f"{self.config.public_url}{static('broadcast/logo.svg')}",
        )

    def hurry(self) -> None:
        """Kill what is being stopped."""
        self._installation.supervisor.hurry()

    def stop(self, *, at_once: bool = False) -> None:
        """Stop everything.

        Args:
            at_once: without waiting for tasks to end: what they hold is thrown away anyhow.
        """
        self._chatter_stop.set()
        if self._chatter is not None:
            self._chatter.join()
        if at_once:
            self._installation.supervisor.hurry()
        self._installation.stop()
        self.carrier.close()

    def _nudge(self) -> None:
        """Let the sweeper look now: its minute is long for somebody who watches."""
        enqueue("messaging.tasks.sweep")

    def _look(self, scenario: Scenario) -> Glance:
        campaign = Campaign.objects.get(pk=scenario.campaign.pk)
        progress = campaign_progress(campaign)
        on_their_way = progress.waiting + progress.leaving + progress.accepted
        state = campaign.get_state_display()
        return Glance(
            total=progress.total,
            settled=progress.total - on_their_way,
            accepted=progress.sent,
            in_flight=int(self.carrier.stats()["in_flight"]),
            is_over=campaign.state in _OVER,
            state=f"{state} ({campaign.state_reason})" if campaign.state_reason else state,
        )
