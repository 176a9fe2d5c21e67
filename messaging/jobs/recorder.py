"""The recorder: drains results and delivery statuses from the streams into the database.

It reads from the start of the streams and deletes what the database has; an entry that is read twice changes nothing the
second time. So no acknowledgements are kept, and a killed recorder loses nothing.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from broadcast.core.redis import get_redis
from integrations.models import Gateway
from integrations.sms.contract import SmsAdapter, Webhook
from integrations.sms.errors import AdapterError
from integrations.sms.events import DeliveryReport
from messaging.engine import keys, records, stream
from messaging.engine.records import Record
from messaging.models import Batch, EarlyReport, Message, RejectedWebhook, Suppression
from messaging.services import canaries
from messaging.services.batches import finish_batch
from messaging.services.brand_days import note_day_spent
from messaging.services.carrier_refusals import note_refused
from messaging.services.suppressions import suppress

logger = logging.getLogger(__name__)

#: Stream entries read at once; an entry is a group of up to about 40.
ENTRIES = 50
#: Longest wait for the next entry, milliseconds; also how soon a stop is noticed.
BLOCK_MILLISECONDS = 500
#: After a small read, how long results may gather before the next, seconds.
GATHER_SECONDS = 0.1
#: A batch is asked whether it is over this often at most, seconds.
FINISH_SECONDS = 0.5
#: That something of a batch has moved is noted this often at most, seconds.
MOVED_SECONDS = 5.0


class Recorder:
    """One run of the recorder."""

    def __init__(self) -> None:
        self.adapters: dict[int, SmsAdapter] = {}
        self.changed: set[int] = set()
        self.looked_at = 0.0
        self.moved: set[int] = set()
        self.noted_at = 0.0

    def run(self, *, seconds: float, go_on: Callable[[], bool]) -> None:
        """Drain the streams.

        Args:
            seconds: how long.
            go_on: asked before each read; False ends the run.

        Raises:
            redis.RedisError: Redis is away.
            django.db.DatabaseError: the database is away; nothing was deleted from the streams.
        """
        end = time.monotonic() + seconds
        pause = threading.Event()
        while time.monotonic() < end and go_on():
            entries = self.drain(block_milliseconds=BLOCK_MILLISECONDS)
            self.finish_batches()
            if 0 < entries < ENTRIES:
                # What is in the stream is safe; a moment later there is more of it for the same cost.
                pause.wait(GATHER_SECONDS)
        self.finish_batches(force=True)

    def drain(self, *, block_milliseconds: int | None = None) -> int:
        """Record what is in the streams now, one read of each; the number of entries."""
        client = get_redis()
        reply = client.xread({keys.RESULTS: "0", keys.STATUSES: "0"}, count=ENTRIES, block=block_milliseconds)
        streams: dict[str, list[tuple[bytes, dict[bytes, bytes]]]] = {
            name.decode(): entries for name, entries in (reply.items() if isinstance(reply, dict) else reply or [])
        }
        results = streams.get(keys.RESULTS, [])
        statuses = streams.get(keys.STATUSES, [])
        rows = [record for _, entry in results for record in stream.unpack(entry[keys.FIELD])]
        for _, entry in statuses:
            rows += self._reports(orjson.loads(entry[keys.FIELD]))
        self.apply(rows)
        # Only now that the database has them.
        for name, entries in ((keys.RESULTS, results), (keys.STATUSES, statuses)):
            if entries:
                client.xdel(name, *(entry_id for entry_id, _ in entries))
        return len(results) + len(statuses)

    def apply(self, rows: list[Record]) -> None:
        """Write records, apply reports that were early for them, and opt out whom the provider has opted out."""
        if not rows:
            return
        with transaction.atomic():
            early = _early_reports(rows)
            unregistered = self._fresh([*rows, *early], lambda adapter: adapter.unregistered_codes)
            spent = self._fresh([*rows, *early], lambda adapter: adapter.day_spent_codes)
            changed = records.write([*rows, *early])
            # With the rows: whoever reads the stream again after a kill finds nothing new to count.
            for found in unregistered:
                note_refused(
                    message_ids=[record.message_id for record in found],
                    code=found[0].reason,
                    text=found[0].reason_text,
                )
            for found in spent:
                note_day_spent(message_ids=[record.message_id for record in found], code=found[0].reason)
        self.changed |= changed
        self.moved |= changed
        for record in [*rows, *early]:
            if record.opts_out or record.bad_number:
                _suppress_recipient(record)

    def _fresh(self, rows: list[Record], codes_of: Callable[[SmsAdapter], frozenset[str]]) -> list[list[Record]]:
        """What has failed with certain codes and is not known of yet, by its code.

        Args:
            rows: what came in.
            codes_of: an adapter's codes.
        """
        by_code: dict[str, dict[int, Record]] = {}
        for record in rows:
            if record.reason and (adapter := self._adapter(record.gateway_id)) and record.reason in codes_of(adapter):
                by_code.setdefault(record.reason, {})[record.message_id] = record
        found = []
        for code, records_of in by_code.items():
            # A report that is repeated is counted once.
            fresh = Message.objects.filter(pk__in=records_of).exclude(reason=code).values_list("pk", flat=True)
            found.append([records_of[pk] for pk in fresh])
        return [some for some in found if some]

    def finish_batches(self, *, force: bool = False) -> None:
        """Finish batches that changed and are over, and note that they moved."""
        self.note_moved(force=force)
        now = time.monotonic()
        if not self.changed or (not force and now - self.looked_at < FINISH_SECONDS):
            return
        self.looked_at = now
        batches, self.changed = self.changed, set()
        for batch_id in sorted(batches):
            finish_batch(batch_id)

    def note_moved(self, *, force: bool = False) -> None:
        """Note which batches have moved, for the stall alarm, and take their canaries further."""
        now = time.monotonic()
        if not self.moved or (not force and now - self.noted_at < MOVED_SECONDS):
            return
        self.noted_at = now
        moved, self.moved = self.moved, set()
        at = timezone.now()
        # One statement for all of them; what another recorder has noted a moment ago stays.
        old = Q(moved_at=None) | Q(moved_at__lt=at - dt.timedelta(seconds=MOVED_SECONDS))
        Batch.objects.filter(old, pk__in=moved).update(moved_at=at, stalled_at=None, stall_reason="")
        canaries.tend_changed(moved)

    def _adapter(self, gateway_id: int) -> SmsAdapter | None:
        if gateway_id not in self.adapters:
            gateway = Gateway.objects.filter(pk=gateway_id).first()
            if gateway is None:
                return None
            self.adapters[gateway_id] = gateway.adapter
        return self.adapters[gateway_id]

    def _reports(self, events: Iterable[dict[str, Any]]) -> list[Record]:
        """Records of a group of status webhooks."""
        found: list[tuple[DeliveryReport, int, dt.datetime]] = []
        for event in events:
            try:
                reports = self.read(event)
            except AdapterError as error:
                keep_rejected(event, "status", error)
                continue
            at = dt.datetime.fromtimestamp(event["t"], dt.UTC)
            found += [(_storable(report), event["g"], at) for report in reports]
        return self._match(found)

    def read(self, event: dict[str, Any]) -> list[DeliveryReport]:
        """The reports of a status webhook; none when its gateway is gone.

        Raises:
            AdapterError: it is not understood.
        """
        adapter = self._adapter(event["g"])
        if adapter is None:
            return []
        return adapter.parse_status(as_webhook(event))

    def replay(self, event: dict[str, Any]) -> int:
        """Record one status webhook that was kept; how many reports were in it.

        Raises:
            AdapterError: it is not understood now either.
        """
        at = dt.datetime.fromtimestamp(event["t"], dt.UTC)
        reports = [(_storable(report), event["g"], at) for report in self.read(event)]
        self.apply(self._match(reports))
        self.finish_batches(force=True)
        return len(reports)

    def _match(self, found: list[tuple[DeliveryReport, int, dt.datetime]]) -> list[Record]:
        """Records of reports; those that came before our own record of the provider's id are kept."""
        by_provider_id = _message_ids(report.provider_id for report, _, _ in found if report.message_id is None)
        rows, early = [], []
        for report, gateway_id, at in found:
            message_id = report.message_id or by_provider_id.get(report.provider_id)
            if message_id is None:
                early.append((report, gateway_id, at))
            else:
                rows.append(_record(report, message_id, gateway_id, at))
        _keep_early(early)
        return rows


