"""What a column's heading says, in the languages and spellings that files come with."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

#: Names that texts can use already; no custom field may take one.
STANDARD_FIELDS = ("first_name", "last_name", "email", "number")
#: Keys that no custom field of a file may take.
RESERVED_KEYS = (*STANDARD_FIELDS, "time_zone")
MAX_KEY_CHARACTERS = 40
#: Words that mean something of their own in Liquid.
_LIQUID_WORDS = frozenset(
    ("and", "or", "not", "contains", "true", "false", "nil", "null", "empty", "blank", "in", "if")
)


class Role(StrEnum):
    """What a column is used for."""

    PHONE = "number"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    EMAIL = "email"
    TIME_ZONE = "time_zone"
    CUSTOM = "custom"
    #: Our own exports' columns that say nothing about the person.
    IGNORED = "ignored"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MOBILE = _words(
    "mobile cell cellphone cellular mobilephone handy handynummer handynr mobil mobilnummer mobiltelefon "
    "mobilfunk movil celular cellulare portable gsm sms msisdn mobiel mobilnr komorka"
)
_PHONE = _words(
    "phone phonenumber tel telephone telefon telefonnummer telefonnr telefono telefoon telefoonnummer rufnummer "
    "fon whatsapp telefone ph"
)
_SECOND_CHOICE = _words("home work office business landline festnetz fixe privat other alternate secondary")
_NOT_A_PHONE = _words(
    "fax ext extension type label carrier country consent optin opt permission status date verified provider "
    "count model os brand"
)
_MAYBE_PHONE = frozenset(
    ("number", "no", "nr", "num", "numero", "nummer", "contact number", "contact", "to", "recipient", "n")
)
_FIRST = frozenset(
    (
        *("first", "first name", "firstname", "fname", "given name", "givenname", "forename", "vorname", "prenom"),
        *("nombre", "nome", "voornaam", "fornavn", "fornamn", "imie", "christian name", "preferred name"),
    )
)
_LAST = frozenset(
    (
        *("last", "last name", "lastname", "lname", "surname", "family name", "familyname", "nachname", "familienname"),
        *(
            "nom",
            "nom de famille",
            "apellido",
            "apellidos",
            "cognome",
            "achternaam",
            "etternavn",
            "efternamn",
            "nazwisko",
        ),
    )
)
_FULL = frozenset(
    (
        *("name", "full name", "fullname", "contact name", "customer", "customer name", "subscriber", "guest"),
        *(
            "guest name",
            "member",
            "member name",
            "nom complet",
            "nombre completo",
            "your name",
            "client",
            "client name",
        ),
    )
)
_EMAIL = frozenset(
    (
        *(
            "email",
            "e mail",
            "mail",
            "email address",
            "e mail address",
            "emailadresse",
            "e mail adresse",
            "email adresse",
        ),
        *("mailadresse", "courriel", "correo", "correo electronico", "adresse mail", "adresse email", "emailaddress"),
    )
)
_TIME_ZONE = frozenset(
    (
        "time zone",
        "timezone",
        "tz",
        "zeitzone",
        "fuseau horaire",
        "zona horaria",
        "huso horario",
        "tijdzone",
        "fuso orario",
    )
)
#: Headings of our own exports and of the file of refused rows.
EXPORT_ONLY = ("On the list", "Suppressed", "Came from", "Added", "Refused because", "Row in the file")


def plain_name(heading: str) -> str:
    """A heading in lower case without accents, digits and punctuation: ``firstName`` and ``First-Name:`` are one."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading)
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.combining(c)).casefold()
    return " ".join(re.sub(r"[\W\d_]+", " ", text).split())


def phone_rank(heading: str) -> int:
    """How surely a heading means the number to text: 3 a mobile, 2 a phone, 1 perhaps, 0 not at all."""
    name = plain_name(heading)
    words = set(name.split())
    if not words or words & _NOT_A_PHONE:
        return 0
    if words & _MOBILE:
        return 3
    if words & _PHONE:
        return 1 if words & _SECOND_CHOICE else 2
    return 1 if name in _MAYBE_PHONE else 0


def role_by_name(heading: str) -> Role | None:
    """The use that a heading names, phone numbers aside; None if it is not a known one."""
    if heading.strip() in EXPORT_ONLY:
        return Role.IGNORED
    name = plain_name(heading)
    for role, names in (
        (Role.EMAIL, _EMAIL),
        (Role.FIRST_NAME, _FIRST),
        (Role.LAST_NAME, _LAST),
        (Role.FULL_NAME, _FULL),
        (Role.TIME_ZONE, _TIME_ZONE),
    ):
        if name in names:
            return role
    return None


def is_known(heading: str) -> bool:
    """Whether the cell looks like a heading."""
    return bool(role_by_name(heading) or phone_rank(heading))


def field_key(heading: str, taken: set[str]) -> str:
    """A merge field's name for a heading, added to ``taken``.

    Args:
        heading: as in the file, or ``Column 3`` where there is none.
        taken: names used by other columns of the file.
    """
    text = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "_", text).strip("_")
    if not key or not key[0].isalpha():
        key = f"field_{key}".rstrip("_")
    if key in RESERVED_KEYS or key in _LIQUID_WORDS:
        key = f"custom_{key}"
    key = key[:MAX_KEY_CHARACTERS].rstrip("_")
    free, number = key, 2
    while free in taken:
        suffix = f"_{number}"
        free, number = key[: MAX_KEY_CHARACTERS - len(suffix)] + suffix, number + 1
    taken.add(free)
    return free
