"""Find what there is to tell: new answers, extreme funding, contracts that end, positions near liquidation, drift."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from django.urls import reverse

from portfolio.domain.display import pct, points
from portfolio.domain.money import in_context
from portfolio.domain.valuation import Drift
from portfolio.models import Market, Portfolio, closes_on
from portfolio.queries.aims import stage_drifts
from portfolio.queries.holdings import Snapshot, snapshot
from portfolio.queries.positions import PositionLine
from signals.domain.alerts import Alert
from signals.models import Recommendation, Score, Subscription, Topic

NEWS = timedelta(days=3)
"""How long something counts as news: a worker that was away for a weekend still tells it."""
EXTREMES = {"EXTREME_HIGH": "extremely high", "EXTREME_LOW": "extremely low"}
SAID = ("need", "costs", "risk", "confidence", "life")
SLEEVES = {"core": "Core", "reserve": "Reserve", "pool": "Rotation pool"}


def answer_alerts(*, after: int, now: datetime) -> list[Alert]:
    """Return the newest answers of people who subscribed: recommendations that stand, and refusals. One query."""
    subscribed = Subscription.objects.filter(channel__closed_at=None)
    recent = Recommendation.objects.filter(
        portfolio__owner__in=subscribed.values("channel__owner"),
        pk__gt=after,
        evidence__computed_at__gte=now - NEWS,
        state__in=[*Recommendation.OPEN, Recommendation.State.REFUSED],
    )
    return [_answer(row) for row in recent.select_related("portfolio").order_by("pk")]


def funding_alerts(*, markets: Iterable[Market], now: datetime) -> list[Alert]:
    """Return the narratives whose funding is extreme since the newest close, and was not the day before."""
    found: list[Alert] = []
    for market in markets:
        since = market.clock(now) - NEWS
        rows = Score.objects.filter(market=market, date__gte=since.date()).select_related("sector").order_by("date")
        by_sector: dict[int, list[Score]] = {}
        for row in rows:
            by_sector.setdefault(row.sector_id, []).append(row)
        found += [_funding(market, days[-1]) for days in by_sector.values() if _is_newly_extreme(days)]
    return found


@in_context
def portfolio_alerts(*, portfolio: Portfolio, now: datetime) -> list[Alert]:
    """Return what a portfolio's own state asks to be told: expiries, nearness of liquidations, drift."""
    found = snapshot(portfolio=portfolio, now=now)
    ids = {sector.slug: sector.pk for sector in found.all_sectors}
    alerts = list(_drifts(found, ids))
    for line in found.positions:
        sectors = frozenset(ids[slug] for slug in line.belonging.shares if slug in ids)
        if line.expiry_alert:
            alerts.append(_expiry(found, line, sectors))
        if line.nearness:
            alerts.append(_liquidation(found, line, sectors))
    return alerts


def _answer(row: Recommendation) -> Alert:
    """Tell of a recommendation or a refusal in its own words."""
    words, name = row.explanation, row.portfolio.name
    lines = [*words.get("for", [])[:3], *(f"Against: {each}" for each in words.get("against", [])[:2])]
    lines += [words[key] for key in SAID if words.get(key)]
    topic = Topic.REFUSAL if row.is_refusal else Topic.RECOMMENDATION
    return Alert(
        topic=topic,
        key=f"recommendation:{row.pk}",
        title=f"{name}: {words.get('headline', '')}"[:200],
        body="\n".join(map(str, lines)),
        path=reverse("signals:recommendation", args=[row.pk]),
        market=row.portfolio.market_id,
        owner=row.portfolio.owner_id,
        portfolio=row.portfolio_id,
        recommendation=row.pk,
        sectors=frozenset(filter(None, (row.leader_id, row.source_sector_id, row.destination_sector_id))),
        data={
            "recommendation": row.pk,
            "portfolio": row.portfolio_id,
            "refusal": row.refusal,
            "stage": row.stage,
            "issued_at": row.issued_at.isoformat(),
            "expires_at": row.expires_at.isoformat(),
        },
    )


def _is_newly_extreme(days: list[Score]) -> bool:
    """Tell whether the last of some days is extreme, and otherwise so than the day before it."""
    flag, before = _flag(days[-1]), _flag(days[-2]) if len(days) > 1 else ""
    return flag in EXTREMES and flag != before


def _flag(score: Score) -> str:
    """Return the label of a day's funding."""
    return str(score.details.get("funding", {}).get("flag", ""))


