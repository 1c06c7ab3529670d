"""Turn the engine's decisions about one venue's portfolios into the rows, legs and words that are stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, NamedTuple

import numpy as np

from portfolio.domain.money import ZERO, in_context
from signals.domain.batch import (
    Decision,
    FundingFlag,
    HedgeVerdict,
    MarketState,
    Outcome,
    OverlayVerdict,
    SpotVerdict,
    StageCode,
)
from signals.domain.costs import REACHABLE_Z
from signals.domain.explain import Explanation, explained, market_reasons
from signals.domain.legs import expand
from signals.domain.lifecycle import Answer, expires_at, next_funding_at
from signals.domain.refusals import Case
from signals.domain.shelf import Action, Leg, exactly
from signals.models import Recommendation
from signals.queries.books import Books
from signals.queries.reference import Counter, Reference
from signals.queries.situation import Situation
from signals.services.orders import task_of

Z_SHOWN_MAX = 99.0
OUTCOMES, SPOT_VERDICTS = tuple(Outcome), tuple(SpotVerdict)
OVERLAY_VERDICTS, HEDGE_VERDICTS = tuple(OverlayVerdict), tuple(HedgeVerdict)
ISSUED, REFUSED = Recommendation.State.ISSUED.value, Recommendation.State.REFUSED.value
ACTIONS = tuple(action.value for action in Action)
STAGE, DRIFT, RISK = (kind.value for kind in Recommendation.Kind)
CASE_NUMBERS = (
    "wanted_spot", "wanted_overlay", "hurdle", "alpha", "needed_alpha", "z_now", "needed_z", "confidence",
    "spot_one_r", "equity", "leverage", "stop", "liquidation",
)  # fmt: skip
RECOMMENDATION_FIELDS = (
    "portfolio_id", "evidence_id", "slot", "state", "kind", "refusal", "stage", "stage_since", "regime", "leader_id",
    "source_sector_id", "destination_sector_id", "moved_usd", "cost_usd", "hurdle", "alpha", "z_now", "z_needed",
    "confidence", "coverage", "risk_usd", "policy_version", "ledger_version", "explanation", "issued_at", "expires_at",
    "closed_at", "close_reason",
)  # fmt: skip


class Stored(NamedTuple):
    """Hold one recommendation as it is written, in the order of RECOMMENDATION_FIELDS, and its legs."""

    values: tuple[Any, ...]
    legs: list[Leg]


class Sums(NamedTuple):
    """Hold what a recommendation's legs add up to, in USD, in the order in which a case names it."""

    moved: Decimal
    opened: Decimal
    closed: Decimal
    hedged: Decimal
    unhedged: Decimal
    cost: Decimal
    risk: Decimal
    margin: Decimal


