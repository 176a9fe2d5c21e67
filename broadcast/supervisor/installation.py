"""What an installation consists of: which programs run, in which order, and where each is reached."""

from __future__ import annotations

import secrets
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Collection
from functools import partial
from types import TracebackType

from broadcast.core.config import BASE_DIR, Config
from broadcast.core.queue import enqueue
from broadcast.core.redis import RedisAway, get_redis
from broadcast.core.valkey import answers, server_command, wait_until_ready
from broadcast.supervisor.canary import CLUSTER_VARIABLE, Canary
from broadcast.supervisor.lock import FolderLock
from broadcast.supervisor.ports import is_free, reachable
from broadcast.supervisor.processes import Program, Supervisor
from broadcast.supervisor.terminal import Terminal
from messaging.engine import limits

CONSOLE, WEBHOOKS, CLUSTER, VALKEY = "console", "webhooks", "cluster", "valkey"
#: What ``manage.py up --only`` takes.
PARTS = (CONSOLE, WEBHOOKS, CLUSTER)

#: Added to the longest that a task of the engine takes, until a cluster that is stopped is killed.
_CLUSTER_GRACE_SECONDS = 5.0
_STOPPING_KEY_SECONDS = 300
_CONSOLE_THREADS = 8
_READY_SECONDS = 2.0


class PortTaken(Exception):
    """Somebody else listens where a program should; the text names the setting."""


def check_ports(config: Config, parts: Collection[str] = PARTS) -> None:
    """Refuse to start where another program listens.

    Raises:
        PortTaken: with the setting to change.
    """
    for part, setting, bind in (
        (CONSOLE, "BROADCAST_CONSOLE_BIND", config.console_bind),
        (WEBHOOKS, "BROADCAST_WEBHOOK_BIND", config.webhook_bind),
    ):
        if part in parts and not is_free(bind):
            raise PortTaken(
                f"The {part} process cannot listen at {bind}: the port is taken or the address is not this machine's. "
                f"Stop the other program, or set {setting} to a free address, for example 127.0.0.1:8010."
            )


def _manage(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(BASE_DIR / "manage.py"), *arguments)


def _gunicorn(bind: str, *arguments: str) -> tuple[str, ...]:
    common = ("--bind", bind, "--no-control-socket", "--log-level", "warning", "--graceful-timeout", "8")
    return (sys.executable, "-m", "gunicorn", *arguments, *common)


def console_program(config: Config) -> Program:
    """The console: Django under gunicorn, one process locally, three in production."""
    workers = "3" if config.is_production else "1"
    command = _gunicorn(
        config.console_bind,
        "broadcast.wsgi:application",
        *("--worker-class", "gthread", "--workers", workers, "--threads", str(_CONSOLE_THREADS)),
    )
    return Program(CONSOLE, command, ready=partial(_accepts, config.console_bind))


def webhooks_program(config: Config) -> Program:
    """The inbound layer: a plain ASGI function under gunicorn with uvicorn's worker."""
    command = _gunicorn(
        config.webhook_bind,
        "messaging.webhooks.asgi:application",
        *("--worker-class", "messaging.webhooks.worker.WebhookWorker"),
        *("--workers", "2" if config.is_production else "1"),
    )
    return Program(WEBHOOKS, command, ready=partial(_answers_http, config.webhook_bind, "/healthz"))


def cluster_program(config: Config, *, name: str) -> Program:
    """The outbound layer: a django-q2 cluster; its workers end the tasks they are in before they end.

    Args:
        config: the settings.
        name: the cluster's, by which it is told to stop and is watched.
    """
    grace = limits.RUN_SECONDS + config.request_timeout_seconds + _CLUSTER_GRACE_SECONDS
    environment = {CLUSTER_VARIABLE: name}
    return Program(CLUSTER, _manage("qcluster"), stage=3, grace_seconds=grace, environment=environment)


def valkey_program(config: Config) -> Program:
    """The embedded Valkey; started first and stopped last."""
    command = server_command(folder=config.data_dir / "valkey", socket_path=config.socket_path)
    # It forks only to shorten its file, which is small here; and that it stops is said by who stops it.
    unsaid = ("Memory overcommit must be enabled", "Received SIGTERM", "now ready to exit")
    ready = partial(answers, config.redis_url)
    return Program(VALKEY, command, stage=0, grace_seconds=20.0, ready=ready, unsaid=unsaid)


class Installation:
    """Everything that the settings ask for, under one supervisor.

    Args:
        config: the settings.
        terminal: where the programs' lines go.
        lock: the data folder's lock, taken.
    """

    def __init__(self, config: Config, *, terminal: Terminal, lock: FolderLock) -> None:
        self.config = config
        self.terminal = terminal
        self.supervisor = Supervisor(terminal, folder=BASE_DIR, lock=lock)
        self.cluster = secrets.token_hex(8)
        self._canary: Canary | None = None

    def start_redis(self) -> None:
        """Start the embedded Valkey unless REDIS_URL names a server, and wait for it.

        Raises:
            ValkeyError: it did not start.
        """
        if not self.config.redis_embedded:
            return
        self.supervisor.start(valkey_program(self.config))
        wait_until_ready(self.config.redis_url, alive=partial(self.supervisor.is_running, VALKEY))

    def start_servers(self, parts: Collection[str] = PARTS) -> None:
        """Start the console and the webhook process; see ``wait_for_servers``."""
        # Whitenoise complains of a folder that is not there, also where it serves from the packages.
        (self.config.data_dir / "static").mkdir(parents=True, exist_ok=True)
        if WEBHOOKS in parts:
            self.supervisor.start(webhooks_program(self.config))
        if CONSOLE in parts:
            self.supervisor.start(console_program(self.config))

    def wait_for_servers(self, parts: Collection[str] = PARTS) -> None:
        """Return when they can be reached.

        Raises:
            ProgramError: one of them did not start.
        """
        for part in (WEBHOOKS, CONSOLE):
            if part in parts:
                self.supervisor.wait_until_ready(part)

    def start_cluster(self) -> None:
        """Start the cluster, take up what was left behind, and watch; the database must have its tables."""
        self.supervisor.start(cluster_program(self.config, name=self.cluster))
        enqueue("messaging.tasks.sweep")
        self._canary = Canary(
            cluster=self.cluster,
            process=partial(self.supervisor.process_id, CLUSTER),
            workers=self.config.workers,
            on_silence=partial(self.supervisor.kill, CLUSTER),
        )
        self._canary.start()

    def stop(self) -> None:
        """Stop everything: the cluster, then the servers, then Valkey."""
        if self._canary is not None:
            self._canary.stop()
            self._tell_tasks_to_end()
        self.supervisor.stop()

    def _tell_tasks_to_end(self) -> None:
        """Tasks that run for long look at this key, so that the cluster need not wait for their time to be up."""
        try:
            get_redis().set(f"stopping:{self.cluster}", 1, ex=_STOPPING_KEY_SECONDS)
        except RedisAway as error:
            self.terminal.line("up", f"Redis is away, so stopping takes longer: {error}")

    def __enter__(self) -> Installation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _accepts(bind: str) -> bool:
    try:
        with socket.create_connection(reachable(bind), timeout=_READY_SECONDS):
            return True
    except OSError:
        return False


def _answers_http(bind: str, path: str) -> bool:
    host, port = reachable(bind)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{f'[{host}]' if ':' in host else host}:{port}{path}", timeout=_READY_SECONDS):
            return True
    except urllib.error.HTTPError:
        # It speaks HTTP, so it is up; what it thinks of its own health is for its logs.
        return True
    except OSError:
        return False
