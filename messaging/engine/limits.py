"""Times that the engine's parts agree on."""

from __future__ import annotations

from broadcast.core.config import config

#: One run of a sender or of a stream reader, seconds; then it calls itself again.
RUN_SECONDS = 20.0
#: A sender goes on for so long while no other task waits for its worker: each end of a run leaves slots empty for a moment.
LONGEST_RUN_SECONDS = 60.0
#: A lease that is not renewed is taken apart after this long, milliseconds.
LEASE_MILLISECONDS = round(config().lease_seconds * 1000)
#: A seat that is not renewed goes to somebody else after this long, milliseconds: before the leases of a dead holder, so
#: that somebody is there to take what they held.
SEAT_MILLISECONDS = LEASE_MILLISECONDS // 2
#: Slots outlive the last request by this long, milliseconds.
SLOT_GRACE_MILLISECONDS = LEASE_MILLISECONDS // 6
#: After its time a run may take this long beyond its last requests, to write down what it knows, seconds.
ENDING_SECONDS = 30.0
#: Seconds between two renewals.
TICK_SECONDS = 0.5
#: Messages marked, sent and recorded together.
GROUP = 40
#: An opt-out check older than this is made again before the request leaves, seconds.
STALE_CHECK_SECONDS = 0.25
#: Messages a sender holds in advance.
PREFETCH = 1000
#: Messages it holds in advance where one request carries many, in requests.
BULK_PREFETCH = 4
#: Seconds between two looks at single messages while enough of everything else is in hand.
SINGLES_SECONDS = 0.1
#: Messages it takes when it holds none, so that the first requests leave soon.
FIRST_CHUNK = 3 * GROUP
#: A gateway that has been silent for so long has what it holds of campaigns taken from its sender, seconds.
GIVE_BACK_SECONDS = 5.0
#: Whoever may stand in for a silent gateway is told of it this often, seconds.
SILENCE_SECONDS = 3.0
#: A sender with nothing to do stays this long, seconds.
IDLE_SECONDS = 1.0


def slot_milliseconds() -> int:
    """How long slots last without renewal.

    Longer than a request can take, so that a holder that stopped renewing has nothing in flight when its slots go to others.
    """
    return int(config().request_timeout_seconds * 1000) + SLOT_GRACE_MILLISECONDS
