"""Names of everything the engine keeps in Redis.

Keys that one script or pipeline uses together share a hash tag, so that Redis Cluster keeps them on one node.
"""

from __future__ import annotations

#: Replies and single messages go before campaigns.
PRIORITY_SINGLE = 0
PRIORITY_BATCH = 1

#: Stream of send results, and of webhooks' delivery statuses: both are drained by the recorder.
RESULTS = "{record}:results"
STATUSES = "{record}:statuses"
#: Stream of inbound webhooks, drained by the router.
INBOUND = "{inbound}:messages"
#: Sorted set of opt-outs as they arrive, before the database knows; score = time in seconds.
STOPS = "{inbound}:stops"
#: Channel on which each new member of ``STOPS`` is told, for senders that have looked already.
STOPPED = "{inbound}:stopped"
#: Hash of gateways for the webhook process: key in URLs → encrypted settings.
WEBHOOK_GATEWAYS = "webhooks:gateways"
#: Seconds for which a refused webhook is remembered that was signed for another address, with another gateway's secret, or
#: by another clock.
WRONG_URL_SECONDS = 15 * 60
#: Seconds for which it is remembered when a gateway's webhooks last came.
WEBHOOK_MARKS_SECONDS = 90 * 24 * 3600

#: The one field of a stream entry: a group of events, packed.
FIELD = b"d"


def prefix(gateway_id: int) -> str:
    """What every key of a gateway begins with."""
    return f"{{gw:{gateway_id}}}:"


def ring(gateway_id: int, priority: int) -> str:
    """List of the names of queues that hold ids; senders take from them by turns."""
    return f"{prefix(gateway_id)}ring:{priority}"


def queue(gateway_id: int, name: str) -> str:
    """List of message ids waiting to be taken."""
    return f"{prefix(gateway_id)}queue:{name}"


def open_places(gateway_id: int, batch_id: int) -> str:
    """Sorted set of the places of a batch whose messages are queued, with the unix time at which each closes."""
    return f"{prefix(gateway_id)}open:{batch_id}"


def chunks(gateway_id: int) -> str:
    """Hash: queue name → most ids a sender may take at once."""
    return f"{prefix(gateway_id)}chunks"


def leases(gateway_id: int) -> str:
    """Sorted set: lease token → expiry in milliseconds."""
    return f"{prefix(gateway_id)}leases"


def seized(gateway_id: int) -> str:
    """Set of lease tokens that the sweeper is taking apart."""
    return f"{prefix(gateway_id)}leases:seized"


def lease(gateway_id: int, token: str) -> str:
    """List of the ids under a lease; the first element is the name of their queue."""
    return f"{prefix(gateway_id)}lease:{token}"


def attempted(gateway_id: int, token: str) -> str:
    """Set of the ids under a lease whose request may have left."""
    return f"{prefix(gateway_id)}attempted:{token}"


def held(gateway_id: int) -> str:
    """Set of the names of batches that are paused or cancelled."""
    return f"{prefix(gateway_id)}held"


def slots(gateway_id: int) -> str:
    """Hash: holder → request slots it holds."""
    return f"{prefix(gateway_id)}slots"


def slots_wanted(gateway_id: int) -> str:
    """Hash: holder → request slots it wants."""
    return f"{prefix(gateway_id)}slots:wanted"


def slot_expiry(gateway_id: int) -> str:
    """Sorted set: holder → expiry in milliseconds."""
    return f"{prefix(gateway_id)}slots:expiry"


def pace(gateway_id: int, number_id: int) -> str:
    """When a number may send next, in microseconds."""
    return f"{prefix(gateway_id)}pace:{number_id}"


def budget_day(brand_id: int, campaign_id: int | None, day: str) -> str:
    """Hash: segments that left for the United States on a day of a brand, or of one of its 10DLC campaigns.

    ``used``, and ``short``: how many the first message has that did not fit. A brand sends through several gateways, so its
    keys have a hash tag of their own.

    Args:
        brand_id: the brand.
        campaign_id: one of its 10DLC campaigns; None for all of them together.
        day: ISO date in the zone of the brand's cap.
    """
    return f"{{brand:{brand_id}}}:{'' if campaign_id is None else f'{campaign_id}:'}day:{day}"


