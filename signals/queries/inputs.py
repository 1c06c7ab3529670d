"""Trace every number of an answer to the stored rows it was computed from (DOMAIN 3.9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Q

from portfolio.domain.display import price, usd
from portfolio.models import FeeSchedule, Policy, Price, closes_on
from signals.domain.batch import IC_PRIOR
from signals.domain.explain import contribution_words
from signals.models import Recommendation, RecommendationLeg, Score
from signals.queries.reference import HALF_SPREAD, USUAL_RATES
from signals.queries.situation import why_of

FORMULAS = {
    "moved": "quantities sold x their prices",
    "cost": "fees + slippage of all legs, one way",
    "needed": "safety x (2 x spot one way + 2 x futures fees + funding) / what moves",
    "alpha": "IC x z of the score gap x relative volatility x root of horizon / 365",
    "z_now": "robust z over 180 days of the gap between the scores",
    "z_needed": "what has to be earned / (IC x volatility over the horizon)",
    "confidence": "chance that the move beats its costs, shrunk by coverage",
    "coverage": "weights that fresh data carried",
    "risk": "notional x way to the stop + both fees, of the futures legs",
    "expires": "24 h in RISK_ON, 72 h in CONSOLIDATION, 12 h in RISK_OFF or where funding asks for it",
}
LABELS = {
    "moved": "Moved",
    "cost": "Costs now, all legs",
    "needed": "Has to earn",
    "alpha": "Model expects",
    "z_now": "z now",
    "z_needed": "z needed",
    "confidence": "Confidence",
    "coverage": "Fresh data carries",
    "risk": "1R of the futures legs",
    "expires": "Ends",
}


class Input(NamedTuple):
    """Hold one stored value: what it is, as text, in which table and row, whose it is, and since when it holds."""

    what: str
    value: str
    table: str
    row: int | None
    source: str
    at: datetime | date | None

    @property
    def when(self) -> str:
        """Return the day or the moment as text, nothing where it always holds."""
        if isinstance(self.at, datetime):
            return f"{self.at:%Y-%m-%d %H:%M} UTC"
        return "" if self.at is None else self.at.isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """Hold a number that an answer shows: its anchor, its formula, and the inputs that it follows from."""

    key: str
    label: str
    value: str
    formula: str
    inputs: Sequence[Input]

    @property
    def anchor(self) -> str:
        """Return the name of its place on the page."""
        return f"n-{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Hold all numbers of an answer, and which of them each sentence about the scores speaks of."""

    numbers: Sequence[Number]
    sentences: Mapping[str, str]


def trace_of(found: Recommendation) -> Trace:
    """Return where each number of an answer comes from. Four queries beside its legs, whatever it says."""
    legs = list(found.legs.all())
    day = (found.slot - timedelta(microseconds=1)).date()
    policy = Policy.objects.filter(portfolio=found.portfolio_id, version=found.policy_version).first()
    scores = _scores(found, day)
    fees, prices = _fees(found), _prices(found, legs, day)
    numbers = [*_totals(found, policy, scores, fees, legs), *_of_legs(legs, prices, fees), *_of_scores(scores)]
    return Trace(numbers=numbers, sentences=_sentences(scores))


def _scores(found: Recommendation, day: date) -> list[Score]:
    """Return the day's scores by name of the sector. One query."""
    rows = Score.objects.filter(market=found.portfolio.market_id, date=day).select_related("sector")
    return list(rows.order_by("sector__position", "sector__slug"))


def _fees(found: Recommendation) -> dict[str, Input]:
    """Return the venue's rates in force when the answer was issued. One query."""
    moment, venue = found.issued_at, found.portfolio.venue_id
    rows = FeeSchedule.objects.filter(venue=venue, starts_at__lte=moment)
    current = rows.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=moment)).order_by("starts_at")
    usual = {
        product.value: Input(f"{product.label} fee, taker", f"{rate:f}", "assumed", None, "usual rate", None)
        for product, rate in USUAL_RATES.items()
    }
    return usual | {
        row.product: Input(
            f"{row.get_product_display()} fee, taker",
            f"{row.taker_rate.normalize():f}",
            "fee schedule",
            row.pk,
            row.source_url,
            row.starts_at,
        )
        for row in current
    }


