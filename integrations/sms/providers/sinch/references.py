"""What ties Sinch's batches to our messages: a reference on each batch, and an id for each recipient in it.

A batch has an id and its recipients have none, so that a message's id at Sinch is ``<batch>:<its recipient's digits>``; nobody is
in a batch twice. Each batch carries ``<the gateway's key>-<block>`` as its ``client_reference``, which reports repeat. The key
belongs to one installation and tells its batches from those of others on the same account. The block is the first message's id
without its last three digits, and the others are of the same block or the next. So whoever knows a message knows that its batch
has one of two references, and can find the batch although its reply was lost.
"""

from __future__ import annotations

#: Ids that share a reference.
BLOCK = 1000


def provider_id(batch_id: str, digits: str) -> str:
    """A message's id at Sinch.

    Args:
        batch_id: Sinch's.
        digits: the recipient's number, with or without its plus sign.
    """
    return f"{batch_id}:{digits.removeprefix('+')}"


def parts_of(given: str) -> tuple[str, str]:
    """Batch and recipient of a message's id at Sinch; empty texts for anything else."""
    batch_id, _, digits = given.rpartition(":")
    return (batch_id, digits) if batch_id and digits else ("", "")


class References:
    """References of one gateway's batches.

    Args:
        key: the gateway's key.
    """

    def __init__(self, key: str) -> None:
        self._prefix = f"{key}-"

    def of(self, message_id: int) -> str:
        """The reference of a batch that begins with a message."""
        return f"{self._prefix}{message_id // BLOCK}"

    def before(self, message_id: int) -> str:
        """The other reference that a message's batch may have; empty when there is none."""
        block = message_id // BLOCK - 1
        return f"{self._prefix}{block}" if block >= 0 else ""

    def is_ours(self, given: object) -> bool:
        """Whether a batch may be this gateway's: its reference says so, or it has none."""
        return given is None or given == "" or (isinstance(given, str) and given.startswith(self._prefix))

    def names(self, given: object, message_id: int) -> bool:
        """Whether a batch with this reference may have this message."""
        return bool(given) and given in (self.of(message_id), self.before(message_id))
