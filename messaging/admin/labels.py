"""Colours of the transport's states."""

from __future__ import annotations

from broadcast.core.admin import Labels
from messaging.models import Alert, InboundMessage, NumberFinding, PhoneNumber, RejectedWebhook, Suppression
from messaging.states import BatchState, MessageState, RegistrationState

MESSAGE_LABELS: Labels = {
    MessageState.QUEUED: "",
    MessageState.SENDING: "info",
    MessageState.UNKNOWN: "warning",
    MessageState.ACCEPTED: "info",
    MessageState.SENT: "info",
    MessageState.UNRESOLVED: "warning",
    MessageState.NO_REPORT: "",
    MessageState.SUPPRESSED: "",
    MessageState.CANCELLED: "",
    MessageState.EXPIRED: "warning",
    MessageState.FAILED: "danger",
    MessageState.UNDELIVERED: "danger",
    MessageState.DELIVERED: "success",
}

BATCH_LABELS: Labels = {
    BatchState.LAUNCHING: "info",
    BatchState.SENDING: "primary",
    BatchState.PAUSED: "warning",
    BatchState.FINISHED: "success",
    BatchState.CANCELLED: "",
}

ALERT_LABELS: Labels = {
    Alert.Kind.REJECTIONS: "danger",
    Alert.Kind.CANARY: "danger",
    Alert.Kind.STALLED: "danger",
    Alert.Kind.EXPIRED: "warning",
    Alert.Kind.GATEWAY_STOPPED: "danger",
    Alert.Kind.GATEWAY_DOWN: "danger",
    Alert.Kind.NUMBER_STOPPED: "warning",
    Alert.Kind.NUMBERS_DIFFER: "warning",
    Alert.Kind.NUMBERS_UNREAD: "warning",
    Alert.Kind.CLOCK: "danger",
    Alert.Kind.FOREIGN_SECRET: "danger",
    Alert.Kind.NUMBER_HALF_WAY: "warning",
    Alert.Kind.DETOUR: "warning",
    Alert.Kind.REGISTRATION: "danger",
    Alert.Kind.BUDGET: "warning",
}

NUMBER_LABELS: Labels = {
    PhoneNumber.State.PENDING: "warning",
    PhoneNumber.State.ACTIVE: "success",
    PhoneNumber.State.DISABLED: "",
    PhoneNumber.State.LEAVING: "info",
    PhoneNumber.State.RELEASED: "danger",
}

REGISTRATION_LABELS: Labels = {
    RegistrationState.DRAFT: "",
    RegistrationState.SUBMITTED: "info",
    RegistrationState.IN_REVIEW: "info",
    RegistrationState.APPROVED: "success",
    RegistrationState.REJECTED: "danger",
    RegistrationState.SUSPENDED: "danger",
    RegistrationState.WITHDRAWN: "",
}

SUPPRESSION_LABELS: Labels = {
    Suppression.Reason.OPT_OUT: "warning",
    Suppression.Reason.PROVIDER_OPT_OUT: "warning",
    Suppression.Reason.BAD_NUMBER: "danger",
    Suppression.Reason.REVIEW: "warning",
    Suppression.Reason.STAFF: "info",
}

INBOUND_LABELS: Labels = {
    InboundMessage.State.RECEIVED: "info",
    InboundMessage.State.HANDLED: "success",
    InboundMessage.State.UNROUTED: "danger",
}
REJECTED_LABELS: Labels = {
    RejectedWebhook.State.KEPT: "warning",
    RejectedWebhook.State.REPLAYED: "success",
    RejectedWebhook.State.DISMISSED: "info",
}

FINDING_KIND_LABELS: Labels = {
    NumberFinding.Kind.UNKNOWN: "info",
    NumberFinding.Kind.MISSING: "danger",
    NumberFinding.Kind.WRONG_URLS: "danger",
    NumberFinding.Kind.STILL_THERE: "warning",
}
FINDING_LABELS: Labels = {
    NumberFinding.State.OPEN: "warning",
    NumberFinding.State.REPAIRED: "success",
    NumberFinding.State.IGNORED: "",
    NumberFinding.State.GONE: "",
}
