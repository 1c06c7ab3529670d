"""Find the policy that was in force at a moment, with its split and its stages' rules, in one query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import F

from portfolio.models import Policy, PolicySector, PolicyStage, Portfolio, Sector


class Part(NamedTuple):
    """Name what is joined to a policy: the relation, its model, and the prefix of its columns."""

    path: str
    model: type[Any]
    prefix: str

    @property
    def names(self) -> list[str]:
        """Return the joined columns."""
        return [field.attname for field in self.model._meta.concrete_fields]

    @property
    def columns(self) -> dict[str, F]:
        """Return the joined columns as annotations."""
        return {f"{self.prefix}_{name}": F(f"{self.path}__{name}") for name in self.names}

    def of(self, row: Policy) -> Any:
        """Return what a row brought with it."""
        return self.model(**{name: getattr(row, f"{self.prefix}_{name}") for name in self.names})


SHARE = Part("sectors", PolicySector, "share")
SECTOR = Part("sectors__sector", Sector, "sector")
RULE = Part("stages", PolicyStage, "rule")


def current_policy(*, portfolio: Portfolio, moment: datetime) -> Policy | None:
    """Return the policy that was in force at a moment, None before the first. One query.

    The policy comes once for each pair of a sector and a stage: both are few, so that is cheaper than to ask thrice.
    """
    newest = Policy.objects.filter(portfolio=portfolio, effective_at__lte=moment).order_by("-version").values("pk")[:1]
    columns = {**SHARE.columns, **SECTOR.columns, **RULE.columns}
    rows = list(Policy.objects.filter(pk__in=newest).order_by().annotate(**columns))
    if not rows:
        return None
    policy = rows[0]
    policy.split = tuple(_shares(policy, rows))
    policy.rules = tuple(RULE.of(row) for row in _once(rows, "rule_id"))
    return policy


def _shares(policy: Policy, rows: Sequence[Policy]) -> list[PolicySector]:
    """Return the split, each share with its sector."""
    found = []
    for row in _once(rows, "share_id"):
        share = SHARE.of(row)
        share.policy, share.sector = policy, SECTOR.of(row)
        found.append(share)
    return found


def _once(rows: Sequence[Policy], key: str) -> list[Policy]:
    """Return one row for each value of a key, in order; what was not joined is left out."""
    found = {getattr(row, key): row for row in rows}
    return [found[pk] for pk in sorted(pk for pk in found if pk is not None)]
