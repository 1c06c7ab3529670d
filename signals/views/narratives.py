"""Show the narratives with their members, as of a day; let an administrator add narratives and change shares."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portfolio.models import Market, Sector, SectorMembership
from portfolio.queries.catalogue import priced_markets
from portfolio.views.access import desk_of, person_of
from signals.forms.narratives import NarrativeForm, SharesForm
from signals.queries.indicators import members_of
from signals.queries.market import last_closed
from signals.services.narratives import NarrativeError, add_narrative, set_shares
from signals.views.asked import asked_as_of, chosen_market, seen_from

UNPROCESSABLE = 422
MAY_CHANGE = "portfolio.change_sector"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def narratives(request: HttpRequest) -> HttpResponse:
    """List narratives and who belongs to them; an administrator's POST adds one, or changes an asset's shares."""
    desk = desk_of(request)
    markets = list(priced_markets())
    market = chosen_market(request, desk, markets)
    sectors = list(Sector.objects.filter(kind=Sector.Kind.NARRATIVE))
    context: dict[str, Any] = {**desk.context, "market": market, "markets": markets, "may_change": _may(request)}
    if market is None:
        return render(request, "signals/narratives.html", context)
    asked = asked_as_of(request)
    moment = seen_from(market, asked=asked, now=desk.now)
    named, shared = _forms(request, market, sectors, moment=moment)
    if request.method == "POST" and _is_done(request, market, named, shared):
        return redirect(f"{reverse('signals:narratives')}?market={market.slug}")
    day = last_closed(moment)
    context |= {"asked": asked, "day": day, "rows": _rows(market, sectors, day), "named": named, "shared": shared}
    is_refused = named.is_bound or shared.is_bound
    return render(request, "signals/narratives.html", context, status=UNPROCESSABLE if is_refused else 200)


def _may(request: HttpRequest) -> bool:
    """Return whether a person may change what narratives are: an administrator, as everybody's scores rest on it."""
    person = person_of(request)
    return person.is_staff and person.has_perm(MAY_CHANGE)


def _forms(
    request: HttpRequest, market: Market, sectors: list[Sector], *, moment: Any
) -> tuple[NarrativeForm, SharesForm]:
    """Return both forms, the one that was sent bound."""
    data = request.POST or None
    is_name = "name" in request.POST
    named = NarrativeForm(data if is_name else None)
    shared = SharesForm(None if is_name else data, market=market, narratives=sectors, today=moment.date())
    return named, shared


def _is_done(request: HttpRequest, market: Market, named: NarrativeForm, shared: SharesForm) -> bool:
    """Do what was asked for; a refusal stands beside the field that it is about. Raises PermissionDenied."""
    if not _may(request):
        raise PermissionDenied
    form: forms.Form = named if named.is_bound else shared
    if not form.is_valid():
        return False
    try:
        messages.success(request, _done(market, named, shared))
    except NarrativeError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return False
    return True


def _done(market: Market, named: NarrativeForm, shared: SharesForm) -> str:
    """Add the narrative or change the shares, and say what follows."""
    if named.is_bound:
        sector = add_narrative(**named.cleaned_data)
        return f"{sector.name} is there. It is scored once at least three assets count in it."
    asset, since = shared.cleaned_data["asset"], shared.cleaned_data["since"]
    set_shares(market=market, asset=asset, shares=shared.shares, since=since, now=timezone.now())
    return f"{asset} counts so from {since:%-d %b %Y} on. Days that were scored already are computed anew."


def _rows(market: Market, sectors: list[Sector], day: Any) -> list[dict[str, Any]]:
    """Return each narrative with its members of the day, and in what else each of them counts."""
    found: dict[int, list[SectorMembership]] = defaultdict(list)
    places: dict[int, list[int]] = defaultdict(list)
    for member in members_of(market=market, day=day):
        found[member.sector_id].append(member)
        places[member.asset_id].append(member.sector_id)
    names = {sector.pk: sector.name for sector in sectors}
    return [
        {
            "sector": sector,
            "members": [
                {"it": each, "also": [names[pk] for pk in places[each.asset_id] if pk != sector.pk and pk in names]}
                for each in found[sector.pk]
            ],
        }
        for sector in sectors
    ]
