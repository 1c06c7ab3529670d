"""Read many portfolios as arrays: raw values and tuples, a constant number of queries however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from django.db.models import QuerySet

from portfolio.domain.policy import LEADER_SHARES
from portfolio.domain.policy import StageCode as PolicyStageCode
from portfolio.models import (
    Asset,
    CoreQuantity,
    Fill,
    Holding,
    Instrument,
    ManualPrice,
    Market,
    Policy,
    PolicySector,
    PolicyStage,
    Portfolio,
    Position,
    PositionChange,
    closes_on,
)
from portfolio.queries.raw import Rows, raw_rows, rows_together
from signals.domain.arrays import Floats
from signals.domain.batch import Batch, StageCode
from signals.domain.limits import limits_of
from signals.models import Recommendation, StageDay
from signals.queries.reference import Reference
from signals.queries.situation import Situation
from signals.queries.worth import Holdings, Lacking, margin_to_reserve, valued

TURNOVER_DAYS = 30
ACCEPTED = (Recommendation.State.FOLLOWED, Recommendation.State.DEVIATED)
"""What settles a change that is owed: legs in the direction asked for. A trade against it, or beside it, does not."""
OWNER_FIELDS = ("pk", "venue_id", "ledger_version", "owner__experience", "owner__has_overlay")
POLICY_FIELDS = (
    "portfolio_id", "pk", "version", "margin_source", "reserve_floor", "band", "max_turnover", "min_notional_usd",
    "safety", "horizon_days", "stop_rate",
)  # fmt: skip


class Owner(NamedTuple):
    """Hold whose portfolio it is, as far as the engine minds."""

    portfolio_id: int
    venue_id: int
    ledger_version: int
    experience: str
    has_overlay: bool


class PolicyRow(NamedTuple):
    """Hold a portfolio's policy in force, amounts as the database sends them."""

    portfolio_id: int
    policy_id: int
    version: int
    margin_source: str
    reserve_floor: Any
    band: Any
    max_turnover: Any
    min_notional: Any
    safety: Any
    horizon_days: int
    stop_rate: Any


@dataclass(frozen=True, slots=True)
class Span:
    """Name a chunk of a market's active portfolios by its first and last id."""

    market: Market
    first: int
    last: int

    def of(self, rows: QuerySet[Any], *, prefix: str = "portfolio") -> QuerySet[Any]:
        """Select the rows of these portfolios."""
        path = f"{prefix}__" if prefix else ""
        return rows.filter(
            **{
                f"{path}market": self.market,
                f"{path}is_active": True,
                f"{path}pk__gte": self.first,
                f"{path}pk__lte": self.last,
            }
        )


@dataclass(frozen=True, slots=True)
class Books:
    """Hold a chunk of portfolios: the batch the engine decides on, and the exact rows that orders are made of.

    Amounts are as the database sends them. `positions` are (instrument, quantity, margin); `core` is by row and asset.
    `unpriced` and `stale` name, by row, the assets without a price and with one that is too old.
    """

    owners: Sequence[Owner]
    policies: Sequence[PolicyRow]
    batch: Batch
    held: Holdings
    positions: Mapping[int, list[tuple[int, Any, Any]]]
    core: Mapping[int, dict[int, Any]]
    unpriced: Mapping[int, Sequence[str]]
    stale: Mapping[int, Sequence[str]]


def portfolio_ids(*, market: Market, after: int, limit: int) -> list[int]:
    """Return the next active portfolios of a market, by id."""
    rows = Portfolio.objects.active().filter(market=market, pk__gt=after).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:limit])


@dataclass(frozen=True, slots=True)
class Stock:
    """Hold what portfolios hold and did lately as rows, by portfolio: the ledger's, or those of books on paper.

    `holdings` are (portfolio, venue, asset, quantity), `positions` (portfolio, instrument, quantity, margin), `sales`
    (portfolio, quantity, price, quote's price), `closed` (portfolio, what closing a long realised).
    """

    holdings: Sequence[tuple[Any, ...]]
    positions: Sequence[tuple[Any, ...]]
    sales: Iterable[tuple[Any, ...]]
    closed: Iterable[tuple[Any, ...]]


