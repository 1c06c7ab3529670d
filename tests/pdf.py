"""Read the words of a PDF: inflate its objects, and turn glyphs back into text by each font's own table."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping

OBJECT = re.compile(rb"(\d+) 0 obj\b(.*?)\bendobj", re.DOTALL)
STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
FONTS = re.compile(rb"/Font\s*<<(.*?)>>", re.DOTALL)
NAMED = re.compile(rb"/(\S+?)\s+(\d+) 0 R")
SHOWN = re.compile(rb"/(\S+) [\d.]+ Tf|\[(.*?)\]\s*TJ|(<[0-9A-Fa-f]+>|\((?:\\.|[^\\)])*\))\s*Tj|(BT)\b", re.DOTALL)
TEXT = re.compile(rb"<([0-9A-Fa-f]+)>|\(((?:\\.|[^\\)])*)\)", re.DOTALL)
CHAR = re.compile(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
RANGE = re.compile(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}

Table = Mapping[int, str]


def words_of(document: bytes) -> str:
    """Return what a document says, pages after another; a space stands between pieces that are set apart."""
    objects = dict(_objects(document))
    tables = {number: _table(objects, body) for number, body in objects.items() if b"/ToUnicode" in body}
    pages = [body for _, body in sorted(objects.items()) if re.search(rb"/Type\s*/Page\b", body)]
    return " ".join(_page(objects, tables, page) for page in pages).replace("\u200b", "")


def _objects(document: bytes) -> Iterator[tuple[int, bytes]]:
    for number, body in OBJECT.findall(document):
        found = STREAM.search(body)
        if found is None:
            yield int(number), body
            continue
        inner = zlib.decompress(found[1]) if b"FlateDecode" in body else found[1]
        head = body[: found.start()]
        if b"/ObjStm" in head:
            yield from _packed(head, inner)
        else:
            yield int(number), head + b"\nSTREAM" + inner


def _packed(head: bytes, inner: bytes) -> Iterator[tuple[int, bytes]]:
    first = int(re.search(rb"/First (\d+)", head)[1])  # type: ignore[index]
    pairs = list(map(int, inner[:first].split()))
    places = [*pairs[1::2], len(inner) - first]
    for place, number in enumerate(pairs[::2]):
        yield number, inner[first + places[place] : first + places[place + 1]]


def _table(objects: Mapping[int, bytes], font: bytes) -> Table:
    """Return a font's glyphs as text."""
    number = int(re.search(rb"/ToUnicode (\d+) 0 R", font)[1])  # type: ignore[index]
    text = objects[number].partition(b"STREAM")[2].decode("latin-1")
    found: dict[int, str] = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", text, re.DOTALL):
        found |= {int(code, 16): bytes.fromhex(said).decode("utf-16-be") for code, said in CHAR.findall(block)}
    for block in re.findall(r"beginbfrange(.*?)endbfrange", text, re.DOTALL):
        for low, high, said in RANGE.findall(block):
            start = int(said, 16)
            found |= {code: chr(start + code - int(low, 16)) for code in range(int(low, 16), int(high, 16) + 1)}
    return found


def _page(objects: Mapping[int, bytes], tables: Mapping[int, Table], page: bytes) -> str:
    resources = page
    held = re.search(rb"/Resources (\d+) 0 R", page)
    if held:
        resources = objects[int(held[1])]
    fonts = FONTS.search(resources)
    named = {} if fonts is None else {name: int(number) for name, number in NAMED.findall(fonts[1])}
    contents = re.search(rb"/Contents (\d+) 0 R", page)
    stream = b"" if contents is None else objects[int(contents[1])].partition(b"STREAM")[2]
    return "".join(_said(stream, {name: tables.get(number, {}) for name, number in named.items()}))


def _said(stream: bytes, fonts: Mapping[bytes, Table]) -> Iterator[str]:
    table: Table = {}
    for name, many, one, begins in SHOWN.findall(stream):
        if name:
            table = fonts.get(name, {})
        elif begins:
            yield " "
        else:
            for code, literal in TEXT.findall(many or one):
                glyphs = bytes.fromhex(code.decode()) if code else _plain(literal)
                pairs = zip(glyphs[::2], glyphs[1::2], strict=False)
                yield "".join(table.get(high << 8 | low, "") for high, low in pairs)


def _plain(literal: bytes) -> bytes:
    """Undo the escapes of a literal string."""
    octal = re.sub(rb"\\([0-7]{1,3})", lambda found: bytes([int(found[1], 8)]), literal)
    return re.sub(rb"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), octal, flags=re.DOTALL)
