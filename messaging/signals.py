"""What the transport tells the layers above; plain values.

``batch_changed`` is sent after the change is committed; a kill may swallow it. Those of suppressions are sent inside the
transaction, so that what receivers write is there together with the suppression or not at all.

- ``batch_changed``: ``batch_id``, ``source``, ``state`` (``BatchState``), ``pause_code``, ``reason``.
- ``suppression_added``: ``account_id``, ``recipient``, ``reason``, ``message_id`` (or None), and the circumstances below.
- ``suppression_lifted``, unless the person's own opt-out stays in force: ``account_id``, ``recipient``, ``reason`` (the
  suppression's, not the lifting's) and the same:
  ``how`` (``How``), ``note`` (their words, or a person's), ``source`` (where it is from, or empty), ``inbound_id`` (or None),
  ``user`` (the member of staff, or None), ``at`` (aware time at which it happened; it may have been earlier).
"""

from __future__ import annotations

from typing import Literal

from django.dispatch import Signal

#: By which way somebody opted out or came back.
How = Literal["import", "keyword", "form", "api", "staff", "message", "provider", "chain", "sync"]

batch_changed = Signal()
suppression_added = Signal()
suppression_lifted = Signal()