def books(
    *,
    span: Span,
    reference: Reference,
    found: Situation,
    accepted: set[int] | None = None,
    stock: Stock | None = None,
) -> Books:
    """Read a chunk of portfolios; those without a policy are left out. `accepted` followed this stage already.

    With a `stock` they are answered as if they held that. One portfolio is read in one query.
    """
    rows = _read(span, reference, found, with_stock=stock is None, with_accepted=accepted is None)
    followed = {row[0] for row in rows["accepted"]} if accepted is None else accepted
    has = Stock(*(rows[f.name] for f in fields(Stock))) if stock is None else stock
    policies = {row[0]: PolicyRow(*row) for row in sorted(rows["policies"], key=itemgetter(2))}
    owners = [owner for row in sorted(rows["owners"]) if (owner := Owner(*row)).portfolio_id in policies]
    current = [policies[owner.portfolio_id] for owner in owners]
    place = {owner.portfolio_id: row for row, owner in enumerate(owners)}
    held = Holdings.of(has.holdings, np.array(list(place), np.int64))
    positions = _grouped(has.positions, place)
    core, manual = _core(rows["core"], place), _manual(rows["manual"], place)
    worth, lacking = valued(len(owners), reference, held=held, positions=positions, core=core, manual=manual)
    aims = _aims(rows, current, found.stage, reference)
    margin_to_reserve(worth, carves=aims["carves"])
    settled = followed | _newcomers(rows["earlier"], set(place), found)
    is_owed = [owner.portfolio_id not in settled for owner in owners]
    batch = Batch(
        **_standing(owners, found, reference, is_owed=is_owed),
        **aims,
        **_limits(owners, reference),
        **_past(has, place),
        **worth,
    )
    return Books(owners, current, batch, held, positions, core, *_named(lacking, reference))


def _read(
    span: Span, reference: Reference, found: Situation, *, with_stock: bool, with_accepted: bool
) -> dict[str, Rows]:
    """Read a chunk: of one portfolio all at once, of many table by table, as amounts need no conversion then."""
    asked = {
        **_asked(span, reference.moment, found),
        **(_asked_stock(span, reference, found) if with_stock else {}),
        **({"accepted": accepted_rows(span, stage=found.day.stage)} if with_accepted else {}),
    }
    rows = rows_together(asked) if span.first == span.last else {name: raw_rows(each) for name, each in asked.items()}
    for name in {"holdings", "positions"} & rows.keys():
        place = itemgetter(0, -1) if name == "holdings" else itemgetter(-1)
        rows[name] = [row[:-1] for row in sorted(rows[name], key=place)]
    return rows


def _asked(span: Span, moment: datetime, found: Situation) -> dict[str, QuerySet[Any, Any]]:
    """Return what to read of portfolios beside what they hold."""
    policies = span.of(Policy.objects.filter(effective_at__lte=moment)).order_by()
    earlier = span.of(Policy.objects.filter(effective_at__lte=closes_on(found.day.stage.since))).order_by()
    flags = span.of(CoreQuantity.objects.filter(effective_at__lte=moment)).order_by("effective_at")
    prices = span.of(ManualPrice.objects.filter(effective_at__lte=moment)).order_by("effective_at")
    split = span.of(PolicySector.objects.order_by(), prefix="policy__portfolio")
    return {
        "owners": span.of(Portfolio.objects.order_by(), prefix="").values_list(*OWNER_FIELDS),
        "policies": policies.values_list(*POLICY_FIELDS),
        "earlier": earlier.values_list("portfolio_id"),
        "core": flags.values_list("portfolio_id", "asset_id", "quantity", "effective_at"),
        "manual": prices.values_list("portfolio_id", "asset_id", "price_usd", "effective_at"),
        "split": split.values_list("policy_id", "sector_id", "share"),
        "rules": _rules_of(span, found.stage),
    }


def _asked_stock(span: Span, reference: Reference, found: Situation) -> dict[str, QuerySet[Any, Any]]:
    """Return what to read of what portfolios hold and did lately, off the ledger; the last column sorts."""
    holdings = span.of(Holding.objects.order_by())
    positions = span.of(Position.objects.order_by())
    return {
        "holdings": holdings.values_list("portfolio_id", "account__venue_id", "asset_id", "quantity", "pk"),
        "positions": positions.values_list("portfolio_id", "instrument_id", "quantity", "margin", "pk"),
        "sales": _sales(span, reference),
        "closed": _closed_longs(span, found, reference),
    }


