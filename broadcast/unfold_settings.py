"""The look of the staff console: name, mark, colours, and a sidebar grouped by what staff do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _mark(_request: HttpRequest) -> str:
    return static("broadcast/logo.svg")


def _styles(_request: HttpRequest) -> str:
    return static("broadcast/console.css")


def _live(_request: HttpRequest) -> str:
    return static("broadcast/live.js")


def _favicon(_request: HttpRequest) -> str:
    return static("broadcast/favicon.svg")


class _MayView:
    """Whether a user may see a model's list; asked for each item of the sidebar."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def __call__(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.permission)


def _open_alerts() -> str:
    """How many alerts wait for a person; empty for none."""
    return str(apps.get_model("messaging", "Alert").objects.open().count() or "")


def _pending_reviews() -> str:
    """How many possible opt-outs wait for a decision; empty for none."""
    return str(apps.get_model("messaging", "OptOutReview").objects.filter(state="pending").count() or "")


def _open_requests() -> str:
    """How many opt-out requests by other ways wait for a person; empty for none."""
    return str(apps.get_model("campaigns", "OptOutRequest").objects.filter(state="open").count() or "")


def _unread_conversations() -> str:
    """How many conversations nobody has looked at since the person wrote, up to “99+”; empty for none."""
    # As messaging.services.inbox.count_unread; this is read before the models are.
    count = apps.get_model("messaging", "Conversation").objects.unread().order_by()[:100].count()
    return "99+" if count > 99 else str(count or "")


def _item(title: str, icon: str, model: str, badge: Callable[[], str] | None = None) -> dict[str, Any]:
    """A sidebar item that opens a model's list.

    Args:
        title: as shown.
        icon: name of a Material symbol.
        model: ``app_model`` in lower case.
        badge: returns the text beside it; empty for none. (For a dotted path unfold would show the path instead of nothing.)
    """
    app, _, name = model.rpartition("_")
    item = {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": _MayView(f"{app}.view_{name}"),
    }
    return item | ({"badge": badge} if badge else {})


#: Teal, in the steps that unfold asks for.
_PRIMARY = {
    "50": "#f0fdfa",
    "100": "#ccfbf1",
    "200": "#99f6e4",
    "300": "#5eead4",
    "400": "#2dd4bf",
    "500": "#14b8a6",
    "600": "#0d9488",
    "700": "#0f766e",
    "800": "#115e59",
    "900": "#134e4a",
    "950": "#042f2e",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Broadcast",
    "SITE_HEADER": "Broadcast",
    "SITE_SUBHEADER": "SMS campaigns",
    # There is no other site to go to.
    "SITE_URL": None,
    "SITE_ICON": _mark,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _favicon}],
    "STYLES": [_styles],
    "SCRIPTS": [_live],
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "COLORS": {"primary": _PRIMARY},
    "DASHBOARD_CALLBACK": "broadcast.dashboard.dashboard",
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "items": [
                    {"title": "Dashboard", "icon": "dashboard", "link": reverse_lazy("admin:index")},
                    _item("Alerts", "notifications", "messaging_alert", badge=_open_alerts),
                ]
            },
            {
                "title": "Send",
                "items": [
                    _item("Campaigns", "campaign", "campaigns_campaign"),
                    _item("Batches", "stacks", "messaging_batch"),
                    _item("Messages", "sms", "messaging_message"),
                ],
            },
            {
                "title": "Inbox",
                "items": [
                    _item("Conversations", "forum", "messaging_conversation", badge=_unread_conversations),
                    _item("Opt-outs to review", "rule", "messaging_optoutreview", badge=_pending_reviews),
                    _item("Opt-out requests", "contact_mail", "campaigns_optoutrequest", badge=_open_requests),
                    _item("Canned replies", "quickreply", "messaging_cannedreply"),
                ],
            },
            {
                "title": "Automation",
                "items": [
                    _item("Keywords", "key", "campaigns_keyword"),
                    _item("Text chains", "account_tree", "campaigns_chain"),
                    _item("Chain runs", "route", "campaigns_chainrun"),
                    _item("Webhook endpoints", "webhook", "campaigns_callendpoint"),
                    _item("Webhook calls", "call_made", "campaigns_outgoingcall"),
                    _item("Mails to staff", "outgoing_mail", "campaigns_staffnotice"),
                ],
            },
            {
                "title": "Audience",
                "items": [
                    _item("Lists", "list_alt", "campaigns_subscriberlist"),
                    _item("Subscribers", "group", "campaigns_subscriber"),
                    _item("Imports", "upload_file", "campaigns_subscriberimport"),
                    _item("Custom fields", "data_object", "campaigns_customfield"),
                    _item("Tags", "sell", "campaigns_tag"),
                ],
            },
            {
                "title": "Records",
                "items": [
                    _item("Inbound messages", "inbox", "messaging_inboundmessage"),
                    _item("Consent ledger", "history_edu", "campaigns_consentevent"),
                    _item("Opt-in requests", "how_to_reg", "campaigns_optinrequest"),
                    _item("Suppressions", "block", "messaging_suppression"),
                    _item("Rejected webhooks", "sms_failed", "messaging_rejectedwebhook"),
                ],
            },
            {
                "title": "Numbers",
                "items": [
                    _item("Phone numbers", "dialpad", "messaging_phonenumber"),
                    _item("Number findings", "compare_arrows", "messaging_numberfinding"),
                    _item("Sender pools", "hub", "messaging_senderpool"),
                    _item("Routing", "alt_route", "messaging_route"),
                    _item("Brands", "verified", "messaging_brand"),
                    _item("10DLC campaigns", "fact_check", "messaging_tendlccampaign"),
                    _item("Toll-free verifications", "verified_user", "messaging_tollfreeverification"),
                    _item("Gateways", "router", "integrations_gateway"),
                ],
            },
            {
                "title": "Clients",
                "items": [
                    _item("Accounts", "storefront", "accounts_account"),
                    _item("Users", "person", "accounts_user"),
                    _item("Memberships", "badge", "accounts_membership"),
                ],
            },
            {
                "title": "System",
                "items": [
                    _item("Background tasks", "schedule", "django_q_schedule"),
                    _item("Failed tasks", "error", "django_q_failure"),
                    _item("Staff roles", "admin_panel_settings", "auth_group"),
                ],
            },
        ],
    },
}