def as_webhook(event: dict[str, Any]) -> Webhook:
    """A webhook as it stands in a stream, as an adapter reads it."""
    return Webhook(event["u"], event["h"], event["b"].encode("latin-1"), message_id=event["m"])


def _storable(report: DeliveryReport) -> DeliveryReport:
    """A report as the database can hold it: one that it refuses would stop the recorder for everybody."""
    return replace(
        report,
        provider_id=report.provider_id.replace("\x00", "")[:64],
        error_code=report.error_code.replace("\x00", "")[:32],
        error_text=report.error_text.replace("\x00", "")[:255],
    )


def keep_rejected(event: dict[str, Any], kind: str, error: AdapterError) -> None:
    """Keep a webhook that is not understood for staff."""
    logger.warning("A %s webhook of gateway %s is not understood and kept: %s", kind, event["g"], error)
    RejectedWebhook.objects.create(
        gateway_id=event["g"],
        kind=kind,
        body=event["b"].encode("latin-1").decode("utf-8", "replace").replace("\x00", "\ufffd"),
        event=orjson.dumps(event).decode(),
        error=str(error)[:255],
        received_at=dt.datetime.fromtimestamp(event["t"], dt.UTC),
    )


def _record(report: DeliveryReport, message_id: int, gateway_id: int, at: dt.datetime) -> Record:
    return Record(
        message_id,
        gateway_id,
        report.state,
        at,
        reason=report.error_code,
        reason_text=report.error_text,
        provider_id=report.provider_id,
        opts_out=report.opts_out,
        bad_number=report.bad_number,
    )


