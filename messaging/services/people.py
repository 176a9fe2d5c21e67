"""What the layers above know of a person. The transport knows numbers only; whoever knows more registers here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

#: Tells what is known of a person: (account id, number) → merge fields.
PersonSource = Callable[[int, str], dict[str, Any]]
#: Tells names: pairs of account id and number → name by pair, without those it does not know.
NameSource = Callable[[Collection[tuple[int, str]]], dict[tuple[int, str], str]]


class People(NamedTuple):
    """People that a search found.

    Args:
        pairs: account id and number of each.
        is_all: whether everybody was looked at; else the newest.
    """

    pairs: list[tuple[int, str]]
    is_all: bool


#: Finds people by words of a name: (words, one account's only, at most so many).
PersonSearch = Callable[[str, int | None, int], People]

#: Most people that a search for a name goes on with.
MOST_FOUND = 200

_sources: list[PersonSource] = []
_name_sources: list[NameSource] = []
_searches: list[PersonSearch] = []


def register_person_source(source: PersonSource) -> None:
    """Have a layer above tell what it knows of a person."""
    if source not in _sources:
        _sources.append(source)


def register_name_source(source: NameSource) -> None:
    """Have a layer above tell the names of many people at once."""
    if source not in _name_sources:
        _name_sources.append(source)


def register_person_search(search: PersonSearch) -> None:
    """Have a layer above find people by name."""
    if search not in _searches:
        _searches.append(search)


def known_of(account_id: int, number: str) -> dict[str, Any]:
    """Merge fields of a person; at least ``number``.

    Args:
        account_id: whose person.
        number: E.164.
    """
    known: dict[str, Any] = {"number": number}
    for source in _sources:
        known.update(source(account_id, number))
    return known


def names_of(people: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Names of people, without those that nobody knows.

    Args:
        people: pairs of account id and E.164 number.
    """
    names: dict[tuple[int, str], str] = {}
    for source in _name_sources:
        names.update(source(people))
    return names


def find_people(words: str, account_id: int | None = None) -> People:
    """People whose name holds these words; at most ``MOST_FOUND`` a source.

    Args:
        words: as somebody types them.
        account_id: the account they are of; None for any.
    """
    found = [search(words, account_id, MOST_FOUND) for search in _searches]
    return People([pair for people in found for pair in people.pairs], all(people.is_all for people in found))