def _funding(market: Market, score: Score) -> Alert:
    """Tell of extreme funding."""
    funding, sector = score.details["funding"], score.sector
    rate = pct(Decimal(str(funding["annual"])))
    return Alert(
        topic=Topic.FUNDING,
        key=f"funding:{market.pk}:{sector.pk}:{score.date}:{_flag(score)}",
        title=f"Funding of {sector.name} is {EXTREMES[_flag(score)]}: {rate} a year",
        body=f"{market.name}, close of {score.date}. The day before it was not. An extreme blocks what opens with it.",
        path=reverse("signals:market"),
        market=market.pk,
        sectors=frozenset({sector.pk}),
        data={
            "market": market.slug,
            "sector": sector.slug,
            "flag": _flag(score),
            "annual": funding["annual"],
            "closed_at": closes_on(score.date).isoformat(),
        },
    )


def _expiry(found: Snapshot, line: PositionLine, sectors: frozenset[int]) -> Alert:
    """Tell of a contract that ends soon."""
    days, contract = line.expiry_alert, line.instrument.name
    left = "1 day" if days == 1 else f"{days} days"
    return _of_position(
        found,
        line,
        sectors,
        topic=Topic.EXPIRY,
        mark=str(days),
        title=f"{contract} expires within {left}",
        body=f"You hold {line.side} {abs(line.quantity).normalize():f} of it. Roll it, close it, or let it settle.",
        data={"days": days, "expires_at": line.expires_at.isoformat() if line.expires_at else None},
    )


def _liquidation(found: Snapshot, line: PositionLine, sectors: frozenset[int]) -> Alert:
    """Tell of a position near its liquidation, once a day while it is."""
    away = line.liquidation_distance or Decimal(0)
    return _of_position(
        found,
        line,
        sectors,
        topic=Topic.LIQUIDATION,
        mark=f"{line.nearness}:{found.as_of.date()}",
        title=f"{line.instrument.name} is {line.nearness} its liquidation: {pct(away)} away",
        body=f"Mark {line.mark:f}, liquidation {line.liquidation_price:f}. Add margin, or make it smaller.",
        data={"distance": f"{away:f}", "mark": f"{line.mark:f}", "liquidation_price": f"{line.liquidation_price:f}"},
    )


def _of_position(
    found: Snapshot,
    line: PositionLine,
    sectors: frozenset[int],
    *,
    topic: Topic,
    mark: str,
    title: str,
    body: str,
    data: dict[str, object],
) -> Alert:
    """Tell something of a position; once a position and mark."""
    opened = line.opened_at.isoformat() if line.opened_at else ""
    book = found.portfolio
    return Alert(
        topic=topic,
        key=f"{topic}:{book.pk}:{line.account.pk}:{line.instrument.pk}:{line.position_side}:{opened}:{mark}",
        title=f"{book.name}: {title}"[:200],
        body=body,
        path=f"{reverse('portfolio:overview')}?portfolio={book.pk}",
        market=book.market_id,
        owner=book.owner_id,
        portfolio=book.pk,
        sectors=sectors,
        data={"portfolio": book.pk, "instrument": line.instrument.name, **data},
    )


def _drifts(found: Snapshot, ids: dict[str, int]) -> Iterator[Alert]:
    """Tell of sleeves and narratives outside their band, once a week while they are."""
    for slug, drift in found.sleeve_drifts.items():
        if slug in SLEEVES and drift.is_outside:
            yield _drift(found, slug, SLEEVES[slug], drift, frozenset())
    if found.policy is None:
        return
    names = {sector.slug: sector.name for sector in found.all_sectors}
    of_stage = stage_drifts(policy=found.policy, drifts=found.sector_drifts, stage=found.standing.stage)
    for slug, drift in of_stage.items():
        if slug in ids and drift.is_outside:
            yield _drift(found, slug, names[slug], drift, frozenset({ids[slug]}))


def _drift(found: Snapshot, slug: str, name: str, drift: Drift, sectors: frozenset[int]) -> Alert:
    """Tell of one share outside its band."""
    book, (year, week, _) = found.portfolio, found.as_of.isocalendar()
    way = "over" if drift.drift > 0 else "under"
    return Alert(
        topic=Topic.DRIFT,
        key=f"drift:{book.pk}:{slug}:{way}:{year}-W{week}",
        title=f"{book.name}: {name} is {points(abs(drift.drift))} {way}, outside the band of {points(drift.band)}"[
            :200
        ],
        body=f"It stands at {pct(drift.actual)}; the aim is {pct(drift.target)}.",
        path=f"{reverse('portfolio:overview')}?portfolio={book.pk}",
        market=book.market_id,
        owner=book.owner_id,
        portfolio=book.pk,
        sectors=sectors,
        data={
            "portfolio": book.pk,
            "part": slug,
            "actual": f"{drift.actual:f}",
            "target": f"{drift.target:f}",
            "band": f"{drift.band:f}",
        },
    )
