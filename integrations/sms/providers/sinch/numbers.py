"""Phone numbers at Sinch: search, renting, the service plan that they belong to, release and the list of those rented.

They are another API than that of messages, at another host and with an access key of a project. A rented number is tied to a
service plan in the background; where the plan's inbound messages go is set in Sinch's dashboard, and no request tells it.
Sinch's pages: "Numbers API reference" (available numbers, active numbers), "Provisioning errors".
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson

from integrations.http.values import Headers, Reply, Request
from integrations.sms.contract import NumberQuery, ProviderNumber, SmsAdapter
from integrations.sms.errors import NumberPending, ProviderError
from integrations.sms.number_rules import check_query, currency, price, refused, wanted_digits
from integrations.sms.providers.sinch.replies import decoded
from integrations.sms.steps import Steps

_HOST = "https://numbers.api.sinch.com"
_PAGE_SIZE = 100
_MAX_RESULTS = 100
_KINDS = {"local": "LOCAL", "toll_free": "TOLL_FREE", "mobile": "MOBILE"}
#: Countries with the code 1.
_NORTH_AMERICA = frozenset({"US", "CA"})
_CREDENTIALS = "Check the gateway's numbers project ID, access key ID and access key secret."
_PROVISIONING = (
    "The number is rented, and Sinch has not tied it to the service plan yet. Go on with it in a few minutes; it is not bought "
    "twice."
)
#: What failed when a number was tied to its plan, and what to do about it.
_PROVISIONING_HINTS = {
    "INSUFFICIENT_BALANCE": "Add money to the Sinch account, then go on with the number.",
    "CAMPAIGN_NOT_AVAILABLE": "Register a 10DLC campaign for it in Sinch's dashboard, then go on with the number.",
    "EXCEEDED_10DLC_LIMIT": "Its campaign has as many numbers as it may have. Choose another campaign in Sinch's dashboard.",
}


class SinchNumbers(SmsAdapter):
    """The part of Sinch's adapter that is about numbers.

    ``is_assigned`` of an owned number says whether it is tied to this gateway's service plan, without which it does not text.
    """

    _plan_id: str
    _numbers_url: str
    _numbers_headers: Headers

    def _set_up_numbers(self, base_url: str, *, project_id: str, key_id: str, key_secret: str) -> bool:
        """Keep what requests about numbers need; False when it is not complete.

        Args:
            base_url: the gateway's. Sinch's own is that of messages, and numbers have a host of their own; any other stands for
                both.
            project_id: whose numbers they are.
            key_id: of the project's access key.
            key_secret: of the project's access key.
        """
        given = urlsplit(base_url).hostname or ""
        host = _HOST if given.endswith(".api.sinch.com") else base_url
        self._numbers_url = f"{host}/v1/projects/{quote(project_id, safe='')}"
        pair = b64encode(f"{key_id}:{key_secret}".encode()).decode()
        self._numbers_headers = (("authorization", f"Basic {pair}"), ("accept", "application/json"))
        return bool(project_id and key_id and key_secret)

    def build_search(self, query: NumberQuery) -> Request:
        """A search for numbers that text.

        Raises:
            ValueError: the query makes no sense to Sinch.
        """
        country = check_query(query, label=self.label, capabilities=self.capabilities)
        digits = wanted_digits(query, label=self.label)
        if query.area_code and digits:
            raise ValueError("Sinch searches by an area code or by digits. Leave one of them empty.")
        if query.area_code and country not in _NORTH_AMERICA:
            raise ValueError(
                "Sinch knows area codes of the US and Canada only. Give digits that the number should hold instead."
            )
        fields = {
            "regionCode": country,
            "type": _KINDS[query.kind],
            "capabilities": "SMS",
            "size": str(max(1, min(query.limit, _MAX_RESULTS))),
        }
        if query.area_code or digits:
            fields["numberPattern.pattern"] = f"+1{query.area_code}" if query.area_code else digits
            # The reference says CONTAIN in its text and CONTAINS in its list of values, as Sinch's own libraries do.
            fields["numberPattern.searchPattern"] = "START" if query.area_code else "CONTAINS"
        return self._numbers_get(f"availableNumbers?{urlencode(fields)}")

    def parse_search(self, reply: Reply) -> list[ProviderNumber]:
        """Numbers on offer, with their prices.

        Raises:
            ProviderError: Sinch refused.
        """
        body = _object(reply, "to search numbers")
        # What is empty is left out of Sinch's answers.
        return [_offer(entry) for entry in _listed(body, "availableNumbers", reply, "to search numbers")]

    def buying(
        self,
        number: str,
        *,
        inbound_url: str,  # noqa: ARG002  the plan's, set in the dashboard
        status_url: str,  # noqa: ARG002  each batch has its own
        friendly_name: str = "",  # noqa: ARG002  see below
    ) -> Steps[ProviderNumber]:
        """The renting of one number for the service plan; it is tied to the plan a while later.

        The rent takes no name, and a request of its own for one, after money was spent, could fail and make a certain purchase
        look uncertain. So the number stays without a name in Sinch's dashboard.

        Raises:
            ProviderError: Sinch refused.
        """
        path = f"availableNumbers/{quote(number, safe='+')}:rent"
        reply = yield self._numbers_change("POST", path, {"smsConfiguration": {"servicePlanId": self._plan_id}})
        return self._owned(_object(reply, "to buy the number", spends=True), reply, "to buy the number")

    def finding(self, number: str) -> Steps[ProviderNumber | None]:
        """A number among those that are rented; None when it is not, or is released and only lasts to the end of what is paid.

        Raises:
            ProviderError: Sinch refused.
        """
        reply = yield self._numbers_get(_path_of(number))
        if _is_gone(reply):
            return None
        doing = "to look for the number"
        entry = _object(reply, doing)
        return None if _is_leaving(entry) else self._owned(entry, reply, doing)

    def wiring(
        self,
        number: ProviderNumber,
        *,
        inbound_url: str,  # noqa: ARG002  the plan's, set in the dashboard
        status_url: str,  # noqa: ARG002  each batch has its own
    ) -> Steps[ProviderNumber]:
        """The number tied to the service plan.

        Raises:
            NumberPending: Sinch is at it.
            ProviderError: Sinch refused, or could not do it.
        """
        doing = "to tie the number to the service plan"
        reply = yield self._numbers_get(_path_of(number.number))
        entry = _object(reply, doing)
        if not self._is_tied(entry) and _scheduled(entry).get("status") not in ("WAITING", "IN_PROGRESS"):
            change = {"smsConfiguration": {"servicePlanId": self._plan_id}}
            reply = yield self._numbers_change("PATCH", _path_of(number.number), change)
            entry = _object(reply, doing)
        if self._is_tied(entry):
            return self._owned(entry, reply, doing)
        scheduled = _scheduled(entry)
        if scheduled.get("status") == "FAILED":
            raise _provisioning_failed(scheduled)
        raise NumberPending(_PROVISIONING)

    def is_wired(self, number: ProviderNumber, *, inbound_url: str, status_url: str) -> bool:  # noqa: ARG002  not told
        """Whether the number is tied to the service plan; where the plan's messages go, Sinch does not tell."""
        return number.is_assigned

    def build_release(self, provider_id: str) -> Request:
        """A release of a rented number, at the end of what is paid for."""
        return self._numbers_change("POST", f"{_path_of(provider_id)}:release", None)

    def parse_release(self, reply: Reply) -> None:
        """Nothing when released, or gone already.

        Raises:
            ProviderError: Sinch refused.
        """
        if reply.status not in (200, 202, 204) and not _is_gone(reply):
            raise _refusal(reply, "to release the number")

    def build_list(self, *, page: str = "") -> Request:
        """A page of rented numbers."""
        fields = {"pageSize": str(_PAGE_SIZE)} | ({"pageToken": page} if page else {})
        return self._numbers_get(f"activeNumbers?{urlencode(fields)}")

    def parse_list(self, reply: Reply) -> tuple[list[ProviderNumber], str]:
        """Rented numbers of this service plan and of none, and the next page's token, empty at the end.

        Those of other plans are other gateways', and those that are released are left out: they last to the end of what is paid.

        Raises:
            ProviderError: Sinch refused.
        """
        body = _object(reply, "to list numbers")
        entries = _listed(body, "activeNumbers", reply, "to list numbers")
        kept = [entry for entry in entries if not _is_leaving(entry)]
        numbers = [self._owned(entry, reply, "") for entry in kept if _plan_of(entry) in ("", self._plan_id)]
        token = body.get("nextPageToken")
        return numbers, token if isinstance(token, str) else ""

    def _owned(self, entry: dict[str, Any], reply: Reply, doing: str) -> ProviderNumber:
        number = entry.get("phoneNumber")
        if not isinstance(number, str) or not number:
            raise _refusal(reply, doing, spends=True)
        can = _words(entry.get("capability"))
        cost = entry.get("money")
        cost = cost if isinstance(cost, dict) else {}
        return ProviderNumber(
            number=number,
            provider_id=number,
            friendly_name=str(entry.get("displayName") or ""),
            country=str(entry.get("regionCode") or ""),
            sms="SMS" in can,
            mms="MMS" in can,
            voice="VOICE" in can,
            monthly_price=price(cost.get("amount")),
            currency=currency(cost.get("currencyCode")),
            is_assigned=self._is_tied(entry),
        )

    def _is_tied(self, entry: dict[str, Any]) -> bool:
        return _sms(entry).get("servicePlanId") == self._plan_id and not _scheduled(entry).get("status")

    def _numbers_get(self, path: str) -> Request:
        return Request("GET", f"{self._project()}/{path}", self._numbers_headers)

    def _numbers_change(self, method: str, path: str, values: dict[str, Any] | None) -> Request:
        body = orjson.dumps(values) if values is not None else b""
        headers = (*self._numbers_headers, ("content-type", "application/json"))
        return Request(method, f"{self._project()}/{path}", headers, body)

    def _project(self) -> str:
        if not self.capabilities.numbers:
            raise LookupError(
                "The Sinch gateway has no access key for numbers. Fill in its numbers project ID, access key ID and access "
                "key secret on the gateway's page."
            )
        return self._numbers_url


