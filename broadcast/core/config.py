"""Every setting there is, read once from the environment, typed and explained here.

Plain Python: the webhook process reads its settings from here without Django.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.fernet import Fernet
from environs import Env, validate

BASE_DIR = Path(__file__).resolve().parent.parent.parent

#: Linux allows 108 bytes for a unix socket's path, the closing NUL included.
MAX_SOCKET_PATH_BYTES = 100


@dataclass(frozen=True, slots=True)
class Config:
    """The installation's settings; the names of the environment variables stand beside each.

    What holds a password is not in what a log or an error page shows of it.
    """

    #: BROADCAST_ENV: ``local`` (generated secrets, debug pages) or ``production`` (nothing is assumed).
    environment: str
    #: BROADCAST_DEBUG: Django's debug pages.
    debug: bool
    #: BROADCAST_SECRET_KEY: signs sessions and tasks. Generated and kept in the data folder when local.
    secret_key: str = field(repr=False)
    #: BROADCAST_ENCRYPTION_KEYS: Fernet keys, comma separated, newest first; older ones still decrypt.
    encryption_keys: tuple[str, ...] = field(repr=False)
    #: BROADCAST_ALLOWED_HOSTS: host names of the console, comma separated.
    allowed_hosts: tuple[str, ...]
    #: BROADCAST_PUBLIC_URL: where people reach the console, without a trailing slash.
    public_url: str
    #: BROADCAST_WEBHOOK_URL: where providers reach the webhook process, without a trailing slash.
    webhook_url: str
    #: DATABASE_URL: ``postgres://…``; empty means SQLite in the data folder.
    database_url: str = field(repr=False)
    #: REDIS_URL: ``redis://``, ``rediss://``, ``unix://`` or ``redis+sentinel://host:port,host:port/service/db``.
    redis_url: str = field(repr=False)
    #: True when REDIS_URL is not set and ``manage.py up`` starts a Valkey of its own.
    redis_embedded: bool
    #: BROADCAST_DATA_DIR: where local state lives.
    data_dir: Path
    #: BROADCAST_CONSOLE_BIND: address of the console, host:port.
    console_bind: str
    #: BROADCAST_WEBHOOK_BIND: address of the webhook process, host:port.
    webhook_bind: str
    #: BROADCAST_WORKERS: worker processes of one cluster. Two of them read streams all the time.
    workers: int
    #: BROADCAST_REQUEST_TIMEOUT: seconds until a provider's answer is given up.
    request_timeout_seconds: float
    #: BROADCAST_LEASE_SECONDS: what a killed process held is taken apart after this long; seats and slots go by it.
    lease_seconds: float
    #: BROADCAST_EXPIRE_SECONDS: seconds after which a single message that has not left does not leave any more.
    expire_seconds: int
    #: BROADCAST_REPORT_WAIT: seconds after which a message without a delivery report is closed.
    report_wait_seconds: int
    #: BROADCAST_IMPORT_MAX_MB: largest file taken through the console's import form, in megabytes.
    import_max_megabytes: int
    #: BROADCAST_CALLS_PRIVATE_NETWORKS: whether webhook endpoints may be in private networks, and plain http.
    calls_private_networks: bool
    #: BROADCAST_ALERT_EMAILS: who is told of trouble, comma separated; empty: nobody, the console shows it.
    alert_emails: tuple[str, ...]
    #: BROADCAST_EMAIL_URL: the mail server, e.g. ``submission://user:password@host:587``; locally mail goes to the terminal.
    email_url: str = field(repr=False)
    #: BROADCAST_LOG_LEVEL
    log_level: str

    @property
    def is_production(self) -> bool:
        """Whether nothing may be assumed or generated."""
        return self.environment == "production"

    @property
    def socket_path(self) -> Path:
        """The embedded Valkey's unix socket; in the temporary folder where the data folder's path is too long."""
        return embedded_socket_path(self.data_dir)


def embedded_socket_path(data_dir: Path) -> Path:
    """Where an embedded Valkey for this data folder listens."""
    path = data_dir / "valkey.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"broadcast-{os.getuid()}-{digest}" / "valkey.sock"


def _local_secrets(data_dir: Path) -> dict[str, str]:
    """The generated secrets of a local installation; the same at every start."""
    path = data_dir / "secrets.json"
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        pass
    data_dir.mkdir(parents=True, exist_ok=True)
    values = {"secret_key": secrets.token_urlsafe(50), "encryption_key": Fernet.generate_key().decode()}
    # Several processes may start at once: the first to link its file wins, the others read that one.
    handle, temporary = tempfile.mkstemp(dir=data_dir)
    with os.fdopen(handle, "w") as file:
        json.dump(values, file)
    try:
        os.link(temporary, path)
    except FileExistsError:
        values = dict(json.loads(path.read_text()))
    finally:
        Path(temporary).unlink()
    return values


def read_config() -> Config:
    """Read the environment and a ``.env`` file beside ``manage.py``.

    Raises:
        environs.EnvError: a value is not of its type; the text names the variable.
    """
    env = Env()
    env.read_env(str(BASE_DIR / ".env"), recurse=False)
    environment = env.str("BROADCAST_ENV", "local", validate=validate.OneOf(("local", "production")))
    local = environment == "local"
    data_dir = Path(env.str("BROADCAST_DATA_DIR", str(BASE_DIR / ".broadcast"))).expanduser().resolve()
    generated = _local_secrets(data_dir) if local else {}
    console_bind = env.str("BROADCAST_CONSOLE_BIND", "127.0.0.1:8000")
    webhook_bind = env.str("BROADCAST_WEBHOOK_BIND", "127.0.0.1:8001")
    redis_url = env.str("REDIS_URL", "")
    return Config(
        environment=environment,
        debug=env.bool("BROADCAST_DEBUG", local),
        secret_key=env.str("BROADCAST_SECRET_KEY", generated.get("secret_key", "")),
        encryption_keys=tuple(
            env.list("BROADCAST_ENCRYPTION_KEYS", [generated["encryption_key"]] if local else [], subcast=str)
        ),
        allowed_hosts=tuple(env.list("BROADCAST_ALLOWED_HOSTS", ["*"] if local else [], subcast=str)),
        public_url=env.str("BROADCAST_PUBLIC_URL", f"http://{console_bind}" if local else "").rstrip("/"),
        webhook_url=env.str("BROADCAST_WEBHOOK_URL", f"http://{webhook_bind}" if local else "").rstrip("/"),
        database_url=env.str("DATABASE_URL", ""),
        redis_url=redis_url or f"unix://{embedded_socket_path(data_dir)}",
        redis_embedded=not redis_url,
        data_dir=data_dir,
        console_bind=console_bind,
        webhook_bind=webhook_bind,
        workers=env.int("BROADCAST_WORKERS", 6),
        request_timeout_seconds=env.float("BROADCAST_REQUEST_TIMEOUT", 10.0),
        lease_seconds=env.float("BROADCAST_LEASE_SECONDS", 30.0),
        expire_seconds=env.int("BROADCAST_EXPIRE_SECONDS", 4 * 3600),
        report_wait_seconds=env.int("BROADCAST_REPORT_WAIT", 3600),
        import_max_megabytes=env.int("BROADCAST_IMPORT_MAX_MB", 5),
        calls_private_networks=env.bool("BROADCAST_CALLS_PRIVATE_NETWORKS", False),
        alert_emails=tuple(env.list("BROADCAST_ALERT_EMAILS", [], subcast=str.strip)),
        email_url=env.str("BROADCAST_EMAIL_URL", "console:" if local else ""),
        log_level=env.str("BROADCAST_LOG_LEVEL", "INFO").upper(),
    )


@cache
def config() -> Config:
    """The process's settings."""
    return read_config()
