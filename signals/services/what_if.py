"""Answer "what if" for one portfolio: the same engine on changed inputs. Nothing is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from portfolio.models import Instrument, Sector
from signals.domain.batch import StageCode
from signals.domain.costs import FeeRateError
from signals.domain.engine import decide
from signals.domain.shelf import Shelf, exactly
from signals.domain.venue_costs import (
    TakerRates,
    Turnover,
    VenueCost,
    rates_after,
    turnover_of,
    venue_costs,
)
from signals.domain.what_if import Bounds, Changes, ChangesError, bounds_of, changed, faults_of
from signals.models import Recommendation, RecommendationLeg, StageDay
from signals.queries.books import Books, on_stage
from signals.queries.reference import Counter, Reference
from signals.queries.situation import Situation, market_state
from signals.queries.what_if import Ground, VenueTerms
from signals.services.answers import RECOMMENDATION_FIELDS, Desk, Stored
from signals.services.recommend import LEG_FIELDS

DEFENSIVE = (StageCode.PR, StageCode.RE)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Hold one answer, worked out and not stored, with the desk that gave it and what could have been asked."""

    changes: Changes
    ground: Ground
    venue: VenueTerms
    bounds: Bounds
    desk: Desk
    stored: Stored

    @property
    def values(self) -> dict[str, Any]:
        """Return what `recommend` would have stored, by column."""
        return dict(zip(RECOMMENDATION_FIELDS, self.stored.values, strict=True))


class Row(NamedTuple):
    """Hold an answer as the rows it would have been, unsaved: a page and a serializer read them like stored ones."""

    recommendation: Recommendation
    legs: list[RecommendationLeg]


class VenueLine(NamedTuple):
    """Hold a venue, what an answer's legs cost there, and the instruments they need that it does not list."""

    venue: VenueTerms
    cost: VenueCost
    lacks: list[str]


def ask_what_if(*, ground: Ground, changes: Changes | None = None) -> WhatIf:
    """Return what the engine answers with these inputs; without changes, what `recommend` stores for the slot.

    At most one query. Raises `ChangesError` where an input is out of bounds.
    """
    asked = changes or Changes()
    shared = ground.market.reference
    found, read = _staged(ground, asked)
    venue = _venue(ground, asked.venue)
    counter = _counter(shared, venue, asked)
    bounds = bounds_of(read.batch)
    if faults := faults_of(asked, bounds):
        raise ChangesError(faults)
    rates = TakerRates(counter.spot_rate, counter.perp_rate)
    read = replace(_at_venue(read, venue), batch=changed(read.batch, asked, rates=rates))
    state = market_state(found, reference=shared, counter=counter)
    desk = Desk(
        reference=shared,
        found=found,
        counter=counter,
        state=state,
        books=read,
        rows=[0],
        decision=decide(read.batch.take([0]), state),
        resolved=ground.market.resolved,
        issued_at=shared.moment,
    )
    return WhatIf(asked, ground, venue, bounds, desk, desk.stored(0))


def as_rows(answers: Sequence[WhatIf]) -> list[Row]:
    """Return answers as rows, in their order. At most one query."""
    legs = [leg for answer in answers for leg in answer.stored.legs]
    listed = Instrument.objects.select_related("asset", "venue").in_bulk({leg.instrument_id for leg in legs})
    return [_row(answer, listed) for answer in answers]


def venue_lines(answer: WhatIf, *, legs: Sequence[RecommendationLeg]) -> list[VenueLine]:
    """Return what an answer's legs cost at every venue; of a refusal, what its stage asked for (DOMAIN F60, E34).

    The person's discounts count at the venue that the question is about.
    """
    counters = answer.ground.market.reference.counters
    offered = {terms.slug: (terms, counters[terms.pk]) for terms in answer.ground.market.venues if terms.pk in counters}
    costs = venue_costs(
        turnover(answer),
        venues={slug: TakerRates(counter.spot_rate, counter.perp_rate) for slug, (_, counter) in offered.items()},
        discounts={answer.venue.slug: answer.changes.discounts},
        moment=answer.ground.market.reference.moment,
    )
    return [VenueLine(offered[c.venue][0], c, _lacks(legs, offered[c.venue][1].shelf)) for c in costs]


def turnover(answer: WhatIf) -> Turnover:
    """Return what fees are charged on; where nothing trades, what the stage asked for, sold and bought."""
    if answer.stored.legs:
        counter = answer.desk.counter
        return turnover_of(answer.stored.legs, rates=TakerRates(counter.spot_rate, counter.perp_rate))
    spot, futures = (exactly(answer.desk.columns[name][0]) for name in ("wanted_spot", "wanted_overlay"))
    return Turnover(spot * 2, futures)


def _lacks(legs: Sequence[RecommendationLeg], shelf: Shelf) -> list[str]:
    """Return which of the legs' instruments a venue does not list."""
    found = {}
    for leg in legs:
        is_spot = leg.instrument.kind == Instrument.Kind.SPOT
        if leg.instrument.asset_id not in (shelf.spot if is_spot else shelf.perp):
            found[f"{leg.instrument.asset.symbol}{'' if is_spot else ' perp'}"] = True
    return list(found)