def _path_of(number: str) -> str:
    return f"activeNumbers/{quote(number, safe='+')}"


def _error(reply: Reply) -> dict[str, Any]:
    body = decoded(reply)
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _refusal(reply: Reply, doing: str, *, spends: bool = False) -> ProviderError:
    error = _error(reply)
    reason = str(error.get("message") or "").strip()[:200] or f"HTTP {reply.status}"
    code = str(error.get("status") or "")[:32] or str(reply.status)
    return refused(reply, label="Sinch", doing=doing, code=code, reason=reason, credentials=_CREDENTIALS, spends=spends)


def _is_gone(reply: Reply) -> bool:
    """Whether the API says that there is no such number; some other server's 404 does not."""
    return reply.status == 404 and bool(_error(reply))


def _object(reply: Reply, doing: str, *, spends: bool = False) -> dict[str, Any]:
    body = decoded(reply)
    if reply.status not in (200, 201) or not isinstance(body, dict):
        raise _refusal(reply, doing, spends=spends)
    return body


def _listed(body: dict[str, Any], name: str, reply: Reply, doing: str) -> list[dict[str, Any]]:
    entries = body.get(name, [])
    # An object that has nothing of a list's is not an empty list.
    if not isinstance(entries, list) or (name not in body and body.keys() - {"totalSize", "nextPageToken"}):
        raise _refusal(reply, doing)
    return [entry for entry in entries if isinstance(entry, dict) and entry.get("phoneNumber")]


