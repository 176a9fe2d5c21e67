"""Make the demo's three files: ``python -m tests.data.make_demo_csv [FOLDER]``.

They are as people really send them: each from another program, with its own encoding, delimiter and habits of writing
numbers, and with mistakes. The same files come out every time. All numbers are of the ranges that are kept free for
fiction: 555-0100 to 555-0199 in the area codes of the United States, 020 7946 0xxx in London.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parents[2] / "broadcast" / "demo_data"

#: Different people in all, and rows of each file that put somebody on its list; a person is on up to three.
PEOPLE = 4200
NEWSLETTER, VIP, WALK_INS = 2600, 900, 1500
BRITISH = 24

AREA_CODES = (
    *(
        201,
        202,
        206,
        212,
        213,
        214,
        215,
        216,
        301,
        303,
        305,
        310,
        312,
        313,
        314,
        315,
        317,
        401,
        402,
        404,
        405,
        408,
        410,
    ),
    *(
        412,
        414,
        415,
        502,
        503,
        504,
        505,
        512,
        513,
        516,
        602,
        603,
        612,
        614,
        615,
        617,
        619,
        702,
        703,
        713,
        714,
        718,
        720,
    ),
)


def _words(text: str) -> list[str]:
    return text.split()


FIRST_NAMES = _words(
    "Ada Alan Amélie André Anita Beatriz Björn Carlos Chloé Daniel Dolores Émile Esther Fatima François Frida "
    "Gabriel Grace Hannah Hélène Inès Isaac Iván Jörg José Joséphine Karen Katherine Kevin Lars Léa Linda Louis "
    "Lucía Maja Marie Mónica Naomi Nico Noël Olga Óscar Pablo Priya Renée Rosa Samuel Sofía Søren Tara Thomas "
    "Ursula Vera Walter Yasmin Yves Zoë"
)
LAST_NAMES = _words(
    "Abbott Álvarez Andersson Baker Beaumont Bernard Castillo Chen Cohen Côté Dubois Díaz Edwards Fischer "
    "Fontaine García Gómez Green Großmann Hansen Hernández Ibrahim Jackson Jensen Jiménez Johnson Kim König "
    "Lefèvre Lopez MacLeod Martínez Meyer Müller Nguyen Núñez O'Brien O’Neill Öztürk Patel Peña Pérez Ramírez "
    "Rivière Rossi Sánchez Schäfer Silva Smith Strauß Torres Vogel Weiß Williams Wright Young Zimmermann"
)
CITIES = ("San Francisco", "New York", "Chicago", "Austin", "Portland, OR", "Québec Street", "Santa Fe", "Oakland")
NOTES = ("", "", "", "", "prefers evenings", "met at fair; call back", "VIP?", "2 kids", 'said "maybe"', "moved, check")


class Person(NamedTuple):
    """Somebody; ``number`` is E.164."""

    number: str
    first: str
    last: str

    @property
    def email(self) -> str:
        """An address that belongs to nobody."""
        letters = "".join(c for c in f"{self.first}.{self.last}".lower() if c.isascii() and (c.isalpha() or c == "."))
        return f"{letters}{self.number[-4:]}@example.com"


def make_people(random: Random) -> list[Person]:
    """Everybody, in no order; a few live in London."""
    numbers = [f"+1{area}5550{100 + last}" for area in AREA_CODES for last in range(100)]
    numbers = random.sample(numbers, PEOPLE - BRITISH)
    numbers += [f"+442079460{last:03d}" for last in random.sample(range(1000), BRITISH)]
    random.shuffle(numbers)
    return [Person(number, random.choice(FIRST_NAMES), random.choice(LAST_NAMES)) for number in numbers]


def _parts(person: Person) -> tuple[str, str, str]:
    return person.number[2:5], person.number[5:8], person.number[8:]


def written(person: Person, random: Random, ways: Sequence[str]) -> str:
    """A number in one of the ways that a program or a person writes it.

    Args:
        person: whose number.
        random: chooses the way.
        ways: templates with ``{a}``, ``{b}``, ``{c}`` for its parts and ``{n}`` for its ten digits; ``exact`` for
            exponent notation with all digits.
    """
    if person.number.startswith("+44"):
        return random.choice(("+44 (0)20 7946 {}", "+44 20 7946 {}", "0044 20 7946 {}")).format(person.number[-4:])
    a, b, c = _parts(person)
    way = random.choice(ways)
    digits = f"{a}{b}{c}"
    if way == "exact":
        return f"{digits[0]}.{digits[1:]}E+09"
    return way.format(a=a, b=b, c=c, n=digits)


USUAL = ("({a}) {b}-{c}", "{a}-{b}-{c}", "{a}.{b}.{c}", "+1 {a} {b} {c}", "1-{a}-{b}-{c}", "{n}")
MAILING_TOOL = ("+1{n}", "+1{n}", "({a}) {b}-{c}", '="{n}"', "'{n}", "tel:+1-{a}-{b}-{c}")
SPREADSHEET = ("{n}.0", "{n}.0", "{n}", "exact", *USUAL, "{a}-{b}-{c} (mobile)", "{a} {b} {c} call after 5pm")
BY_HAND = (*USUAL, "{a} {b} {c}", "({a}){b}-{c}", "{a}/{b}-{c}", "\u00a0{a}\u00a0{b}\u00a0{c}")
#: One for each kind of mistake.
MISTAKES = (
    *("", "n/a", "ask at the door", "555-0134", "415 555", "2125550134567", "+1 555 012 3456", "+999 12345678"),
    *("4.15555E+09", "415-555-0134 x12", "415-555-0134 / 212-555-0135", "zoe@example.com"),
)


def newsletter(people: list[Person], random: Random) -> bytes:
    """A mailing tool's export: UTF-8 with a byte-order mark, semicolons, a header."""
    rows = [
        [
            *(p.email if random.random() < 0.9 else "", p.first, p.last if random.random() < 0.95 else ""),
            *(written(p, random, MAILING_TOOL), random.choice(CITIES), random.choice(NOTES)),
        ]
        for p in people
    ]
    again = [
        ["", p.first.upper(), "", written(p, random, USUAL), random.choice(CITIES), ""]
        for p in random.sample(people, 60)
    ]
    bad = [["", random.choice(FIRST_NAMES), "", mistake, "", ""] for mistake in MISTAKES * 2]
    bad += [[p.email, p.first, p.last, written(p, random, USUAL), "", "one", "cell", "too many"] for p in people[:3]]
    rows = _mixed(rows, again + bad, random)
    header = ["E-Mail", "First Name", "Last Name", "Mobile Phone", "City", "Notes"]
    return _text([header, *rows], ";", random).encode("utf-8-sig")


