"""Our ids in Infobip's: ``<the gateway's key>-<our id>``.

An Infobip account may serve several installations, and its reports may go to all of them. The gateway's key is random and
belongs to one installation, so an id of another one is never taken for ours.
"""

from __future__ import annotations


class MessageIds:
    """Ids of one gateway's messages.

    Args:
        key: the gateway's key.
    """

    def __init__(self, key: str) -> None:
        self.prefix = f"{key}-"

    def of(self, message_id: int) -> str:
        """The id that Infobip is given."""
        return f"{self.prefix}{message_id}"

    def ours(self, given: object) -> int | None:
        """Our id; None for anything that is not one of this gateway's."""
        if not isinstance(given, str) or not given.startswith(self.prefix):
            return None
        digits = given[len(self.prefix) :]
        # The length guards against a number that no database holds.
        return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 18 else None