def budget_minute(brand_id: int, campaign_id: int) -> str:
    """When a 10DLC campaign may send next, in microseconds."""
    return f"{{brand:{brand_id}}}:{campaign_id}:minute"


def left_out(batch_id: int) -> str:
    """Sorted set of a batch's numbers that are not queued because their brand's day is used up, by when that was seen.

    The numbers may be at several gateways, so it is none's.
    """
    return f"left-out:{batch_id}"


def backoff(gateway_id: int) -> str:
    """Exists, with an expiry, while the provider asked to be left alone."""
    return f"{prefix(gateway_id)}backoff"


def settings(gateway_id: int) -> str:
    """Counts changes of a gateway's settings, so that a sender that runs begins anew with them."""
    return f"{prefix(gateway_id)}settings"


def circuit(gateway_id: int) -> str:
    """Hash, while a gateway's circuit is open: ``since`` and ``until`` (unix seconds), ``reason``, ``failures``."""
    return f"{prefix(gateway_id)}circuit"


def repeated(gateway_id: int) -> str:
    """The last unknown message, by its id, that was to be repeated; the next ones are tried first."""
    return f"{prefix(gateway_id)}repeated"


def asked(gateway_id: int) -> str:
    """The last unknown message, by its id, that the provider was asked about; the next ones are asked about first."""
    return f"{prefix(gateway_id)}asked"


def seat(name: str) -> str:
    """Held by the one process that does a job."""
    return f"seat:{name}"


def batch_name(batch_id: int) -> str:
    """What the queues of a batch have in common; ``held`` names batches by it."""
    return f"b{batch_id}"


def batch_queue(batch_id: int, number_id: int) -> str:
    """Queue name of what leaves one number for a batch: a slow number's queue does not hold up another's."""
    return f"{batch_name(batch_id)}.{number_id}"


def batch_of(queue_name: str) -> int | None:
    """The batch that a queue belongs to; None for single messages."""
    return int(queue_name[1:].partition(".")[0]) if queue_name.startswith("b") else None


def number_of(queue_name: str) -> int:
    """The number that a queue leaves from."""
    return int(queue_name.rpartition(".")[2].lstrip("n"))


def owner_of(queue_name: str) -> str:
    """What a queue shares its turns with: its batch's other queues, or nothing."""
    return queue_name.partition(".")[0]


def single_queue(number_id: int) -> str:
    """Queue name of a number's replies and single messages."""
    return f"n{number_id}"


def stop_of_number(number: str, recipient: str) -> str:
    """Member of ``STOPS``: this person wrote STOP to this number of ours."""
    return f"n:{number}|{recipient}"


def stop_of_account(account_id: int, recipient: str) -> str:
    """Member of ``STOPS``: this person has opted out of this account."""
    return f"a:{account_id}|{recipient}"


def hold_of_account(account_id: int, recipient: str) -> str:
    """Member of ``STOPS``: this person may have opted out of this account, and gets no campaigns until it is decided."""
    return f"h:{account_id}|{recipient}"


def wrong_url(gateway_id: int) -> str:
    """The address, without its query, that a gateway's provider signs although ours is set to another."""
    return f"webhooks:wrong-url:{gateway_id}"


def webhook_marks(gateway_id: int) -> str:
    """Hash: when a gateway's webhooks last came (unix seconds): ``valid``, ``former``, ``refused``; ``former_version``, ``why``."""
    return f"webhooks:marks:{gateway_id}"


def foreign_secret(gateway_id: int) -> str:
    """The gateway of ours, by its id, whose secret webhooks are signed with that came to this one."""
    return f"webhooks:foreign-secret:{gateway_id}"


def clock(gateway_id: int) -> str:
    """How many seconds later it is here than in the signatures of a gateway's webhooks, which are refused for it."""
    return f"webhooks:clock:{gateway_id}"
