"""An installation to torment: a throw-away folder, a Valkey with AOF, a database, a simulator, webhooks and a cluster.

The project reads its environment once, so nothing of it that reads settings is imported before ``open_installation`` runs.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from integrations.simulator.config import SimulatorSettings
from integrations.simulator.process import SimulatorProcess
from tests.bench.machine import free_port
from tests.bench.postgres import running_server
from tests.chaos.cluster import MOST_VARIABLE, VARIABLE
from tests.chaos.dialects import BULK, Dialect
from tests.chaos.keeper import Keeper
from tests.chaos.proxy import Proxy
from tests.dialects import credentials

logger = logging.getLogger("chaos")

CLUSTER, WEBHOOKS, VALKEY = "cluster", "webhooks", "valkey"
#: As short as the settings allow, so that a round need not be long.
LEASE_SECONDS = 6.0
REQUEST_TIMEOUT_SECONDS = 3.0
WORKERS = 5
#: A cluster from which no worker was heard for so long hangs: django-q2 does when an idle worker is killed. It may take longer on a
#: machine on which starting takes long.
SILENCE_SECONDS, STARTS_OF_SILENCE = 5.0, 2.5
#: One for each round, so that rounds share nothing but the gateway.
SHORT_CODES = tuple(str(50_000 + index) for index in range(200))

CARRIER = SimulatorSettings(
    numbers=SHORT_CODES,
    # Callbacks late, twice and out of order; some never come, so that the provider has to be asked.
    delivery_seconds=1.0,
    delivery_sigma=0.6,
    callbacks_reversed=0.3,
    callbacks_repeated=0.3,
    callbacks_lost=0.01,
    callback_backoff_seconds=0.1,
    callback_timeout_seconds=3.0,
    reply_delay_seconds=0.5,
    # Below the time-out, or the provider would still count a request whose slot is used again.
    hang_seconds=1.0,
    # A status, so that what the provider fails by itself can be told from what was killed.
    fail_how="status",
    # Some recipients are refused, alone or in a request with others, and some cannot be reached.
    errors={21610: 0.005, 21614: 0.01, 30003: 0.01},
)


@dataclass(slots=True)
class Installation:
    """What a round runs on.

    Args:
        folder: for files.
        database: ``postgresql`` or ``sqlite``.
        simulator: the provider.
        provider: the proxy in front of it.
        database_proxy: the proxy in front of PostgreSQL; None on SQLite.
        keeper: runs Valkey, webhooks and cluster.
        without: the protection that is taken out of the cluster, or empty.
        cluster_name: by which the cluster's workers are heard.
        gateway: the gateway's row (``integrations.models.Gateway``) that rounds are run with just now.
        gateways: all of them, by dialect.
    """

    folder: Path
    database: str
    simulator: SimulatorProcess
    provider: Proxy
    database_proxy: Proxy | None
    keeper: Keeper
    without: str
    cluster_name: str
    gateway: Any = field(default=None)
    gateways: dict[str, Any] = field(default_factory=dict)

    def speak(self, dialect: Dialect) -> None:
        """Have what follows run with a gateway of this dialect; what people write comes in its words too."""
        from messaging.services.gateways import inbound_url, publish_gateways
        from tests.factories import GatewayFactory

        if dialect.name not in self.gateways:
            self.gateways[dialect.name] = GatewayFactory.create(
                kind=dialect.name,
                base_url=f"http://127.0.0.1:{self.provider.port}",
                credentials=credentials(dialect.name, CARRIER),
                concurrency=40,
            )
            publish_gateways()
        self.gateway = self.gateways[dialect.name]
        self.simulator.settings(inbound_url=inbound_url(self.gateway), inbound_dialect=dialect.name)

    @property
    def valkey_files(self) -> Path:
        """Where Valkey keeps its append-only file."""
        return self.folder / "valkey" / "appendonlydir"


@contextmanager
def open_installation(database: str, *, without: str = "", keep: bool = False) -> Iterator[Installation]:
    """Start everything, and end it again whatever happens.

    Args:
        database: ``sqlite``, or ``postgresql`` (a server of its own that is thrown away).
        without: a protection to take out of the cluster (see ``tests.chaos.cluster``), or empty.
        keep: leave the folder with the programs' logs.

    Raises:
        PostgresError: no PostgreSQL could be started.
        KeeperError: a program does not start.
        SimulatorProcessError: the simulator does not start.
    """
    with ExitStack() as stack:
        # Short, so that the socket's path fits (Linux allows 108 bytes).
        folder = Path(tempfile.mkdtemp(prefix="chaos-", dir="/tmp"))
        if not keep:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        url = stack.enter_context(running_server(folder / "postgres")) if database == "postgresql" else ""
        database_proxy = None
        if url:
            database_proxy = Proxy("127.0.0.1", urlsplit(url).port or 5432)
            stack.callback(database_proxy.close)
        _set_environment(folder, url)
        simulator_log = stack.enter_context((folder / "simulator.log").open("wb"))
        simulator = stack.enter_context(SimulatorProcess(CARRIER, log=simulator_log))
        provider = Proxy("127.0.0.1", urlsplit(simulator.url).port or 80)
        stack.callback(provider.close)
        keeper = Keeper(folder)
        stack.callback(keeper.stop)
        installation = Installation(
            folder, database, simulator, provider, database_proxy, keeper, without, secrets.token_hex(4)
        )
        _start_valkey(installation)
        _prepare()
        stack.callback(_close_connections)
        _start_webhooks(installation)
        _start_cluster(installation)
        canary = _watched(installation, silence_seconds=_seconds_until_heard(installation))
        stack.callback(canary.stop)
        yield installation


def _set_environment(folder: Path, database_url: str) -> None:
    for name in [name for name in os.environ if name.startswith("BROADCAST_") or name == VARIABLE]:
        del os.environ[name]
    port = free_port()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "broadcast.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": f"unix://{folder}/valkey.sock",
        "BROADCAST_DATA_DIR": str(folder),
        "BROADCAST_ENV": "local",
        "BROADCAST_DEBUG": "false",
        "BROADCAST_LOG_LEVEL": "WARNING",
        "BROADCAST_WORKERS": str(WORKERS),
        "BROADCAST_LEASE_SECONDS": f"{LEASE_SECONDS:g}",
        "BROADCAST_REQUEST_TIMEOUT": f"{REQUEST_TIMEOUT_SECONDS:g}",
        "BROADCAST_WEBHOOK_BIND": f"127.0.0.1:{port}",
        "BROADCAST_WEBHOOK_URL": f"http://127.0.0.1:{port}",
    }


def _start_valkey(installation: Installation) -> None:
    from broadcast.core.valkey import answers, server_command

    folder = installation.folder
    command = server_command(folder=folder / "valkey", socket_path=folder / "valkey.sock")
    installation.keeper.start(VALKEY, command)
    installation.keeper.wait_until(lambda: answers(os.environ["REDIS_URL"]), VALKEY)


def _prepare() -> None:
    """Tables."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()


