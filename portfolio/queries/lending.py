"""Show what is owed, what stands as collateral, how safe that is, and what freed capital earns (DOMAIN 1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Any, NamedTuple

from django.db.models import QuerySet

from portfolio.domain.exposure import Collateral, health_factor, is_health_alarming
from portfolio.domain.lending import FreedIncome, LoanKind, funding_annual, outstanding
from portfolio.domain.money import ZERO, canonical, in_context
from portfolio.domain.valuation import Owed, Quoted, Worth, worth
from portfolio.models import BonusCredit, FreedYield, Holding, LoanEntry, Pledge, Portfolio
from portfolio.queries.positions import PositionLine

DAY = timedelta(days=1)
STANDS = {"reverses__isnull": True, "reversed_by__isnull": True}


class Source(IntEnum):
    """Tell which table a row comes from."""

    LOAN = 0
    PLEDGE = 1
    BONUS = 2
    YIELD = 3


class Stated(NamedTuple):
    """Hold one thing that is stated; `rate` is a threshold or a yield, `word` a bonus's use or a yield's source."""

    source: int
    pk: int
    account_id: int
    account: str
    asset_id: int
    asset: str
    quantity: Decimal
    rate: Decimal
    word: str
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Hold a quantity of an asset with its worth in USD, negative for what is owed."""

    asset: str
    quantity: Decimal
    quoted: Quoted | None
    worth: Worth
    threshold: Decimal | None = None
    pk: int = 0
    word: str = ""

    @property
    def value_usd(self) -> Decimal | None:
        """Return the worth, nothing where there is no price."""
        return None if self.quoted is None else self.worth.value


@dataclass(frozen=True, kw_only=True)
class LendingLine:
    """Show one account's debts and collateral; the health factor is nothing without a debt, or without a price."""

    account_id: int
    account: str
    debts: tuple[Amount, ...]
    pledges: tuple[Amount, ...]

    @property
    @in_context
    def debt_usd(self) -> Decimal | None:
        """Return what is owed, nothing where a part of it has no price."""
        return _sum(self.debts)

    @property
    @in_context
    def health(self) -> Decimal | None:
        """Return the collateral at its thresholds over the debt (F42)."""
        debt, pledged = self.debt_usd, _sum(self.pledges)
        if debt is None or pledged is None:
            return None
        parts = [Collateral(value=one.value_usd or ZERO, threshold=one.threshold or ZERO) for one in self.pledges]
        return health_factor(collaterals=parts, debt=-debt)

    @property
    def is_alarming(self) -> bool:
        """Tell whether the health factor is below 1.5 (F42)."""
        return is_health_alarming(self.health)

    @property
    def is_unpriced(self) -> bool:
        """Tell whether something has no price, so that nobody knows how safe this is."""
        return any(one.quoted is None for one in (*self.debts, *self.pledges))


@dataclass(frozen=True, kw_only=True)
class FreedLine:
    """Show what one position frees and earns."""

    instrument: str
    income: FreedIncome


@dataclass(frozen=True, kw_only=True)
class Lending:
    """Show everything that is owed, pledged and lent as a bonus, and the yield of freed capital."""

    lines: tuple[LendingLine, ...] = ()
    bonuses: tuple[Amount, ...] = ()
    apy: Decimal | None = None
    apy_source: str = ""
    owed: tuple[Owed, ...] = field(default=())

    @property
    def credit(self) -> Worth:
        """Return the worth of all bonus credit: never part of equity (F61)."""
        return sum((one.worth for one in self.bonuses), Worth())

    @property
    def weakest(self) -> LendingLine | None:
        """Return the account whose health factor is the lowest."""
        known = [line for line in self.lines if line.health is not None]
        return min(known, key=lambda line: line.health or ZERO, default=None)


def standing_loans(portfolio: int) -> list[LoanEntry]:
    """Return the changes of debts that stand, in their order. One query."""
    rows = LoanEntry.objects.filter(portfolio=portfolio, **STANDS).select_related("asset")
    return list(rows.order_by("executed_at", "sequence"))


def lending_state(portfolio: Portfolio) -> list[list[Any]]:
    """Return what is owed, pledged, credited and earned now, as it is kept with the portfolio. Four queries."""
    loans = _latest(LoanEntry.objects.filter(portfolio=portfolio, **STANDS).order_by("executed_at", "sequence"))
    pledges = _latest(Pledge.objects.filter(portfolio=portfolio).order_by("effective_at"))
    bonuses = BonusCredit.objects.filter(portfolio=portfolio, ended_at__isnull=True).order_by("pk")
    newest = FreedYield.objects.filter(portfolio=portfolio).order_by("-effective_at").first()
    rows = [_kept(Source.LOAN, row, _owed(same), ZERO) for row, same in loans]
    rows += [_kept(Source.PLEDGE, row, row.quantity, row.threshold) for row, _ in pledges]
    rows += [
        _kept(Source.BONUS, row, row.quantity, ZERO, word=row.usable_for, until=row.expires_at)
        for row in bonuses.select_related("account", "asset")
    ]
    kept = [row for row in rows if row[6] != "0"]
    if newest is not None:
        kept.append([int(Source.YIELD), newest.pk, 0, "", 0, "", "0", canonical(newest.apy), newest.source, None])
    return kept