def _prices(found: Recommendation, legs: Iterable[RecommendationLeg], day: date) -> dict[int, Input]:
    """Return the close that each leg's asset was priced at. One query."""
    assets = {leg.instrument.asset_id for leg in legs}
    rows = Price.objects.filter(market=found.portfolio.market_id, asset__in=assets, date=day).select_related("asset")
    return {row.asset_id: _close(row) for row in rows}


def _close(row: Price) -> Input:
    return Input(f"Close of {row.asset.symbol}", price(row.price_usd), "price", row.pk, row.source, closes_on(row.date))


def _totals(
    found: Recommendation,
    policy: Policy | None,
    scores: Sequence[Score],
    fees: Mapping[str, Input],
    legs: Sequence[RecommendationLeg],
) -> list[Number]:
    """Return the numbers of the answer as a whole, those that it shows."""
    behind = found.explanation.get("numbers", {})
    needed = float(behind.get("needed_alpha", found.hurdle))
    rules, edge = _rules(policy), _edge(found, scores)
    costs = [*fees.values(), *_sum_of(legs, "fee_usd"), *_sum_of(legs, "slippage_usd"), _spread()]
    is_trade = not found.refusal
    shown: list[tuple[str, str, list[Input], bool]] = [
        ("moved", usd(found.moved_usd), _sum_of(legs, "notional_usd"), bool(found.moved_usd)),
        ("cost", usd(found.cost_usd), costs, is_trade),
        ("needed", f"{needed:.4%}", [*costs, *rules("safety", "horizon_days")], needed > 0),
        ("alpha", f"{found.alpha:.4%}", [_ic(), *edge, *rules("horizon_days")], needed > 0),
        ("z_now", f"{found.z_now:.4f}", edge[:1], needed > 0),
        ("z_needed", f"{found.z_needed:.4f}", [_ic(), *edge[1:], *rules("safety", "horizon_days")], needed > 0),
        ("confidence", f"{found.confidence:.2%}", [_ic(), *edge, _resolved(behind)], needed > 0),
        ("coverage", f"{found.coverage:.2%}", _coverage(found, scores), True),
        ("risk", usd(found.risk_usd), [*_sum_of(legs, "margin_usd"), *rules("stop_rate")], bool(found.risk_usd)),
        ("expires", f"{found.expires_at:%Y-%m-%d %H:%M} UTC", [_regime(found)], is_trade),
    ]
    return [
        Number(key=key, label=LABELS[key], value=value, formula=FORMULAS[key], inputs=inputs)
        for key, value, inputs, is_shown in shown
        if is_shown
    ]


def _rules(policy: Policy | None) -> Any:
    """Return how to name fields of the policy that was in force."""

    def named(*fields: str) -> list[Input]:
        """Return what the policy says under these names."""
        if policy is None:
            return []
        words = {f"Policy: {name.replace('_', ' ')}": str(getattr(policy, name)) for name in fields}
        where = ("policy", policy.pk, f"version {policy.version}", policy.effective_at)
        return [Input(what, value, *where) for what, value in words.items()]

    return named


def _edge(found: Recommendation, scores: Sequence[Score]) -> list[Input]:
    """Return z and relative volatility of the destination: the leader in NI, else the base (DOMAIN 3.7)."""
    row = _destination(found, scores)
    if row is None:
        return []
    names = {"z_spread": "z of the gap to the other scores", "sigma_relative": "volatility against the others, a year"}
    where = ("score", row.pk, row.params_version, row.date)
    return [
        Input(f"{row.sector.name}: {words}", _known(row.details.get(name)), *where) for name, words in names.items()
    ]


def _destination(found: Recommendation, scores: Sequence[Score]) -> Score | None:
    wanted = found.leader_id if found.stage == "NI" else found.destination_sector_id
    return next((row for row in scores if row.sector_id == wanted), None)


def _coverage(found: Recommendation, scores: Sequence[Score]) -> list[Input]:
    row = next((row for row in scores if row.sector_id == found.destination_sector_id), _destination(found, scores))
    if row is None:
        return []
    words = f"{row.sector.name}: share of weights with fresh data"
    return [Input(words, f"{row.coverage:.2%}", "score", row.pk, row.params_version, row.date)]


