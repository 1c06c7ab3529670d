"""Print how the ledger does on every case of every source: `python -m tests.portfolio.cases [SOURCE ...]`."""

from __future__ import annotations

import sys

from tests.portfolio.cases.listed import LISTED
from tests.portfolio.cases.reading import FOLDER, Kind
from tests.portfolio.cases.sources import SOURCES, count, verdicts


def main(names: list[str]) -> None:
    """Print the counts of the sources, and every case that did not pass, with its reason."""
    print(f"Cases of {FOLDER}")
    for source in names or SOURCES:
        print(f"{source}: {count(source)}")
        for name, verdict in verdicts(source).items():
            if verdict.kind is not Kind.PASSED:
                listed = f" (listed: {LISTED[source][name]})" if name in LISTED[source] else ""
                print(f"  {name}: {verdict.kind}{listed}: {verdict.detail[:300]}")


if __name__ == "__main__":
    main(sys.argv[1:])
