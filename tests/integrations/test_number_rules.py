"""Prices and currencies as providers write them: none of them may stand in the way of a purchase."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integrations.sms.number_rules import currency, price
from messaging.models import PhoneNumber


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1.00000", "1.00"),
        ("0.500000", "0.50"),
        (1.0, "1.00"),
        (15, "15.00"),
        ("0.00750", "0.0075"),
        ("0.123456", "0.1235"),
        ("0.00001", "0.00"),
        (0.1 + 0.2, "0.30"),
        ("999999.99994", "999999.9999"),
    ],
)
def test_a_price_fits_its_record_however_many_decimals_it_has(written: object, meant: str) -> None:
    amount = price(written)
    assert str(amount) == meant
    field = PhoneNumber._meta.get_field("monthly_price")
    assert field.clean(amount, PhoneNumber()) == Decimal(meant)


@pytest.mark.parametrize("written", [None, True, "", "free", "-1", "NaN", "Infinity", "1e30", "999999.99999", 10**7])
def test_what_is_no_price_is_none(written: object) -> None:
    assert price(written) is None


@pytest.mark.parametrize(
    ("written", "meant"), [("USD", "USD"), (" usd ", "USD"), ("US Dollar", ""), (None, ""), (840, ""), ("€", "")]
)
def test_a_currency_is_its_three_letters_or_nothing(written: object, meant: str) -> None:
    assert currency(written) == meant
    PhoneNumber._meta.get_field("currency").clean(currency(written), PhoneNumber())
