"""One Celery task a message; runs in the virtualenv that ``celery_runs`` makes, without anything of the project.

``python celery_app.py COUNT`` puts the tasks into the broker.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]
from celery import Celery  # type: ignore[import-untyped, import-not-found, unused-ignore]

app: Any = Celery("bench", broker=os.environ["BENCH_BROKER"], backend=os.environ["BENCH_BROKER"])
app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)

_local = threading.local()
#: ``recipient`` of ``rows``.
FIRST_NUMBER = 14_152_000_000


def _session() -> Any:
    """A session a thread or greenlet, so that its connection is kept."""
    session = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
        session.trust_env = False
        session.auth = (os.environ["BENCH_ACCOUNT_SID"], os.environ["BENCH_AUTH_TOKEN"])
    return session


@app.task(name="bench.send")  # type: ignore[untyped-decorator, unused-ignore]
def send(index: int) -> list[str]:
    """Send one message; what became of it is kept in Celery's result backend."""
    reply = _session().post(
        os.environ["BENCH_URL"],
        data={
            "To": f"+{FIRST_NUMBER + index}",
            "From": os.environ["BENCH_SENDER"],
            "Body": f"Hi Person {index}, the sale starts tomorrow at nine. Reply STOP to opt out.",
            "StatusCallback": f"http://127.0.0.1:9/webhooks/0123456789abcdef/status/{index}",
        },
        timeout=10,
    )
    reply.raise_for_status()
    told = reply.json()
    return [told["sid"], told["status"]]


def main() -> None:
    """Put the tasks into the broker."""
    with app.pool.acquire(block=True) as connection, app.amqp.Producer(connection) as producer:
        for index in range(1, int(sys.argv[1]) + 1):
            send.apply_async((index,), producer=producer)


if __name__ == "__main__":
    main()
