"""What the transport tells the layers above; plain values, sent after the change is committed.

- ``batch_changed``: ``batch_id``, ``source``, ``state`` (``BatchState``), ``pause_code``, ``reason``.
- ``suppression_added``: ``account_id``, ``recipient``, ``reason``, ``message_id`` (or None).
- ``suppression_lifted``: ``account_id``, ``recipient``.
"""

from __future__ import annotations

from django.dispatch import Signal

batch_changed = Signal()
suppression_added = Signal()
suppression_lifted = Signal()
