"""System checks of the settings: each has an id and a hint, and most speak up only in production.

``manage.py up`` and every other command refuse to run on an error. The checks that concern the outside world are run by
``manage.py check --deploy``, and by ``up`` in production.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from broadcast.core.config import Config, config

Check = Callable[[Config], list[CheckMessage]]

MIN_SECRET_KEY_CHARACTERS = 50
#: Two workers read streams all the time, one sends, one is left for imports, launches and the sweeper.
MIN_WORKERS = 4
MIN_REPORT_WAIT_SECONDS = 300
#: Seats last half a lease and slots a sixth of it; both are renewed each half second and must survive a missed renewal.
MIN_LEASE_SECONDS = 6
REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel")
EMAIL_SCHEMES = ("smtp", "submission", "submit", "console", "file", "memory", "dummy")

_NEW_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"  # noqa: S105  a command, not a secret
_NEW_KEY = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


def check_secret_key(settings: Config) -> list[CheckMessage]:
    """E001, E002: sessions and tasks are signed with a key nobody can guess."""
    if not settings.is_production:
        return []
    hint = f"Set BROADCAST_SECRET_KEY, the same on every machine; make one with: {_NEW_SECRET}"
    if not settings.secret_key:
        return [Error("BROADCAST_SECRET_KEY is not set.", hint=hint, id="broadcast.E001")]
    if len(settings.secret_key) < MIN_SECRET_KEY_CHARACTERS:
        text = (
            f"BROADCAST_SECRET_KEY has {len(settings.secret_key)} characters; {MIN_SECRET_KEY_CHARACTERS} are needed."
        )
        return [Error(text, hint=hint, id="broadcast.E002")]
    return []


def check_encryption_keys(settings: Config) -> list[CheckMessage]:
    """E003, E004: gateway credentials can be encrypted and decrypted."""
    if not settings.encryption_keys:
        text = "BROADCAST_ENCRYPTION_KEYS is not set: gateway credentials cannot be encrypted."
        return [Error(text, hint=f"Make a key with: {_NEW_KEY}", id="broadcast.E003")]
    messages: list[CheckMessage] = []
    for position, key in enumerate(settings.encryption_keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            text = f"Key {position} of BROADCAST_ENCRYPTION_KEYS is not a Fernet key."
            hint = f"Keys are 32 bytes in URL-safe base64, newest first, separated by commas. New: {_NEW_KEY}"
            messages.append(Error(text, hint=hint, id="broadcast.E004"))
    return messages


def check_debug(settings: Config) -> list[CheckMessage]:
    """E005: debug pages show settings and data to anybody."""
    if settings.is_production and settings.debug:
        text = "BROADCAST_DEBUG is on in production: error pages would show settings and clients' data."
        return [Error(text, hint="Remove BROADCAST_DEBUG.", id="broadcast.E005")]
    return []


def check_allowed_hosts(settings: Config) -> list[CheckMessage]:
    """E006, W001, W002: the console answers to its own names, and to its public one."""
    if not settings.is_production:
        return []
    if not settings.allowed_hosts:
        hint = "Set it to the console's host names, separated by commas, for example broadcast.example.com."
        return [
            Error("BROADCAST_ALLOWED_HOSTS is not set: every request would be refused.", hint=hint, id="broadcast.E006")
        ]
    if "*" in settings.allowed_hosts:
        hint = "Name the console's hosts; any host name allows forged links in what the console sends."
        return [Warning("BROADCAST_ALLOWED_HOSTS holds “*” in production.", hint=hint, id="broadcast.W001")]
    host = urlsplit(settings.public_url).hostname
    if host and not any(
        host == name or (name.startswith(".") and f".{host}".endswith(name)) for name in settings.allowed_hosts
    ):
        text = f"BROADCAST_ALLOWED_HOSTS lacks {host}, the host of BROADCAST_PUBLIC_URL."
        return [Warning(text, hint=f"Add {host}, or people who follow a link are refused.", id="broadcast.W002")]
    return []


def _addresses(settings: Config) -> tuple[tuple[str, str, str], ...]:
    return (
        ("BROADCAST_PUBLIC_URL", settings.public_url, "people reach the console"),
        ("BROADCAST_WEBHOOK_URL", settings.webhook_url, "providers reach the webhook process"),
    )


def check_addresses(settings: Config) -> list[CheckMessage]:
    """E007, E008: the public addresses are there and are URLs."""
    messages: list[CheckMessage] = []
    for name, url, purpose in _addresses(settings):
        if not url:
            text, hint = (
                f"{name} is not set.",
                f"Set it to the address at which {purpose}, for example https://broadcast.example.com.",
            )
            messages.append(Error(text, hint=hint, id="broadcast.E007"))
        elif not _is_http_url(url):
            hint = "Write scheme, host and port if it is not the usual one: https://broadcast.example.com."
            messages.append(Error(f"{name} is “{url}”, which is not a web address.", hint=hint, id="broadcast.E008"))
    return messages


def check_addresses_reachable(settings: Config) -> list[CheckMessage]:
    """W003, W004 (deploy): providers refuse plain HTTP and cannot reach this machine's loopback."""
    messages: list[CheckMessage] = []
    for name, url, purpose in _addresses(settings):
        if not _is_http_url(url):
            continue
        if urlsplit(url).scheme != "https":
            hint = "Put a proxy with a certificate in front and write https://."
            messages.append(
                Warning(f"{name} is not https: what is sent there can be read.", hint=hint, id="broadcast.W003")
            )
        if _is_private(urlsplit(url).hostname or ""):
            text = f"{name} is {url}, which cannot be reached from outside."
            messages.append(Warning(text, hint=f"Set it to the address at which {purpose}.", id="broadcast.W004"))
    return messages