def _rules_of(span: Span, stage: StageCode) -> QuerySet[Any, Any]:
    """Return what the policies of a chunk say about a stage."""
    rows = span.of(PolicyStage.objects.filter(stage=stage.name), prefix="policy__portfolio").order_by()
    return rows.values_list("policy_id", "leader_share", "futures_ratio", "leverage")


def accepted_rows(span: Span, *, stage: StageDay) -> QuerySet[Any, Any]:
    """Select whose change into this stage is no longer owed: they followed a recommendation for it (DECISIONS 30)."""
    followed = Recommendation.objects.filter(stage=stage.stage, stage_since=stage.since, state__in=ACCEPTED)
    return span.of(followed).order_by().values_list("portfolio_id")


def on_stage(read: Books, *, span: Span, reference: Reference, found: Situation) -> Books:
    """Return books as if their market had just come to `found`'s stage: its rules, owed, no stop yet. One query."""
    place = {policy.policy_id: row for row, policy in enumerate(read.policies)}
    owed = [True] * len(read.owners)
    rules = _stage_rules(raw_rows(_rules_of(span, found.stage)), place, found.stage)
    terms = {**_standing(read.owners, found, reference, is_owed=owed), **rules}
    return replace(read, batch=replace(read.batch, **terms, is_stopped=np.zeros(len(owed), np.bool_)))


def _named(lacking: Lacking, reference: Reference) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """Return the symbols of what has no price and of what has an old one, by row. One query, none if all is priced."""
    wanted = {asset for assets in lacking.values() for asset in assets}
    symbols = dict(Asset.objects.filter(pk__in=wanted).values_list("pk", "symbol")) if wanted else {}
    unpriced: dict[int, list[str]] = {}
    stale: dict[int, list[str]] = {}
    for row, assets in lacking.items():
        for asset in sorted(assets, key=symbols.__getitem__):
            (stale if asset in reference.marks else unpriced).setdefault(row, []).append(symbols[asset])
    return unpriced, stale


def _newcomers(earlier: Rows, portfolios: set[int], found: Situation) -> set[int]:
    """Return who owes nothing to a consolidation because it stood already when they opened their portfolio."""
    return portfolios - {row[0] for row in earlier} if found.stage == StageCode.SC else set()


def _grouped(rows: Iterable[tuple[Any, ...]], place: Mapping[int, int]) -> dict[int, list[Any]]:
    """Group rows by the place of their portfolio."""
    found: dict[int, list[Any]] = {}
    for portfolio, *rest in rows:
        row = place.get(portfolio)
        if row is not None:
            found.setdefault(row, []).append(tuple(rest))
    return found


def _core(rows: Rows, place: Mapping[int, int]) -> dict[int, dict[int, Any]]:
    """Return how much of each asset is core, by row; the newest flag counts (DOMAIN F22)."""
    found: dict[int, dict[int, Any]] = {}
    for portfolio, asset, quantity, _ in sorted(rows, key=itemgetter(3)):
        if portfolio in place:
            found.setdefault(place[portfolio], {})[asset] = quantity
    return found


def _manual(rows: Rows, place: Mapping[int, int]) -> dict[tuple[int, int], Any]:
    """Return the prices people assumed, by row and asset; the newest counts (DECISIONS 13)."""
    ordered = sorted(rows, key=itemgetter(3))
    return {(place[pid], asset): price for pid, asset, price, _ in ordered if pid in place}


def _standing(
    owners: Sequence[Owner], found: Situation, reference: Reference, *, is_owed: Sequence[bool]
) -> dict[str, Any]:
    """Return where every row stands: the market's stage, leader and base, and whether the change is still owed."""
    stage, count = found.day.stage, len(owners)
    return {
        "stage": np.full(count, int(found.stage)),
        "leader": np.full(count, reference.columns.get(stage.leader_id, -1) if stage.leader_id else -1),
        "base": np.full(count, reference.columns.get(stage.base_id, -1)),
        "is_changed": np.array(is_owed, np.bool_),
        "is_cost_aware": np.zeros(count, np.bool_),
    }


def _limits(owners: Sequence[Owner], reference: Reference) -> dict[str, Any]:
    """Return each row's caps and fee rates."""
    caps = [limits_of(owner.experience, has_overlay=owner.has_overlay) for owner in owners]
    counters = [reference.counters.get(owner.venue_id) for owner in owners]
    return {
        "max_leverage": np.array([cap.max_leverage for cap in caps]),
        "max_overlay": np.array([cap.max_overlay for cap in caps]),
        "max_risk": np.array([cap.max_risk for cap in caps]),
        "spot_fee": np.array([float(c.spot_rate) if c else 0.0 for c in counters]),
        "futures_fee": np.array([float(c.perp_rate) if c else 0.0 for c in counters]),
    }