@dataclass(slots=True)
class Desk:
    """Answer for one venue's portfolios; `rows` are their places in the books, `issued_at` the market's present.

    Single numbers are quicker from lists: the decision's arrays are read out once, those a case names in its order.
    """

    reference: Reference
    found: Situation
    counter: Counter
    state: MarketState
    books: Books
    rows: Sequence[int]
    decision: Decision
    resolved: int
    issued_at: datetime
    columns: dict[str, list[Any]] = field(init=False)
    numbers: list[Any] = field(init=False)
    aims: list[tuple[bool, float, float]] = field(init=False)
    offerable: list[bool] = field(init=False)
    shared: tuple[str, str, str] = field(init=False)
    reasons: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the arrays out."""
        stage, batch, rows = self.found.day.stage, self.books.batch, self.rows
        self.columns = {f.name: getattr(self.decision, f.name).tolist() for f in fields(Decision)}
        self.numbers = list(zip(*(self.columns[name] for name in CASE_NUMBERS), strict=True))
        free = np.maximum(batch.stable_risk[rows] - batch.stable_floor[rows] * self.decision.equity, 0.0)
        owed, horizon = batch.is_changed[rows].tolist(), batch.horizon_days[rows].tolist()
        self.aims = list(zip(owed, horizon, free.tolist(), strict=True))
        is_open = self.state.has_perp & self.state.has_known_gates & (self.state.funding_flag != FundingFlag.UNKNOWN)
        asks = (batch.max_leverage[rows] >= 1) & (batch.stage[rows] == StageCode.NI)
        self.offerable = (asks & (self.decision.source >= 0) & is_open[self.decision.source]).tolist()
        self.shared = (stage.stage, stage.leader.name if stage.leader else "", stage.base.name)

    def answer(self, place: int) -> Answer:
        """Return what an answer depends on, to compare it with the one before."""
        stage, columns = self.found.day.stage, self.columns
        return Answer(
            stage=stage.stage,
            leader_id=stage.leader_id,
            regime=self.found.regime,
            outcome=OUTCOMES[columns["outcome"][place]],
            alpha=_finite(columns["z_now"][place]),
            hurdle=min(columns["needed_z"][place], Z_SHOWN_MAX),
            moved=sum(columns["sell"][place]) or sum(columns["buy"][place]),
            futures=sum(map(abs, columns["overlay_change"][place])) + abs(columns["hedge_change"][place]),
        )

    def funding_flag(self, place: int) -> int:
        """Return the funding label of the sector a row's overlay is on."""
        target = self.columns["target"][place]
        return int(self.state.funding_flag[target]) if target >= 0 else FundingFlag.NORMAL

    @in_context
    def stored(self, place: int) -> Stored:
        """Return the row, the exact legs and the explanation of an answer."""
        outcome = OUTCOMES[self.columns["outcome"][place]]
        legs = expand(task_of(self, place), shelf=self.counter.shelf) if outcome is Outcome.TRADE else []
        if outcome is Outcome.TRADE and not legs:
            outcome = Outcome.NOTHING_TO_DO
        sums = _sums(legs)
        ends_at = self._expires_at(place)
        case = self._case(place, outcome, sums, ends_at)
        return Stored(self._values(place, sums, case, ends_at), legs)

    def _expires_at(self, place: int) -> datetime:
        is_funding = self.columns["overlay_verdict"][place] == OverlayVerdict.EXTREME_FUNDING
        return expires_at(
            issued_at=self.issued_at,
            regime=self.found.regime,
            is_funding=is_funding,
            next_funding=next_funding_at(self.issued_at) if is_funding else None,
        )

    def _case(self, place: int, outcome: Outcome, sums: Sums, ends_at: datetime) -> Case:
        """Return the numbers that the words speak of."""
        columns = self.columns
        is_owed, horizon, free = self.aims[place]
        destination = columns["destination"][place]
        hedge_margin = sums.hedged / exactly(columns["leverage"][place]) if sums.hedged else ZERO
        return Case._make(
            (
                outcome,
                SPOT_VERDICTS[columns["spot_verdict"][place]],
                OVERLAY_VERDICTS[columns["overlay_verdict"][place]],
                HEDGE_VERDICTS[columns["hedge_verdict"][place]],
                *self.shared,
                is_owed,
                self._name(columns["source"][place]),
                self._name(destination) or self.shared[2],
                *sums,
                *self.numbers[place],
                self._coverage(destination),
                horizon,
                max(hedge_margin - exactly(free), ZERO) if hedge_margin else ZERO,
                self.resolved,
                (ends_at - self.issued_at).total_seconds() / 3600.0,
                self.funding_flag(place) == FundingFlag.HOT,
                self.books.unpriced.get(self.rows[place], ()),
                self.books.stale.get(self.rows[place], ()),
            )
        )

    def _name(self, column: int) -> str:
        """Return a sector's name, nothing for none."""
        return self.reference.sectors[column].name if column >= 0 else ""

    def _sector_id(self, column: int) -> int | None:
        """Return a column's sector id."""
        return self.reference.sectors[column].pk if column >= 0 else None

    def _coverage(self, column: int) -> float:
        """Return how much of a sector's weights fresh data carried; of the base where there is no destination."""
        known = column if column >= 0 else self.reference.columns.get(self.found.day.stage.base_id, -1)
        return float(self.state.coverage[known]) if known >= 0 else 0.0

    def _options(self, place: int, sums: Sums) -> str:
        """Return what the optional hedges on the sector that an ignition sells are made of, as JSON (I-07)."""
        if not (self.offerable[place] and sums.moved):
            return "null"
        row, source = self.rows[place], self.columns["source"][place]
        sold, batch = self.columns["sell"][place][source], self.books.batch
        left = float(batch.stable[row]) - (0.0 if batch.carves[row] else float(sums.margin))
        kept = float(batch.spot[row, source]) - sold
        return f'{{"stables_usd": "{left:.2f}", "kept_usd": "{kept:.2f}", "sold_usd": "{sold:.2f}"}}'

    def _market_reasons(self, place: int) -> tuple[str, str]:
        """Return what the market says for and against a move, worked out and written once a pair of sectors."""
        pair = (self.columns["source"][place], self.columns["destination"][place])
        if pair not in self.reasons:
            source, destination = map(self._name, pair)
            found = market_reasons(self.found.story, source=source, destination=destination)
            self.reasons[pair] = (", ".join(map(_quoted, found[0])), ", ".join(map(_quoted, found[1])))
        return self.reasons[pair]

    def _values(self, place: int, sums: Sums, case: Case, ends_at: datetime) -> tuple[Any, ...]:
        """Return the stored values in the order of RECOMMENDATION_FIELDS."""
        row, columns, day = self.rows[place], self.columns, self.found.day
        owner, policy = self.books.owners[row], self.books.policies[row]
        is_trade = case.outcome is Outcome.TRADE
        reasons, against = self._market_reasons(place)
        words = explained(case, reasons=(), against=())
        return (
            owner.portfolio_id,
            self.found.evidence_id,
            self.found.slot,
            ISSUED if is_trade else REFUSED,
            _kind(case),
            "" if is_trade else case.outcome.name,
            case.stage,
            day.stage.since,
            self.found.regime,
            day.stage.leader_id,
            self._sector_id(columns["source"][place]),
            self._sector_id(columns["destination"][place]),
            sums.moved,
            sums.cost,
            _finite(case.hurdle),
            _finite(case.alpha),
            _finite(case.z_now),
            min(case.z_needed, Z_SHOWN_MAX),
            case.confidence,
            case.coverage,
            sums.risk,
            policy.version,
            owner.ledger_version,
            _written(words, case, reasons=reasons, against=against, options=self._options(place, sums)),
            self.issued_at,
            ends_at,
            None,
            "",
        )


