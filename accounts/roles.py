"""Staff roles: the one table of what each may do.

Roles are Django groups. ``accounts.migrations.0002_roles`` makes them; after every ``migrate`` they get the permissions
listed here, because Django itself makes permissions only then.
"""

from __future__ import annotations

from collections.abc import Iterable

OPERATOR = "Operator"
SUPPORT = "Support"
READ_ONLY = "Read-only"

#: Models of the console by app; everybody on the staff may look at them. No page shows a credential.
_SHOWN: dict[str, tuple[str, ...]] = {
    "accounts": ("account", "user", "membership"),
    "integrations": ("gateway",),
    "messaging": (
        "phonenumber",
        "senderpool",
        "route",
        "batch",
        "message",
        "suppression",
        "inboundmessage",
        "rejectedwebhook",
        "numberfinding",
        "alert",
        "optoutreview",
        "conversation",
        "cannedreply",
        *(
            "brand",
            "tendlccampaign",
            "tendlcnumber",
            "tollfreeverification",
            "registrationchange",
            "registrationpolicy",
        ),
    ),
    "campaigns": (
        "campaign",
        "campaignlist",
        "subscriber",
        "subscriberlist",
        "subscription",
        "customfield",
        "subscriberimport",
        "consentevent",
        "optoutrequest",
        *("keyword", "keywordaction", "tag", "callendpoint", "outgoingcall", "staffnotice", "optinrequest"),
        *("chain", "chainstep", "chainrun", "chainevent"),
    ),
}


def _permissions(actions: Iterable[str], app: str, *models: str) -> set[str]:
    return {f"{app}.{action}_{model}" for action in actions for model in models}


_VIEW = {permission for app, models in _SHOWN.items() for permission in _permissions(["view"], app, *models)}

#: Opt-outs by other ways than a text, and what is on record of a person, to take away.
_CONSENT = _permissions(["add", "change"], "campaigns", "optoutrequest") | {"campaigns.export_evidence"}

#: What each role may do: ``app.codename``.
ROLES: dict[str, frozenset[str]] = {
    # All everyday work. Gateways and their credentials are the administrators' (superusers').
    OPERATOR: frozenset(
        _VIEW
        | _permissions(["view"], "django_q", "schedule", "failure")
        | _permissions(["add", "change"], "accounts", "account", "user")
        | _permissions(["add", "change", "delete"], "accounts", "membership")
        | _permissions(["add", "change"], "messaging", "phonenumber", "suppression")
        | _permissions(["add", "change", "delete"], "messaging", "senderpool", "route")
        | _permissions(["change"], "messaging", "alert", "optoutreview", "rejectedwebhook", "numberfinding")
        | _permissions(["change"], "messaging", "conversation")
        | _permissions(["add", "change", "delete"], "messaging", "cannedreply")
        | _permissions(["add", "change"], "messaging", "brand", "tendlccampaign", "tollfreeverification")
        | _permissions(["add", "change"], "messaging", "registrationpolicy")
        | _permissions(["add", "change", "delete"], "campaigns", "campaign", "campaignlist", "subscriber")
        | _permissions(["add", "change", "delete"], "campaigns", "subscriberlist", "subscription", "customfield")
        | _permissions(["add", "change", "delete"], "campaigns", "keyword", "keywordaction", "tag", "callendpoint")
        | _permissions(["change"], "campaigns", "outgoingcall", "staffnotice")
        | _permissions(["add", "change", "delete"], "campaigns", "chain", "chainstep")
        | _permissions(["add", "change"], "campaigns", "chainrun")
        | {"campaigns.add_subscriberimport", "campaigns.launch_campaign"}
        | _CONSENT
    ),
    # Answers people: looks at everything, opts people out and in, corrects their data. Launches nothing.
    SUPPORT: frozenset(
        _VIEW
        | _permissions(["add", "change"], "messaging", "suppression")
        | _permissions(["change"], "messaging", "optoutreview")
        | _permissions(["change"], "messaging", "conversation")
        | _permissions(["change"], "campaigns", "subscriber", "subscription")
        # Starts and ends text chains with single people.
        | _permissions(["add", "change"], "campaigns", "chainrun")
        | _CONSENT
    ),
    READ_ONLY: frozenset(_VIEW),
}