def _aims(
    rows: Mapping[str, Rows], current: Sequence[PolicyRow], stage: StageCode, reference: Reference
) -> dict[str, Any]:
    """Return each row's policy: its numbers, its split, and what the stage asks for."""
    numbers = ("band", "max_turnover", "min_notional", "safety", "horizon_days", "stop_rate")
    place = {policy.policy_id: row for row, policy in enumerate(current)}
    return {
        **{name: np.array([float(getattr(policy, name)) for policy in current]) for name in numbers},
        "stable_floor": np.array([float(policy.reserve_floor) for policy in current]),
        "carves": np.array([p.margin_source == Policy.MarginSource.CARVE_OUT for p in current], np.bool_),
        "policy_split": _split(rows["split"], place, reference),
        **_stage_rules(rows["rules"], place, stage),
    }


def _split(rows: Rows, place: Mapping[int, int], reference: Reference) -> Floats:
    """Return each policy's shares by sector column, evenly where it names none of them; rows add to 1."""
    width = len(reference.sectors)
    split = np.zeros((len(place), width))
    for policy, sector, share in rows:
        if policy in place and sector in reference.columns:
            split[place[policy], reference.columns[sector]] = float(share)
    mass = split.sum(axis=1, keepdims=True)
    return np.where(mass > 0, split / np.where(mass > 0, mass, 1.0), 1.0 / max(width, 1))


def _stage_rules(rows: Rows, place: Mapping[int, int], stage: StageCode) -> dict[str, Floats]:
    """Return what the stage asks of each row; a share left empty is the playbook's (DOMAIN 1.6)."""
    usual = float(LEADER_SHARES.get(PolicyStageCode(stage.name), 0))
    share, ratio, leverage = (np.full(len(place), value) for value in (usual, 0.0, 1.0))
    for policy, part, futures, times in rows:
        if policy in place:
            row = place[policy]
            share[row] = usual if part is None else float(part)
            ratio[row], leverage[row] = float(futures), float(times)
    return {"leader_share": share, "futures_ratio": ratio, "leverage": leverage}


def _past(has: Stock, place: Mapping[int, int]) -> dict[str, Any]:
    """Return what each row turned over in 30 days, and whether its overlay was stopped out in this stage."""
    turned, stopped = np.zeros(len(place)), np.zeros(len(place), np.bool_)
    for portfolio, quantity, price, quote in has.sales:
        if portfolio in place:
            turned[place[portfolio]] += float(quantity) * float(price) * float(quote)
    for portfolio, pnl in has.closed:
        if portfolio in place and float(pnl) < 0:
            stopped[place[portfolio]] = True
    return {"turned_30d": turned, "is_stopped": stopped}


def _sales(span: Span, reference: Reference) -> QuerySet[Any, Any]:
    """Return the spot sales of the pool in the last 30 days that were not reversed (DECISIONS 32)."""
    since = reference.moment - timedelta(days=TURNOVER_DAYS)
    pool = {asset for _, asset, _ in reference.members}
    sales = Fill.objects.filter(
        side=Fill.Side.SELL,
        instrument__kind=Instrument.Kind.SPOT,
        instrument__asset__in=pool,
        executed_at__gt=since,
        executed_at__lte=reference.moment,
        reverses__isnull=True,
        reversed_by__isnull=True,
    )
    return span.of(sales).order_by().values_list("portfolio_id", "quantity", "price", "quote_usd")


def _closed_longs(span: Span, found: Situation, reference: Reference) -> QuerySet[Any, Any]:
    """Return what closing sells of the leader's perps realised since the stage began: a loss there is a stop (31)."""
    leader = reference.columns.get(found.day.stage.leader_id or 0, -1)
    closes = PositionChange.objects.filter(
        fill__side=Fill.Side.SELL,
        fill__executed_at__gte=closes_on(found.day.stage.since),
        fill__executed_at__lte=reference.moment,
        fill__instrument__asset__in={asset for column, asset, _ in reference.members if column == leader},
        fill__reversed_by__isnull=True,
        quantity_after="0",
    )
    return span.of(closes).order_by().values_list("portfolio_id", "realized_pnl_usd")