def _sms(entry: dict[str, Any]) -> dict[str, Any]:
    found = entry.get("smsConfiguration")
    return found if isinstance(found, dict) else {}


def _scheduled(entry: dict[str, Any]) -> dict[str, Any]:
    """What is under way or has failed; nothing once the number is tied."""
    found = _sms(entry).get("scheduledProvisioning")
    return found if isinstance(found, dict) else {}


def _is_leaving(entry: dict[str, Any]) -> bool:
    """Whether a number's subscription has an end (``expireAt`` in the reference of active numbers): only a release sets one."""
    return bool(entry.get("expireAt"))


def _plan_of(entry: dict[str, Any]) -> str:
    return str(_sms(entry).get("servicePlanId") or _scheduled(entry).get("servicePlanId") or "")


def _provisioning_failed(scheduled: dict[str, Any]) -> ProviderError:
    listed = scheduled.get("errorCodes")
    codes = [str(code)[:64] for code in listed] if isinstance(listed, list) else []
    hint = next(
        (_PROVISIONING_HINTS[code] for code in codes if code in _PROVISIONING_HINTS),
        "Sinch's page on provisioning errors tells what to do; then go on with the number.",
    )
    text = f"The number is rented, and Sinch could not tie it to the service plan ({', '.join(codes) or 'no reason given'}). "
    return ProviderError(codes[0][:32] if codes else "provisioning", text + hint, retryable=True)


def _words(listed: Any) -> set[str]:
    return {str(name).upper() for name in listed} if isinstance(listed, list) else {"SMS"}


def _offer(entry: dict[str, Any]) -> ProviderNumber:
    can = _words(entry.get("capability"))
    monthly, upfront = (
        value if isinstance(value, dict) else {} for value in (entry.get("monthlyPrice"), entry.get("setupPrice"))
    )
    return ProviderNumber(
        number=str(entry["phoneNumber"]),
        country=str(entry.get("regionCode") or ""),
        sms="SMS" in can,
        mms="MMS" in can,
        voice="VOICE" in can,
        monthly_price=price(monthly.get("amount")),
        upfront_price=price(upfront.get("amount")),
        currency=currency(monthly.get("currencyCode")) or currency(upfront.get("currencyCode")),
    )
