"""Turn a refusal of the services into a problem that names the field."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.settings import api_settings

from journal.services.rotations import Draft, DraftLeg, DraftRefused
from portfolio.api.conditional import Conflict
from portfolio.domain.money import Refusal
from portfolio.domain.outcomes import FeeExceedsTrade, LedgerError, Oversold
from portfolio.models import Portfolio
from portfolio.services.entries import BadMoment, KeyReused
from signals.models import RecommendationLeg
from signals.services.outcomes import RecommendationClosedError

SELLS = RecommendationLeg.Action.SELL_SPOT
REFUSALS = (Refusal, RecommendationClosedError)


def of_draft(refusal: Exception, *, portfolio: Portfolio, draft: Draft) -> APIException:
    """Return the problem of a rotation that cannot be logged; an amount that does not fit is named by its leg."""
    if isinstance(refusal, KeyReused):
        return Conflict(str(refusal))
    return _invalid(_field(refusal, portfolio, draft), refusal)


def of_deed(refusal: Exception) -> APIException:
    """Return the problem of a reversal or a pass: a field left out, or a conflict with what there is."""
    if isinstance(refusal, DraftRefused):
        return _invalid(refusal.field, refusal)
    return Conflict(str(refusal))


def _invalid(field: str, refusal: Exception) -> ValidationError:
    """Name the field; the code is the refusal's own name."""
    code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(refusal).__name__).lower()
    return ValidationError({field: [str(refusal)]}, code=code)


def _field(refusal: Exception, portfolio: Portfolio, draft: Draft) -> str:
    if isinstance(refusal, DraftRefused):
        return refusal.field
    if isinstance(refusal, BadMoment):
        return "executed_at"
    place = _place(refusal, portfolio, draft)
    if place is None:
        return "legs" if draft.legs else api_settings.NON_FIELD_ERRORS_KEY
    return f"legs.{place}.{'fee_amount' if isinstance(refusal, FeeExceedsTrade) else 'quantity'}"


def _place(refusal: Exception, portfolio: Portfolio, draft: Draft) -> int | None:
    """Return which leg does not fit: the fill that failed, else the last leg that needs the asset."""
    if not isinstance(refusal, LedgerError):
        return None
    place = refusal.event.sequence - portfolio.ledger_version - 1
    if 0 <= place < len(draft.legs) and refusal.event.executed_at == draft.executed_at:
        return place
    return _last_needing(refusal.asset, portfolio, draft.legs) if isinstance(refusal, Oversold) else None


def _last_needing(asset: str, portfolio: Portfolio, legs: Sequence[DraftLeg]) -> int | None:
    """Return the last leg that sells an asset; what the reserve lacks belongs to the last leg that spends it."""
    sells = [n for n, leg in enumerate(legs) if leg.action == SELLS and leg.instrument.asset.symbol == asset]
    is_cash = asset == portfolio.reserve_asset.symbol
    spends = [n for n, leg in enumerate(legs) if is_cash and leg.action != SELLS]
    return next(iter([*reversed(sells), *reversed(spends)]), None)
