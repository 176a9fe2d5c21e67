"""What the transport tells the layers above; plain values.

``batch_changed`` is sent after the change is committed; a kill may swallow it. Those of suppressions are sent inside the
transaction, so that what receivers write is there together with the suppression or not at all.

- ``batch_changed``: ``batch_id``, ``source``, ``state`` (``BatchState``), ``pause_code``, ``reason``.
- ``suppression_added``: ``account_id``, ``recipient``, ``reason``, ``message_id`` (or None).
- ``suppression_lifted``: ``account_id``, ``recipient``.
"""

from __future__ import annotations

from django.dispatch import Signal

batch_changed = Signal()
suppression_added = Signal()
suppression_lifted = Signal()