def _start_webhooks(installation: Installation) -> None:
    from broadcast.core.config import config
    from broadcast.supervisor.installation import webhooks_program

    installation.keeper.start(WEBHOOKS, webhooks_program(config()).command)
    health = f"{config().webhook_url}/healthz"
    installation.keeper.wait_until(lambda: _answers(health), WEBHOOKS)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def _start_cluster(installation: Installation) -> None:
    from broadcast.core.config import config
    from broadcast.supervisor.installation import cluster_program

    program = cluster_program(config(), name=installation.cluster_name)
    environment = dict(program.environment)
    if installation.database_proxy is not None:
        direct = urlsplit(os.environ["DATABASE_URL"])
        through = f"{direct.username}@127.0.0.1:{installation.database_proxy.port}"
        environment["DATABASE_URL"] = urlunsplit(direct._replace(netloc=through))
    environment |= {VARIABLE: installation.without, MOST_VARIABLE: str(BULK)}
    installation.keeper.start(CLUSTER, (sys.executable, "-m", "tests.chaos.cluster"), **environment)


def _seconds_until_heard(installation: Installation) -> float:
    """Wait for the cluster's first worker; how long a silence may last on this machine."""
    from broadcast.core.queue import enqueue
    from broadcast.core.redis import get_redis
    from broadcast.supervisor.canary import heard_key

    begun = time.monotonic()
    enqueue("broadcast.supervisor.canary.answer")
    key = heard_key(installation.cluster_name)
    installation.keeper.wait_until(lambda: bool(get_redis().exists(key)), CLUSTER)
    return max(SILENCE_SECONDS, STARTS_OF_SILENCE * (time.monotonic() - begun))


def _watched(installation: Installation, *, silence_seconds: float) -> Any:
    """The watch that ``manage.py up`` keeps over its cluster, less patient."""
    from broadcast.supervisor.canary import Canary

    canary = Canary(
        cluster=installation.cluster_name,
        process=lambda: installation.keeper.pid(CLUSTER),
        workers=WORKERS,
        on_silence=lambda why: _revive(installation, why),
        ask_seconds=0.5,
        silence_seconds=silence_seconds,
    )
    canary.start()
    return canary


def _revive(installation: Installation, why: str) -> None:
    logger.info("  cluster: %s", why)
    installation.keeper.kill(CLUSTER)