def _staged(ground: Ground, changes: Changes) -> tuple[Situation, Books]:
    """Return the market on the stage that is asked about, and the portfolio under that stage's rules."""
    found, shared = ground.market.found, ground.market.reference
    today = found.day.stage
    if changes.stage is not None and changes.stage not in StageCode.__members__:
        raise ChangesError({"stage": f"Give one of {', '.join(StageCode.__members__)}."})
    stage = StageCode[changes.stage or today.stage]
    leader = _leader(found, shared, stage, changes.leader)
    leader_id = None if leader is None else leader.pk
    if (stage, leader_id) == (found.stage, today.leader_id):
        return found, ground.books
    begun = StageDay(market_id=today.market_id, date=today.date, since=today.date, stage=stage.name, base=today.base)
    begun.leader = leader
    moved = replace(found, day=replace(found.day, stage=begun))
    return moved, on_stage(ground.books, span=ground.span, reference=shared, found=moved)


def _leader(found: Situation, shared: Reference, stage: StageCode, slug: str | None) -> Sector | None:
    """Return who leads: the one asked for, today's, else the strongest narrative beside the base (DOMAIN 3.3)."""
    today = found.day.stage
    if slug is not None:
        return _asked_leader(found, shared, stage, slug)
    if stage == found.stage:
        return today.leader
    if stage == StageCode.SC:
        return None
    if today.leader is not None and not (stage in DEFENSIVE and today.leader_id == today.base_id):
        return today.leader
    scores = {slug: score.value for slug, score in found.day.scores.items() if not score.is_hidden}
    others = [sector for sector in shared.sectors if sector.pk != today.base_id]
    return max(others, key=lambda sector: scores.get(sector.slug, -1.0), default=None)


def _asked_leader(found: Situation, shared: Reference, stage: StageCode, slug: str) -> Sector:
    """Return the narrative that is to lead, where it can."""
    sector = next((sector for sector in shared.sectors if sector.slug == slug), None)
    if sector is None:
        raise ChangesError({"leader": f"Give one of {', '.join(sector.slug for sector in shared.sectors)}."})
    if stage == StageCode.SC:
        raise ChangesError({"leader": "Nothing leads in a stable consolidation: leave this empty."})
    if stage in DEFENSIVE and sector.pk == found.day.stage.base_id:
        raise ChangesError({"leader": f"{sector.name} is the base here: another narrative has to lead."})
    return sector


def _venue(ground: Ground, slug: str | None) -> VenueTerms:
    """Return the venue that is asked about, else the portfolio's own."""
    own = ground.books.owners[0].venue_id
    venues = ground.market.venues
    found = next((terms for terms in venues if (terms.pk == own if slug is None else terms.slug == slug)), None)
    if found is None or found.pk not in ground.market.reference.counters:
        raise ChangesError({"venue": f"Give one of {', '.join(terms.slug for terms in venues)}."})
    return found


def _counter(shared: Reference, venue: VenueTerms, changes: Changes) -> Counter:
    """Return what a venue offers, its rates less the person's discounts (DOMAIN 3.6)."""
    counter = shared.counters[venue.pk]
    if changes.spot_discount is None and changes.futures_discount is None:
        return counter
    listed = TakerRates(counter.spot_rate, counter.perp_rate)
    try:
        rates = rates_after(listed, changes.discounts, moment=shared.moment)
    except FeeRateError as error:
        raise ChangesError({"venue": str(error)}) from error
    return replace(counter, spot_rate=rates.spot, perp_rate=rates.futures)


def _at_venue(read: Books, venue: VenueTerms) -> Books:
    """Return books as if all that is held lay at the venue asked about; at the portfolio's own, as they are."""
    if venue.pk == read.owners[0].venue_id:
        return read
    rows = [(portfolio, venue.pk, *rest) for portfolio, _, *rest in read.held.rows]
    return replace(read, held=replace(read.held, rows=rows))


def _row(answer: WhatIf, listed: Mapping[int, Instrument]) -> Row:
    """Return one answer as rows, with the sectors and instruments they point to."""
    shared, today = answer.desk.reference, answer.desk.found.day.stage
    sectors = shared.known_sectors
    values = {**answer.values, "explanation": json.loads(answer.values["explanation"])}
    row = Recommendation(**values)
    row.portfolio, row.leader = answer.ground.portfolio, today.leader
    row.source_sector = sectors.get(values["source_sector_id"])
    row.destination_sector = sectors.get(values["destination_sector_id"])
    columns = [*(sector.pk for sector in shared.sectors), shared.core_sector_id]
    legs = []
    for leg in answer.stored.legs:
        stored = (None, *leg[:3], columns[leg.column], *leg[4:], True)
        built = RecommendationLeg(**dict(zip(LEG_FIELDS, stored, strict=True)))
        built.instrument = listed[leg.instrument_id]
        built.sector = sectors[columns[leg.column] or 0]
        legs.append(built)
    return Row(row, legs)
