"""The engine as ``send`` measures it: a sender process, and the recorder beside it."""

from __future__ import annotations

import time
from typing import Any

from broadcast.core.redis import get_redis
from messaging import tasks
from messaging.engine import keys
from tests.bench.record_jobs import CountingRecorder

#: No run is this long, seconds.
LONGEST_SECONDS = 900.0


def engine(arguments: dict[str, Any]) -> dict[str, Any]:
    """The task ``messaging.tasks.send``, called again for as long as ids wait, as the cluster calls it."""
    gateway_id = arguments["gateway"]
    started = time.time()
    tasks.send(gateway_id)
    while get_redis().exists(keys.ring(gateway_id, keys.PRIORITY_BATCH)):
        tasks.send(gateway_id)
    return {"started_at": started}


def recorder(arguments: dict[str, Any]) -> dict[str, Any]:
    """Record until every message has its result; when the last one was in the database."""
    job = CountingRecorder()
    job.run(seconds=LONGEST_SECONDS, go_on=lambda: job.seen < arguments["count"])
    return {"last_at": job.last_at}