def vip_guests(people: list[Person], random: Random) -> bytes:
    """An organiser's spreadsheet: cp1252, commas, a title above the header, whole names, notes with line breaks."""
    rows = [
        [
            f"{p.last}, {p.first}" if random.random() < 0.7 else f"{p.first} {p.last}",
            *(
                written(p, random, SPREADSHEET),
                str(random.randrange(1, 41)),
                random.choice(("", "", "no nuts", "vegan")),
            ),
            random.choice(NOTES) if random.random() < 0.9 else "plus one:\n" + random.choice(FIRST_NAMES),
        ]
        for p in people
    ]
    again = [[f"{p.first} {p.last}", written(p, random, USUAL), "", "", "double?"] for p in random.sample(people, 25)]
    bad = [[random.choice(LAST_NAMES), mistake, "", "", ""] for mistake in MISTAKES]
    rows = _mixed(rows, again + bad, random)
    # Cells that nobody filled are missing at the ends of some rows.
    rows = [row[:2] if not any(row[2:]) else row for row in rows]
    title = [["Summer gala – VIP guests", "", "", "", ""], [], ["Guest", "Cell", "Table", "Diet", "Comments"]]
    return _text([*title, *rows], ",", random).encode("cp1252")


def walk_ins(people: list[Person], random: Random) -> bytes:
    """A spreadsheet's "Unicode text": UTF-16, tabs, no header."""
    rows = [
        [p.first, written(p, random, BY_HAND), f"2025-0{random.randrange(1, 7)}-{random.randrange(1, 29):02d}"]
        for p in people
    ]
    again = [[p.first, written(p, random, SPREADSHEET), ""] for p in random.sample(people, 45)]
    bad = [[random.choice(FIRST_NAMES), mistake, "2025-06-30"] for mistake in MISTAKES]
    rows = _mixed(rows, again + bad, random)
    return b"\xff\xfe" + _text(rows, "\t", random).encode("utf-16-le")


def _mixed(rows: list[list[str]], extra: list[list[str]], random: Random) -> list[list[str]]:
    """The extra rows somewhere below the first ten, so that nobody sees them at once."""
    for row in extra:
        rows.insert(random.randrange(10, len(rows) + 1), row)
    return rows


def _text(rows: list[list[str]], delimiter: str, random: Random) -> str:
    """Delimited text with Windows' line ends and, here and there, a row of nothing but delimiters."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    for row in rows:
        writer.writerow(row)
        if random.random() < 0.002:
            writer.writerow([""] * len(row))
    return buffer.getvalue()


def make_files() -> dict[str, bytes]:
    """The files by name. 850 people are on two lists or three."""
    random = Random(20250601)
    people = make_people(random)
    on_newsletter = people[:NEWSLETTER]
    on_vip = random.sample(on_newsletter, 450) + people[NEWSLETTER : NEWSLETTER + 450]
    others = people[NEWSLETTER + 450 :]
    on_walk_ins = others + random.sample(on_newsletter, 250)
    taken = set(on_walk_ins)
    on_walk_ins += random.sample([p for p in on_vip if p not in taken], WALK_INS - len(on_walk_ins))
    makers: dict[str, tuple[Callable[[list[Person], Random], bytes], list[Person]]] = {
        "newsletter.csv": (newsletter, on_newsletter),
        "vip_guests.csv": (vip_guests, on_vip),
        "walk_ins.csv": (walk_ins, on_walk_ins),
    }
    files = {}
    for name, (make, group) in makers.items():
        random.shuffle(group)
        files[name] = make(group, random)
    return files


def main(folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in make_files().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