def check_engines(settings: Config) -> list[CheckMessage]:
    """W005, W006 (deploy): the embedded database and Redis are for one machine and light use."""
    messages: list[CheckMessage] = []
    if _is_sqlite(settings):
        hint = "Set DATABASE_URL to a PostgreSQL database: SQLite has one writer at a time and lives on one machine."
        messages.append(Warning("SQLite is used in production.", hint=hint, id="broadcast.W005"))
    if settings.redis_embedded:
        hint = "Set REDIS_URL to a server of its own, with persistence: the embedded one stops with `manage.py up`."
        messages.append(Warning("The embedded Valkey is used in production.", hint=hint, id="broadcast.W006"))
    return messages


def check_environment(settings: Config) -> list[CheckMessage]:
    """W007 (deploy): whoever checks a deployment means production."""
    if settings.is_production:
        return []
    hint = "Set BROADCAST_ENV=production: locally secrets are generated and errors are shown with their surroundings."
    return [Warning("BROADCAST_ENV is “local”.", hint=hint, id="broadcast.W007")]


def check_redis(settings: Config) -> list[CheckMessage]:
    """E009, W008: Redis's address can be used and its database is shared by those who share it."""
    scheme = urlsplit(settings.redis_url).scheme
    if scheme not in REDIS_SCHEMES:
        hint = f"Use one of {', '.join(f'{name}://' for name in REDIS_SCHEMES)}."
        return [Error(f"REDIS_URL starts with “{scheme}”, which is not known.", hint=hint, id="broadcast.E009")]
    host = urlsplit(settings.redis_url.replace(",", "/")).hostname or ""
    if scheme != "unix" and _is_sqlite(settings) and not _is_private(host):
        hint = "Set DATABASE_URL too: machines that share a Redis take each other's messages unless they share both."
        return [
            Warning(f"Redis is on {host}, but the database is a file of this machine.", hint=hint, id="broadcast.W008")
        ]
    return []


def check_workers(settings: Config) -> list[CheckMessage]:
    """E010, W009: enough workers for what runs all the time."""
    hint = f"Set BROADCAST_WORKERS to {MIN_WORKERS} or more: two read streams, one sends, the rest import and launch."
    if settings.workers < 1:
        return [
            Error(f"BROADCAST_WORKERS is {settings.workers}: nothing would be sent.", hint=hint, id="broadcast.E010")
        ]
    if settings.workers < MIN_WORKERS:
        text = f"BROADCAST_WORKERS is {settings.workers}: imports and launches would wait while messages are sent."
        return [Warning(text, hint=hint, id="broadcast.W009")]
    return []


def check_times(settings: Config) -> list[CheckMessage]:
    """E011, E012, E018, E019, W010: limits are positive, leases outlast their renewals, and late reports are waited for."""
    messages: list[CheckMessage] = []
    if settings.request_timeout_seconds <= 0:
        text = f"BROADCAST_REQUEST_TIMEOUT is {settings.request_timeout_seconds:g} seconds."
        messages.append(Error(text, hint="Set it to seconds above 0; 10 is usual.", id="broadcast.E011"))
    if settings.lease_seconds < MIN_LEASE_SECONDS:
        text = (
            f"BROADCAST_LEASE_SECONDS is {settings.lease_seconds:g} seconds: senders that are alive would lose theirs."
        )
        hint = f"Set it to {MIN_LEASE_SECONDS} or more; 30 is usual."
        messages.append(Error(text, hint=hint, id="broadcast.E018"))
    if settings.expire_seconds <= 0:
        text = f"BROADCAST_EXPIRE_SECONDS is {settings.expire_seconds} seconds: no reply would ever leave."
        messages.append(Error(text, hint="Set it to seconds above 0; 14400 is usual.", id="broadcast.E019"))
    if settings.report_wait_seconds <= 0:
        text = (
            f"BROADCAST_REPORT_WAIT is {settings.report_wait_seconds} seconds: every message would be closed at once."
        )
        messages.append(Error(text, hint="Set it to seconds above 0; 3600 is usual.", id="broadcast.E012"))
    elif settings.is_production and settings.report_wait_seconds < MIN_REPORT_WAIT_SECONDS:
        text = f"BROADCAST_REPORT_WAIT is {settings.report_wait_seconds} seconds: carriers often report later."
        hint = f"Set it to {MIN_REPORT_WAIT_SECONDS} or more, or many delivered messages are shown without a report."
        messages.append(Warning(text, hint=hint, id="broadcast.W010"))
    return messages