def _message_ids(provider_ids: Iterable[str]) -> dict[str, int]:
    wanted = set(provider_ids)
    if not wanted:
        return {}
    return dict(Message.objects.filter(provider_id__in=wanted).values_list("provider_id", "id"))


def _keep_early(reports: Iterable[tuple[DeliveryReport, int, dt.datetime]]) -> None:
    EarlyReport.objects.bulk_create(
        [
            EarlyReport(
                gateway_id=gateway_id,
                provider_id=report.provider_id[:64],
                state=report.state,
                error_code=report.error_code[:32],
                error_text=report.error_text[:255],
                opts_out=report.opts_out,
                bad_number=report.bad_number,
                received_at=at,
            )
            for report, gateway_id, at in reports
        ],
        ignore_conflicts=True,
    )


def _early_reports(rows: list[Record]) -> list[Record]:
    """Records of reports that came before these rows told the provider's ids; used up."""
    by_provider_id = {record.provider_id: record for record in rows if record.provider_id}
    if not by_provider_id or not EarlyReport.objects.exists():
        return []
    early = list(EarlyReport.objects.filter(provider_id__in=by_provider_id))
    if early:
        EarlyReport.objects.filter(pk__in=[report.pk for report in early]).delete()
    return [
        Record(
            by_provider_id[report.provider_id].message_id,
            report.gateway_id,
            report.state,
            report.received_at or timezone.now(),
            reason=report.error_code,
            reason_text=report.error_text,
            opts_out=report.opts_out,
            bad_number=report.bad_number,
        )
        for report in early
    ]


def _suppress_recipient(record: Record) -> None:
    """What a provider's error says about a person holds for everything we send them."""
    message = Message.objects.filter(pk=record.message_id, number__gateway_id=record.gateway_id).first()
    if message is None:
        return
    lifted = Suppression.objects.filter(account_id=message.account_id, recipient=message.recipient)
    if lifted.filter(lifted_at__gt=record.at).exists():
        # They have come back since the provider said so; if it still holds it says so again.
        return
    reason = Suppression.Reason.PROVIDER_OPT_OUT if record.opts_out else Suppression.Reason.BAD_NUMBER
    suppress(
        account_id=message.account_id,
        recipient=message.recipient,
        reason=reason,
        note=record.reason_text,
        message_id=message.pk,
        how="provider",
        at=record.at,
    )