def _finite(value: float) -> float:
    """Return a number as it is stored: an unknown one as 0, its refusal says why."""
    return value if math.isfinite(value) else 0.0


def _sums(legs: Sequence[Leg]) -> Sums:
    """Add up the legs."""
    by_action = dict.fromkeys(ACTIONS, ZERO)
    cost = risk = margin = ZERO
    for leg in legs:
        by_action[leg.action] += leg.notional
        cost += leg.fee + leg.slippage
        if leg.margin:
            margin += leg.margin
            risk += leg.risk
    sold, bought, opened, reduced, trimmed, closed, hedged, unhedged = by_action.values()
    return Sums(sold or bought, opened, closed + reduced + trimmed, hedged, unhedged, cost, risk, margin)


def _kind(case: Case) -> str:
    """Return what moved the engine: a stage that is owed, futures that only come down, else drift."""
    if case.is_owed:
        return STAGE
    only_cuts = not (case.moved or case.opened or case.hedged) and (case.closed or case.unhedged)
    return RISK if only_cuts else DRIFT


def _written(words: Explanation, case: Case, *, reasons: str, against: str, options: str) -> str:
    """Return the explanation as JSON text: the sections in order, then the codes and numbers behind them.

    `reasons` and `against` are the market's, written once a pair of sectors; `words` hold only the row's own.
    """
    own, supports = (", ".join(map(_quoted, each)) for each in (words.against, words.reasons))
    return (
        f'{{"headline": {_quoted(words.headline)}, "for": [{supports}{", " if supports and reasons else ""}{reasons}], '
        f'"against": [{own}{", " if own and against else ""}{against}], "need": {_quoted(words.need)}, '
        f'"costs": {_quoted(words.costs)}, "risk": {_quoted(words.risk)}, '
        f'"confidence": {_quoted(words.confidence)}, "life": {_quoted(words.life)}, '
        f'"otherwise": {_quoted(words.otherwise)}, "options": {options}, '
        f'"codes": {{"spot": "{case.spot.name}", "overlay": "{case.overlay.name}", "hedge": "{case.hedge.name}"}}, '
        f'"numbers": {{"needed_alpha": {case.needed:.10f}, "wanted_spot_usd": "{case.wanted_spot:.2f}", '
        f'"wanted_overlay_usd": "{case.wanted_overlay:.2f}", "spot_risk_usd": "{case.spot_risk:.2f}", '
        f'"equity_usd": "{case.equity:.2f}", "margin_usd": "{case.margin:f}", "stop": {case.stop:.10f}, '
        f'"resolved": {case.resolved}, "is_reachable": {"true" if case.z_needed <= REACHABLE_Z else "false"}}}}}'
    )
