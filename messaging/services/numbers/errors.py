"""What provisioning a number may run into."""

from __future__ import annotations

from messaging.models import PhoneNumber


class ProvisioningError(Exception):
    """A number could not be provisioned; ``text`` says what happened and what to do.

    Args:
        text: for a person.
        number: the row on which one can see how far it is and go on, if there is one.
        retryable: the same may work later.
        undone: the provider has certainly done nothing. A time-out, an error of its own or an answer that cannot be read
            leaves that open.
        is_ordered: the provider has taken the order and is not done with it; going on later finds it.
        retry_after_seconds: how long it asks to wait, where it says so.
    """

    def __init__(
        self,
        text: str,
        number: PhoneNumber | None = None,
        *,
        retryable: bool = False,
        undone: bool = True,
        is_ordered: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__()
        self.text = text
        self.number = number
        self.retryable = retryable
        self.undone = undone and not is_ordered
        self.is_ordered = is_ordered
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return self.text
