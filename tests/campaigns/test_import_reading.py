"""Files as people send them, read into tables."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from openpyxl import Workbook

from campaigns.services.imports import Table, UnreadableFile, open_table, read_table
from campaigns.services.imports.headers import Role, field_key, phone_rank, role_by_name


def read(content: bytes | str, name: str = "people.csv", *, region: str = "US") -> Table:
    """A table from a file's content."""
    data = content.encode() if isinstance(content, str) else content
    return read_table(io.BytesIO(data), name, region=region)


def workbook(*rows: list[Any]) -> bytes:
    """An Excel file with these rows."""
    book = Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def roles(table: Table) -> list[str]:
    """What each column is used for: a role, or a custom field's key."""
    return [column.key or column.role.value for column in table.columns]


def a_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("people.csv", "phone\n4155552671\n")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\r\n \r\n", "is empty"),
        (b";;;\n;;;\n", "is empty"),
        (b"phone,name\n", "no rows below"),
        (b"phone,name\n,\n  ,\n", "no rows below"),
        (b"phone,name\n4155552671,Ada\x00\n", "NUL bytes, the first one in line 2"),
        (b"\x00" * 5000, "NUL bytes"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "an image"),
        (b"\xff\xd8\xff\xe0" + bytes(range(256)), "an image"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a PDF"),
        (b"\x1f\x8b\x08\x00" + bytes(100), "compressed"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "old Excel"),
        (a_zip(), "compressed file"),
        (workbook(["phone"], ["4155552671"]), "Excel workbook, but its name does not end in .xlsx"),
        (bytes(range(1, 32)) * 100, "not a text file"),
        (b"name,city\nAda,London\n", "No column of phone numbers was found"),
        (
            'phone,name\n4155552671,"Ada\n4155552672,Bob\n',
            "In row 2 of “people.csv” a cell starts with a quotation mark",
        ),
        ("phone,name\n" + '4155552671,"Ada\n' + "4155552672,Bob\n" * 500 + '4155552673,"x"\n', "never closed"),
        ("phone," + ",".join(f"c{n}" for n in range(300)) + "\n4155552671\n", "301 columns"),
        (b"\xff\xfea\x00\x00\xd8", "damaged or was cut off"),
    ],
)
def test_a_file_that_cannot_be_a_list_is_refused_with_what_to_do(content: bytes | str, words: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(content)
    assert words in caught.value.text
    assert "people.csv" in caught.value.text


def test_a_damaged_workbook_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="cannot be opened as an Excel workbook"):
        read(workbook(["phone"], ["4155552671"])[:200], "people.xlsx")


TEXT = "Vorname;Nachname;Handy\nZoë;Müller;+49 1512 3456789\nRenée;Gößmann;+49 1512 3456780\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8-sig"),
        (TEXT.encode("cp1252"), "cp1252"),
        (TEXT.encode("mac_roman"), "mac_roman"),
        (TEXT.encode("utf-16"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-32"), "utf-32"),
    ],
)
def test_the_encoding_is_recognised(content: bytes, encoding: str) -> None:
    table = read(content)
    assert table.encoding == encoding
    assert [cells[:2] for _row, cells in table.rows] == [["Zoë", "Müller"], ["Renée", "Gößmann"]]


@pytest.mark.parametrize(
    ("encoding", "name"), [("cp1251", "Екатерина"), ("cp1250", "Małgorzata"), ("shift_jis", "山田太郎")]
)
def test_other_scripts_are_recognised(encoding: str, name: str) -> None:
    table = read(f"phone;name\n4155552671;{name}\n4155552672;{name}\n".encode(encoding))
    assert [cells[1] for _row, cells in table.rows] == [name, name]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_recognised(delimiter: str) -> None:
    text = 'phone,name,note\n4155552671,Ada,"a; b | c"\n4155552672,Bob,x\n'.replace(",", delimiter)
    table = read(text)
    assert table.delimiter == delimiter
    assert roles(table) == ["number", "full_name", "note"]


def test_notes_full_of_commas_do_not_hide_semicolons() -> None:
    assert read("phone;note\n4155552671;a, b, c\n4155552672;d, e, f\n").delimiter == ";"


def test_excels_delimiter_hint_is_followed() -> None:
    table = read("sep=|\nphone|name\n4155552671|Ada\n")
    assert (table.delimiter, list(table.rows)) == ("|", [(3, ["4155552671", "Ada"])])


def test_a_quoted_line_break_stays_in_its_cell_and_blank_rows_are_left_out() -> None:
    table = read('phone,note\n4155552671,"two\nlines"\n\n,\n4155552672,x\n')
    assert list(table.rows) == [(2, ["4155552671", "two\nlines"]), (5, ["4155552672", "x"])]


