"""Phone numbers: search, buy, wire to our webhooks, adopt, release. Who calls needs no request.

``ask_to_…`` write down what is wanted and leave it to a background task, ``run_errand``; the others wait for the provider.
Each function leaves a state that can be seen and gone on from, whatever happens half-way; ``docs/numbers.md`` draws it.
"""

from __future__ import annotations

from messaging.services.numbers.adopting import adopt_number, take_listed_number
from messaging.services.numbers.asking import (
    TASK_SECONDS,
    ask_to_adopt,
    ask_to_buy,
    ask_to_forget,
    ask_to_give_up,
    ask_to_keep,
    ask_to_release,
    ask_to_resume,
    ask_to_wire,
)
from messaging.services.numbers.buying import provision_number, resume_number
from messaging.services.numbers.errands import LOST_AFTER, TOO_LATE_AFTER, call_lost, run_errand
from messaging.services.numbers.errors import ProvisioningError
from messaging.services.numbers.leaving import (
    COOL_DOWN_DAYS,
    MOST_COOL_DOWN_DAYS,
    forget_number,
    give_up_number,
    keep_number,
    release_due,
    release_number,
    write_off_number,
)
from messaging.services.numbers.plans import ResumePlan, plan_resumption
from messaging.services.numbers.provider import find_number, list_numbers, search_numbers, selling_gateways
from messaging.services.numbers.rows import allowance_left, numbers_in_use
from messaging.services.numbers.testing import send_test_message
from messaging.services.numbers.watching import watch_numbers
from messaging.services.numbers.wiring import wire_number

__all__ = [
    "COOL_DOWN_DAYS",
    "LOST_AFTER",
    "MOST_COOL_DOWN_DAYS",
    "TASK_SECONDS",
    "TOO_LATE_AFTER",
    "ProvisioningError",
    "ResumePlan",
    "adopt_number",
    "allowance_left",
    "ask_to_adopt",
    "ask_to_buy",
    "ask_to_forget",
    "ask_to_give_up",
    "ask_to_keep",
    "ask_to_release",
    "ask_to_resume",
    "ask_to_wire",
    "call_lost",
    "find_number",
    "forget_number",
    "give_up_number",
    "keep_number",
    "list_numbers",
    "numbers_in_use",
    "plan_resumption",
    "provision_number",
    "release_due",
    "release_number",
    "resume_number",
    "run_errand",
    "search_numbers",
    "selling_gateways",
    "send_test_message",
    "take_listed_number",
    "watch_numbers",
    "wire_number",
    "write_off_number",
]