def check_binds(settings: Config) -> list[CheckMessage]:
    """E013, E014: console and webhooks listen at addresses of their own."""
    messages: list[CheckMessage] = []
    binds = {"BROADCAST_CONSOLE_BIND": settings.console_bind, "BROADCAST_WEBHOOK_BIND": settings.webhook_bind}
    for name, bind in binds.items():
        port = bind.rpartition(":")[2]
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            hint = "Write host and port, for example 127.0.0.1:8000."
            messages.append(Error(f"{name} is “{bind}”, which has no port.", hint=hint, id="broadcast.E013"))
    if settings.console_bind == settings.webhook_bind:
        text = f"BROADCAST_CONSOLE_BIND and BROADCAST_WEBHOOK_BIND are both {settings.console_bind}."
        messages.append(Error(text, hint="Give each a port of its own.", id="broadcast.E014"))
    return messages


def check_data_folder(settings: Config) -> list[CheckMessage]:
    """E015: there is a place for what is kept on disk."""
    folder: Path = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return []
    hint = "Set BROADCAST_DATA_DIR to a folder that this user may write to."
    return [Error(f"The data folder {settings.data_dir} cannot be written to.", hint=hint, id="broadcast.E015")]


def check_alerts(settings: Config) -> list[CheckMessage]:
    """E020, E021, W011: who is to be told of trouble can be written to."""
    messages: list[CheckMessage] = []
    for address in settings.alert_emails:
        name, _, host = address.rpartition("@")
        if not name or "." not in host or " " in address:
            hint = "Write addresses such as ops@example.com, separated by commas."
            text = f"BROADCAST_ALERT_EMAILS holds “{address}”, which is not an e-mail address."
            messages.append(Error(text, hint=hint, id="broadcast.E020"))
    scheme = settings.email_url.partition(":")[0]
    example = "submission://user:password@mail.example.com:587?_default_from_email=broadcast@example.com"
    if settings.email_url and scheme not in EMAIL_SCHEMES:
        text = f"BROADCAST_EMAIL_URL starts with “{scheme}”, which is not known."
        hint = f"Use one of {', '.join(f'{name}:' for name in EMAIL_SCHEMES)}; for example {example}."
        messages.append(Error(text, hint=hint, id="broadcast.E021"))
    elif settings.alert_emails and not settings.email_url:
        text = "BROADCAST_ALERT_EMAILS names who is told of trouble, but BROADCAST_EMAIL_URL names no mail server."
        messages.append(Warning(text, hint=f"Set it, for example to {example}.", id="broadcast.W011"))
    return messages


ALWAYS: tuple[Check, ...] = (
    check_secret_key,
    check_encryption_keys,
    check_debug,
    check_allowed_hosts,
    check_addresses,
    check_redis,
    check_workers,
    check_times,
    check_alerts,
    check_binds,
    check_data_folder,
)
BEFORE_DEPLOYMENT: tuple[Check, ...] = (check_environment, check_addresses_reachable, check_engines)


def register_all() -> None:
    """Register every check with Django; called once, when the apps are ready."""
    register(check_settings, "settings")
    register(check_deployment, Tags.security, deploy=True)


def check_settings(**_: object) -> list[CheckMessage]:
    """What must hold whenever a command runs."""
    return [message for check in ALWAYS for message in check(config())]


def check_deployment(**_: object) -> list[CheckMessage]:
    """What should hold besides where others depend on it."""
    return [message for check in BEFORE_DEPLOYMENT for message in check(config())]


def _is_http_url(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _is_sqlite(settings: Config) -> bool:
    return not settings.database_url or settings.database_url.startswith("sqlite")


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local")):
        return True
    try:
        return ip_address(host).is_private
    except ValueError:
        return False