def stated_lending(*, portfolio: Portfolio, moment: datetime) -> list[Stated]:
    """Read what is kept with a portfolio; a bonus that is over by then is left out. No query."""
    rows = [_read(row) for row in portfolio.lending]
    return [row for row in rows if row.until is None or row.until > moment]


@in_context
def lending_of(
    *, stated: Sequence[Stated], held: Iterable[Holding], quotes: Mapping[int, Quoted], moment: datetime
) -> Lending:
    """Value what was stated; collateral counts as far as the account holds it."""
    there = {(row.account_id, row.asset_id): row.quantity for row in held}
    debts = [(row, row.quantity) for row in stated if row.source == Source.LOAN]
    pledges = _pledges(stated, there)
    names = {row.account_id: row.account for row in stated if row.account_id}
    yields = [row for row in stated if row.source == Source.YIELD]

    def amount(row: Stated, quantity: Decimal, **more: Any) -> Amount:
        """Value one quantity."""
        quoted = quotes.get(row.asset_id)
        found = worth(quantity=quantity, quoted=quoted, now=moment)
        return Amount(asset=row.asset, quantity=quantity, quoted=quoted, worth=found, pk=row.pk, word=row.word, **more)

    return Lending(
        lines=tuple(
            LendingLine(
                account_id=account,
                account=names[account],
                debts=tuple(amount(row, -owed) for row, owed in debts if row.account_id == account),
                pledges=tuple(
                    amount(row, count, threshold=row.rate) for row, count in pledges if row.account_id == account
                ),
            )
            for account in sorted({row.account_id for row, _ in (*debts, *pledges)})
        ),
        bonuses=tuple(amount(row, row.quantity) for row in stated if row.source == Source.BONUS),
        apy=yields[-1].rate if yields else None,
        apy_source=yields[-1].word if yields else "",
        owed=tuple(Owed(quantity=owed, quoted=quotes.get(row.asset_id)) for row, owed in debts),
    )


@in_context
def freed_lines(*, positions: Iterable[PositionLine], apy: Decimal | None, moment: datetime) -> tuple[FreedLine, ...]:
    """Return what open positions free and earn a year; funding counts at the pace it had so far (F47, F48)."""
    return tuple(
        FreedLine(
            instrument=str(line.instrument),
            income=FreedIncome(freed=line.freed_usd, apy=apy, funding=_funding(line, moment)),
        )
        for line in positions
        if line.freed_usd
    )


def _funding(line: PositionLine, moment: datetime) -> Decimal | None:
    if line.opened_at is None or not line.funding_usd:
        return None
    return funding_annual(received=line.funding_usd, days=Decimal((moment - line.opened_at) // DAY))


def _pledges(stated: Iterable[Stated], held: Mapping[tuple[int, int], Decimal]) -> list[tuple[Stated, Decimal]]:
    """Return what is pledged now, by account and asset, at most what is held there."""
    found = [(row, held.get((row.account_id, row.asset_id), ZERO)) for row in stated if row.source == Source.PLEDGE]
    return [(row, min(row.quantity, there)) for row, there in found if there > 0]


def _latest(rows: QuerySet[Any]) -> list[tuple[Any, list[Any]]]:
    """Return the newest of each account's rows about an asset, with all of them."""
    found: dict[tuple[int, int], list[Any]] = {}
    for row in rows.select_related("account", "asset"):
        found.setdefault((row.account_id, row.asset_id), []).append(row)
    return [(same[-1], same) for same in found.values()]


@in_context
def _owed(entries: Iterable[LoanEntry]) -> Decimal:
    return outstanding([(LoanKind(row.kind), row.quantity) for row in entries], asset="")


def _kept(source: Source, row: Any, quantity: Decimal, rate: Decimal, **more: Any) -> list[Any]:
    """Write one thing as it is kept: amounts and moments as text."""
    until = more.get("until")
    where = [row.account_id, row.account.name, row.asset_id, row.asset.symbol]
    amounts = [canonical(quantity), canonical(rate)]
    return [int(source), row.pk, *where, *amounts, more.get("word", ""), until and until.isoformat()]


def _read(row: Sequence[Any]) -> Stated:
    source, pk, account_id, account, asset_id, asset, quantity, rate, word, until = row
    moment = until and datetime.fromisoformat(until)
    return Stated(source, pk, account_id, account, asset_id, asset, Decimal(quantity), Decimal(rate), word, moment)


def _sum(amounts: Sequence[Amount]) -> Decimal | None:
    if any(one.quoted is None for one in amounts):
        return None
    return sum((one.worth.value for one in amounts), ZERO)