def test_old_mac_line_ends_are_line_ends() -> None:
    assert [row for row, _cells in read(b"phone\r4155552671\r4155552672\r").rows] == [2, 3]


def test_a_title_above_the_header_is_no_row() -> None:
    table = read("Guests 2025\n\nFirst name,Mobile\nAda,4155552671\n")
    assert table.has_header
    assert list(table.rows) == [(4, ["Ada", "4155552671"])]


def test_a_missing_header_is_recognised_and_columns_by_what_they_hold() -> None:
    table = read("Ada,Lovelace,(415) 555-2671,ada@example.com,17\nBob,Kahn,4155552672,bob@example.com,18\n")
    assert not table.has_header
    assert roles(table) == ["first_name", "last_name", "number", "email", "column_5"]
    assert len(list(table.rows)) == 2


def test_a_missing_header_is_recognised_when_the_first_number_is_a_bad_one() -> None:
    table = read("Ada,12345\nBob,4155552672\nCy,4155552673\n")
    assert not table.has_header
    assert roles(table) == ["first_name", "number"]


def test_a_header_in_unknown_words_is_still_a_header() -> None:
    table = read("Kto,Dokad\nAda,4155552671\nBob,4155552672\n")
    assert table.has_header
    assert roles(table) == ["kto", "number"]


def test_one_column_of_numbers_is_a_list() -> None:
    table = read("4155552671\n4155552672\n")
    assert (table.has_header, roles(table)) == (False, ["number"])


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Phone,First Name,Last Name,E-Mail", ["number", "first_name", "last_name", "email"]),
        ("Handy,Vorname,Name,Mail", ["number", "first_name", "last_name", "email"]),
        ("Téléphone,Prénom,Nom,Courriel", ["number", "first_name", "last_name", "email"]),
        ("cellPhone,firstName,lastName,emailAddress", ["number", "first_name", "last_name", "email"]),
        ("Móvil,Nombre,Apellidos,Correo electrónico", ["number", "first_name", "last_name", "email"]),
        ("MOBILE #,Name,City,T-Shirt size", ["number", "full_name", "city", "t_shirt_size"]),
        ("Number,Customer,And,Email", ["number", "full_name", "custom_and", "email"]),
    ],
)
def test_columns_are_found_by_their_names(header: str, expected: list[str]) -> None:
    assert roles(read(f"{header}\n4155552671,Ada,Lovelace,ada@example.com\n")) == expected


def test_the_mobile_is_taken_before_the_home_phone_and_the_number_of_the_row() -> None:
    table = read("Number,Home phone,Mobile,Fax\n1,2125550100,4155552671,2125550101\n2,2125550102,4155552672,\n")
    assert roles(table) == ["custom_number", "home_phone", "number", "fax"]


def test_a_column_that_only_claims_to_hold_numbers_is_not_taken() -> None:
    table = read("Number,Contact\n1,4155552671\n2,4155552672\n")
    assert roles(table) == ["custom_number", "number"]


def test_an_excel_workbook_is_read_with_its_whole_numbers_and_dates() -> None:
    content = workbook([], ["Name", "Phone", "Visits"], ["Ada", 4155552671.0, 3], [], ["Bob", "(415) 555-2672"])
    table = read(content, "people.xlsx")
    assert (table.encoding, table.delimiter) == ("", "")
    assert list(table.rows) == [(3, ["Ada", "4155552671", "3"]), (5, ["Bob", "(415) 555-2672"])]


def test_text_named_like_a_workbook_is_read_as_text() -> None:
    assert roles(read("phone,name\n4155552671,Ada\n", "people.xlsx")) == ["number", "full_name"]


def test_rows_are_read_as_they_are_asked_for() -> None:
    file = io.BytesIO(b"phone,name\n" + b"4155552671,Ada Lovelace\n" * 200_000)
    table = open_table(file, "people.csv")
    rows = iter(table.rows)
    assert next(rows) == (2, ["4155552671", "Ada Lovelace"])
    assert file.tell() < 1_000_000


def test_keys_of_custom_fields_are_names_that_texts_can_use() -> None:
    taken: set[str] = set()
    headings = ("Größe", "2nd visit", "City", "city", "???", "number", "x" * 60)
    keys = [field_key(heading, taken) for heading in headings]
    assert keys == [
        "groe",
        "field_2nd_visit",
        "city",
        "city_2",
        "field",
        "custom_number",
        "x" * 40,
    ]


def test_columns_about_a_phone_are_no_phones() -> None:
    assert [phone_rank(name) for name in ("Mobile", "Phone 1 - Value", "Work phone", "Phone type", "SMS opt-in")] == [
        3,
        2,
        1,
        0,
        0,
    ]
    assert role_by_name("Refused because") == Role.IGNORED
