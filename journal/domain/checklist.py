"""Ask what the playbook asks before every rotation (PLAYBOOK: Key Considerations for Beginners; step 2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PLAYBOOK = (
    "Core stays untouched: only the part I speculate with moves.",
    "I know where this is liquidated, and my stop is hit well before.",
    "What I expect outweighs the costs, there and back.",
    "This is not priced in yet: I act on evidence, not on yesterday's news.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One question as it was asked, and whether it was considered."""

    question: str
    is_checked: bool


def considered(*, questions: Iterable[str], checked: Iterable[str]) -> tuple[Considered, ...]:
    """Return every question that was asked, in its order, with whether it was ticked."""
    ticked = set(checked)
    return tuple(Considered(question=each, is_checked=each in ticked) for each in dict.fromkeys(questions))


def asked(own: Sequence[str]) -> tuple[str, ...]:
    """Return the playbook's considerations, then a person's own questions."""
    return tuple(dict.fromkeys((*PLAYBOOK, *own)))
