"""Stream files of market history: a format is known by its header, a row is taken or refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from signals.sources.base import Observation, Rejection
from signals.sources.cells import LONGEST_LINE_BYTES, BadCellError, split_line
from signals.sources.formats import FORMATS, Format, Key, RowParser

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(slots=True)
class HistorySource:
    """One CSV file; `now` decides which days have closed. The counters tell how far the reading has come."""

    path: Path
    now: datetime
    is_simulated: bool = False
    format_name: str = ""
    lines_read: int = 0
    bytes_read: int = 0
    _seen: dict[Key, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name the file."""
        return self.path.name

    def observations(self) -> Iterator[Observation | Rejection]:
        """Yield the file's observations and rejections in its order; a bad header ends it at once."""
        with self.path.open("rb") as file:
            parser = self._header(file)
            if isinstance(parser, Rejection):
                yield parser
                return
            yield from self._rows(file, parser)

    def _header(self, file: BinaryIO) -> RowParser | Rejection:
        """Read the header and return the parser of its format, or why there is none."""
        raw = self._line(file)
        try:
            names = split_line(raw.removeprefix(BYTE_ORDER_MARK))
            chosen, columns = recognised(names)
        except BadCellError as error:
            return Rejection(1, error.column, error.reason, error.remedy)
        self.format_name = chosen.name
        return chosen.parser(columns, self.now)

    def _rows(self, file: BinaryIO, parser: RowParser) -> Iterator[Observation | Rejection]:
        """Parse line after line; blank lines are skipped."""
        seen = self._seen
        while raw := self._line(file):
            if raw.isspace():
                continue
            try:
                key, found = parser(split_line(raw))
                if seen.setdefault(key, self.lines_read) != self.lines_read:
                    raise _repeated(key, seen[key])
            except BadCellError as error:
                yield Rejection(self.lines_read, error.column, error.reason, error.remedy)
            else:
                yield from found

    def _line(self, file: BinaryIO) -> bytes:
        """Return the next line; of a line that never ends only the first bytes are kept."""
        raw = rest = file.readline(LONGEST_LINE_BYTES + 1)
        self.lines_read += bool(raw)
        self.bytes_read += len(raw)
        while len(rest) > LONGEST_LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE_BYTES + 1)
            self.bytes_read += len(rest)
        return raw


def recognised(names: list[str]) -> tuple[Format, dict[str, int]]:
    """Return the format whose header this is, and where its columns stand; raise `BadCellError` if there is none."""
    if names == [""]:
        raise BadCellError("", "the file has no header", "Start it with the line of column names.")
    for name in names:
        if names.count(name) > 1:
            raise BadCellError(name, "the column appears twice in the header", "Keep one of the two.")
    columns = {name: place for place, name in enumerate(names)}
    for known in FORMATS:
        if known.required <= columns.keys() <= known.required | known.optional:
            return known, columns
    raise _unknown_header(set(names))


def _unknown_header(names: set[str]) -> BadCellError:
    """Say what separates the header from the format that is nearest to it."""
    nearest = max(FORMATS, key=lambda known: len(known.required & names) / len(known.required))
    missing, strange = sorted(nearest.required - names), sorted(names - nearest.required - nearest.optional)
    if not nearest.required & names:
        return BadCellError("", "the header is unknown", f"Known are: {_known_headers()}.")
    if missing:
        return BadCellError(
            missing[0], f"the column is missing (read as {nearest.name})", f"Add {', '.join(missing)} to the header."
        )
    return BadCellError(
        strange[0], f"the column is unknown (read as {nearest.name})", f"Remove {', '.join(strange)} from the file."
    )


def _known_headers() -> str:
    """List the known headers."""
    return "; ".join(",".join(known.header) for known in FORMATS)


def _repeated(key: Key, line: int) -> BadCellError:
    """Refuse a row whose key an earlier line has taken."""
    named = " ".join(str(part) for part in key if part)
    return BadCellError("", f"line {line} already gives {named}", "Keep one of the two lines.")
