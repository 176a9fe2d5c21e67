"""What can be wrong with a whole file."""

from __future__ import annotations


class UnreadableFile(Exception):
    """A file that no subscribers can be read from.

    Args:
        text: what is wrong with which file, and what to do next.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