def _ic() -> Input:
    return Input("IC, the prior until enough has resolved", f"{IC_PRIOR}", "parameter", None, "DOMAIN 3.7", None)


def _spread() -> Input:
    return Input("Half of the quoted spread, assumed", f"{HALF_SPREAD:.4%}", "parameter", None, "DECISIONS 33", None)


def _resolved(behind: Mapping[str, Any]) -> Input:
    return Input("Resolved recommendations", str(behind.get("resolved", 0)), "recommendation", None, "counted", None)


def _regime(found: Recommendation) -> Input:
    return Input("Regime", found.regime, "evidence", found.evidence_id, found.evidence.sha256[:16], found.slot)


def _sum_of(legs: Sequence[RecommendationLeg], name: str) -> list[Input]:
    """Return each leg's part of a sum; of what moved only the sales."""
    chosen = [leg for leg in legs if getattr(leg, name) and (name != "notional_usd" or leg.action == "SELL_SPOT")]
    word = name.removesuffix("_usd")
    return [
        Input(f"Leg {leg.position}: {word}", usd(getattr(leg, name)), "leg", leg.pk, leg.instrument.name, None)
        for leg in chosen
    ]


def _of_legs(legs: Sequence[RecommendationLeg], prices: Mapping[int, Input], fees: Mapping[str, Input]) -> list[Number]:
    """Return each leg's value with its price, step and fee rate."""
    return [
        Number(
            key=f"leg-{leg.position}",
            label=f"Leg {leg.position}, {leg.get_action_display().lower()} {leg.instrument.name}",
            value=usd(leg.notional_usd),
            formula="quantity, rounded down to the venue's step, x price",
            inputs=[*_price_of(leg, prices), *_terms(leg), *([fees[rate]] if (rate := _product(leg)) in fees else [])],
        )
        for leg in legs
    ]


def _price_of(leg: RecommendationLeg, prices: Mapping[int, Input]) -> list[Input]:
    """Return the close a leg is priced at; where a later quote was used, that, as the leg keeps it."""
    close = prices.get(leg.instrument.asset_id)
    used = price(leg.reference_price)
    if close is not None and close.value == used:
        return [close]
    return [Input(f"Quote of {leg.instrument.asset.symbol}", used, "leg", leg.pk, "newest quote at issue", None)]


def _terms(leg: RecommendationLeg) -> list[Input]:
    it, step = leg.instrument, Decimal(leg.instrument.lot_step).normalize()
    found = [Input("Step of quantity", f"{step:f}", "instrument", it.pk, it.venue.name, None)]
    if leg.margin_usd and it.maintenance_rate is not None:
        rate = Decimal(it.maintenance_rate).normalize()
        found.append(Input("Maintenance margin rate", f"{rate:f}", "instrument", it.pk, it.venue.name, None))
    return found


def _product(leg: RecommendationLeg) -> str:
    product = FeeSchedule.Product.SPOT if leg.instrument.kind == "spot" else FeeSchedule.Product.PERP
    return str(product.value)


def _of_scores(scores: Sequence[Score]) -> list[Number]:
    """Return every sector's score with the contributions that it is the sum of (DOMAIN 2.4)."""
    return [
        Number(
            key=f"score-{row.sector.slug}",
            label=f"Score of {row.sector.name}",
            value="hidden" if row.is_hidden else f"{row.value:.1f}",
            formula="50 + the points of its indicators",
            inputs=[_contribution(row, item) for item in row.contributions],
        )
        for row in scores
    ]


def _contribution(row: Score, item: Mapping[str, Any]) -> Input:
    why = why_of(row.sector.name, item, closes_on(row.date))
    raw = "" if item.get("raw") is None else f", raw {item['raw']:.6g} {item.get('unit', '')}".rstrip()
    observed = item.get("observed_at")
    at = None if observed is None else datetime.fromisoformat(observed)
    return Input(f"{why.indicator}{raw}", f"{item['points']:+.2f} points", "score", row.pk, item.get("source", ""), at)


def _sentences(scores: Sequence[Score]) -> dict[str, str]:
    """Return the anchor of the score that each sentence about a contribution speaks of."""
    return {
        contribution_words(why_of(row.sector.name, item, closes_on(row.date))): f"n-score-{row.sector.slug}"
        for row in scores
        for item in row.contributions
    }


def _known(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"
