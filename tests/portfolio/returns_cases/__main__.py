"""Print how the engine does on every case about returns: `python -m tests.portfolio.returns_cases`."""

from __future__ import annotations

from collections import Counter

from tests.portfolio.returns_cases.sources import FOLDER, cases
from tests.portfolio.returns_cases.verdicts import CHECKS, outcome


def main() -> None:
    """Print the counts of the sources, and every case that did not pass, with its reason."""
    print(f"Cases of {FOLDER}")
    for source in CHECKS:
        said = {case["id"]: outcome(source, case) for case in cases(source)}
        print(f"{source}: {dict(Counter(words.split(':')[0] for words in said.values()))}")
        for name, words in said.items():
            if words != "passed":
                print(f"  {name}: {words[:300]}")


if __name__ == "__main__":
    main()
