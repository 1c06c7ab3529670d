"""Read what executions cost, and what was reckoned with: the recommendation's own fee, else the venue's listed one."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Max, QuerySet

from journal.domain.fees import ALL, Fees, Paid, Reckoned, add_up
from journal.models import LegFill, Rotation
from portfolio.domain.money import exact, in_context, pro_rata
from portfolio.kept import kept
from portfolio.models import FeeSchedule, Fill, Instrument, Portfolio
from signals.models import RecommendationLeg

KEPT_FOR_S = 3600
OF_FILL = (
    "pk", "instrument__venue__slug", "instrument__kind", "instrument__asset__symbol", "fee_asset__symbol",
    "executed_at", "quantity", "price", "quote_usd", "fee_usd",
)  # fmt: skip

LOOKUPS = {
    "venue": "fill__instrument__venue__slug",
    "leg": "leg__action",
    "asset": "fill__instrument__asset__symbol",
    "paid_in": "fill__fee_asset__symbol",
    "month": "fill__executed_at",
}
"""Where the database finds what a facet of `domain.fees.FACETS` is about."""

Modelled = Mapping[tuple[int, str, str], tuple[Decimal, Decimal]]
Listed = Mapping[tuple[str, str], Sequence[tuple[datetime, datetime | None, Decimal]]]


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Hold the fees that were reckoned with: a recommendation's by leg, a venue's takers' by product and time."""

    modelled: Modelled
    listed: Listed


def fees(*, portfolio: Portfolio) -> Fees:
    """Return what a portfolio's executions cost. At most five queries; one while nothing has changed."""
    return kept(f"fees:{_version(portfolio)}", seconds=KEPT_FOR_S, make=lambda: add_up(paid_lines(portfolio=portfolio)))


def rotations_of_fees(*, portfolio: Portfolio, key: str) -> list[int]:
    """Return the rotations behind a figure of fees, by its key such as `venue:binance`; an unknown key has none.

    One query.
    """
    name, _, value = key.partition(":")
    if key != ALL and name not in LOOKUPS:
        return []
    mine = LegFill.objects.filter(leg__rotation__in=Rotation.objects.filter(portfolio=portfolio).standing())
    mine = mine.filter(fill__reverses__isnull=True, fill__reversed_by__isnull=True)
    if key != ALL:
        mine = mine.filter(**{LOOKUPS[name]: value}) if name != "month" else _in_month(mine, value)
    return sorted(mine.order_by().values_list("leg__rotation_id", flat=True).distinct())


def _in_month(mine: QuerySet[LegFill], value: str) -> QuerySet[LegFill]:
    """Keep the executions of a month such as 2026-02; what is no month has none."""
    year, _, month = value.partition("-")
    if not (year.isdecimal() and len(year) == 4 and month.isdecimal() and len(month) == 2 and 1 <= int(month) <= 12):
        return mine.none()
    first = datetime(int(year), int(month), 1, tzinfo=UTC)
    return mine.filter(fill__executed_at__gte=first, fill__executed_at__lt=(first + timedelta(days=32)).replace(day=1))


@in_context
def paid_lines(*, portfolio: Portfolio) -> list[Paid]:
    """Return every standing execution of a portfolio with the rotation it belongs to. Four queries."""
    mine = LegFill.objects.filter(leg__rotation__in=Rotation.objects.filter(portfolio=portfolio).standing())
    columns = ("fill_id", "leg__action", "leg__rotation_id", "leg__rotation__recommendation_id")
    legs = {fill: rest for fill, *rest in mine.values_list(*columns)}
    rates = Rates(modelled=_modelled(portfolio), listed=_listed())
    standing = Fill.objects.filter(portfolio=portfolio, reverses__isnull=True, reversed_by__isnull=True).order_by()
    found = []
    for pk, venue, kind, asset, paid_in, at, quantity, price, quote_usd, fee in standing.values_list(*OF_FILL):
        action, rotation, advice = legs.get(pk, ("", None, None))
        notional = exact(quantity * price * quote_usd)
        source, estimate = _estimate(rates, (advice, action, asset), (venue, _product(kind), at), notional)
        found.append(
            Paid(
                rotation=rotation,
                venue=venue,
                leg=action,
                asset=asset,
                paid_in=paid_in,
                month=f"{at:%Y-%m}",
                notional=notional,
                fee=fee,
                estimate=estimate,
                source=source,
            )
        )
    return found


def _version(portfolio: Portfolio) -> str:
    """Name what fees are added up from: the ledger, and which of it belongs to rotations. One query."""
    pairs = LegFill.objects.filter(leg__rotation__in=Rotation.objects.filter(portfolio=portfolio).standing())
    found = pairs.aggregate(count=Count("pk"), last=Max("pk"))
    return f"{portfolio.pk}:{portfolio.ledger_version}:{found['count']}:{found['last']}"


def _modelled(portfolio: Portfolio) -> Modelled:
    """Return the fee and the size of each leg of a recommendation that a rotation answers, in USD."""
    rows = RecommendationLeg.objects.filter(recommendation__rotations__portfolio=portfolio, is_accepted=True)
    columns = ("recommendation_id", "action", "instrument__asset__symbol", "fee_usd", "notional_usd")
    return {
        (advice, action, asset): (fee, notional)
        for advice, action, asset, fee, notional in rows.order_by().values_list(*columns).distinct()
    }


def _listed() -> Listed:
    """Return the takers' rates of every venue, oldest first."""
    found: dict[tuple[str, str], list[tuple[datetime, datetime | None, Decimal]]] = defaultdict(list)
    rows = FeeSchedule.objects.order_by("starts_at")
    for venue, product, starts, ends, rate in rows.values_list(
        "venue__slug", "product", "starts_at", "ends_at", "taker_rate"
    ):
        found[venue, product].append((starts, ends, rate))
    return found


def _product(kind: str) -> str:
    return FeeSchedule.Product.SPOT if kind == Instrument.Kind.SPOT else FeeSchedule.Product.PERP


def _estimate(
    rates: Rates, leg: tuple[int | None, str, str], traded: tuple[str, str, datetime], notional: Decimal
) -> tuple[Reckoned, Decimal | None]:
    """Return what a fill of this size should have cost, and who says so (DOMAIN 4.7)."""
    advice, action, asset = leg
    fee, size = rates.modelled.get((advice or 0, action, asset), (None, None))
    if fee is not None and size:
        return Reckoned.RECOMMENDED, pro_rata(total=fee, part=notional, whole=size)
    venue, product, at = traded
    spans = rates.listed.get((venue, product), ())
    place = bisect_right([starts for starts, _, _ in spans], at)
    if place:
        _, ends, rate = spans[place - 1]
        if ends is None or at < ends:
            return Reckoned.LISTED, exact(notional * rate)
    return Reckoned.UNKNOWN, None
