"""Print how the ledger does on every case of futures: `python -m tests.portfolio.futures_cases`."""

from __future__ import annotations

from collections import Counter

from portfolio.importers.executions import executions
from tests.portfolio.futures_cases.verdicts import EVENTS, FOLDER, WORKED, outcome


def main() -> None:
    """Print the counts, every case that did not pass with its reason, and what each account event holds."""
    print(f"Cases of {FOLDER}")
    said = {case["id"]: outcome(case) for case in WORKED}
    print(dict(Counter(words.split(":")[0] for words in said.values())))
    for name, words in said.items():
        if words != "passed":
            print(f"  {name}: {words}")
    for case in EVENTS:
        print(f"  {case['id']}: {[(one.reason.value, str(one.quantity)) for one in executions(case['event'])]}")


if __name__ == "__main__":
    main()
