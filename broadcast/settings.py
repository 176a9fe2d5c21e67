"""Django's settings, made from ``broadcast.core.config``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dj_database_url
import dj_email_url  # type: ignore[import-untyped]
import django_stubs_ext

from broadcast.core.config import BASE_DIR, config
from broadcast.unfold_settings import UNFOLD as UNFOLD

django_stubs_ext.monkeypatch()

CONFIG = config()

SECRET_KEY = CONFIG.secret_key or "missing"
DEBUG = CONFIG.debug
ALLOWED_HOSTS = list(CONFIG.allowed_hosts)
CSRF_TRUSTED_ORIGINS = [CONFIG.public_url] if CONFIG.public_url.startswith(("http://", "https://")) else []

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "broadcast.core.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "import_export",
    "django_q",
    "accounts",
    "integrations",
    "messaging",
    "campaigns",
    "broadcast",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "broadcast.core.errors.DecryptionErrorMiddleware",
]
DEFAULT_EXCEPTION_REPORTER_FILTER = "broadcast.core.errors.ReporterFilter"

ROOT_URLCONF = "broadcast.urls"
WSGI_APPLICATION = "broadcast.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "broadcast" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

_SQLITE_OPTIONS = {
    # IMMEDIATE takes the write lock at BEGIN: a transaction that reads and then writes cannot fail half-way
    # with "database is locked", it waits at its start instead.
    "transaction_mode": "IMMEDIATE",
    "timeout": 30,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
}

DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        CONFIG.database_url or f"sqlite:///{CONFIG.data_dir / 'db.sqlite3'}",
        conn_max_age=60,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = _SQLITE_OPTIONS
    # A file, as in production: an in-memory database locks whole tables between threads.
    DATABASES["default"]["TEST"] = {"NAME": str(CONFIG.data_dir / "test.sqlite3")}

# EMAIL_*, and DEFAULT_FROM_EMAIL where the address names it.
globals().update(dj_email_url.parse(CONFIG.email_url or "dummy:"))
# A server that does not answer must not keep a worker: the sweeper tries again.
EMAIL_TIMEOUT = 10

CACHES = {
    "default": {
        "BACKEND": "broadcast.core.cache.RedisCache",
        "KEY_PREFIX": "cache",
    }
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "broadcast.core.formats"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = CONFIG.data_dir / "static"
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if not CONFIG.is_production:
    # Served straight from the packages, so that nothing has to be collected before the console can be opened.
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_AUTOREFRESH = False
MEDIA_ROOT = CONFIG.data_dir / "files"
# An upload is spooled to disk in pieces, so a large file is refused without having been held in memory.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

SESSION_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
if CONFIG.is_production:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds())
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

Q_CLUSTER: dict[str, Any] = {
    "name": "broadcast",
    "broker_class": "broadcast.core.queue.Broker",
    "workers": CONFIG.workers,
    # Tasks end by themselves after 20 to 60 s and call themselves again; launches and imports set their own.
    "timeout": 120,
    "retry": 3600,
    "max_attempts": 1,
    "ack_failures": True,
    "recycle": 500,
    "catch_up": False,
    "save_limit": 250,
    "poll": 0.2,
    "guard_cycle": 1,
    "log_level": "WARNING",
    "label": "Background tasks",
}

IMPORT_EXPORT_USE_TRANSACTIONS = True
IMPORT_EXPORT_TMP_STORAGE_CLASS = "import_export.tmp_storages.MediaStorage"
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": CONFIG.log_level},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.db.backends": {"level": "INFO"},
        # It tells of every task that begins and ends.
        "django-q": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
