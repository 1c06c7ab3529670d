"""Show and change what is mine: preferences and API tokens."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import PreferencesForm, TokenForm
from accounts.models import ApiToken, User
from accounts.services import TooManyTokens, create_token, revoke_token

THEME_COOKIE = "theme"
YEAR_SECONDS = 365 * 24 * 3600


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """Show my settings; keep my preferences."""
    user = _person(request)
    form = PreferencesForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your settings are saved.")
        response = redirect("accounts:settings")
        response.set_cookie(THEME_COOKIE, user.theme, max_age=YEAR_SECONDS, samesite="Lax", secure=request.is_secure())
        return response
    status = 422 if form.is_bound else 200
    return render(request, "accounts/settings.html", _context(user, form=form), status=status)


@login_required
@require_POST
def new_token(request: HttpRequest) -> HttpResponse:
    """Create a token and show it, this once."""
    user = _person(request)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return render(request, "accounts/settings.html", _context(user, token_form=form), status=422)
    terms = {"name": form.cleaned_data["name"], "scopes": form.cleaned_data["scopes"], "lifetime": form.lifetime}
    try:
        row, text = create_token(user=user, **terms)
    except TooManyTokens as refusal:
        form.add_error(None, str(refusal))
        return render(request, "accounts/settings.html", _context(user, token_form=form), status=422)
    address = request.build_absolute_uri("/api/v1/portfolios/")
    shown = {"new_token": row, "token_text": text, "api_address": address}
    return render(request, "accounts/settings.html", {**_context(user), **shown})


@login_required
@require_POST
def drop_token(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Revoke one of my tokens."""
    token = get_object_or_404(ApiToken, public_id=public_id, user=_person(request))
    revoke_token(token=token)
    messages.success(request, f"{token.name} no longer opens anything.")
    return redirect("accounts:settings")


def _context(user: User, **more: Any) -> dict[str, Any]:
    """Return what the page shows."""
    return {
        "form": PreferencesForm(instance=user),
        "token_form": TokenForm(),
        "tokens": ApiToken.objects.filter(user=user).order_by("-created"),
        "now": timezone.now(),
        **more,
    }


def _person(request: HttpRequest) -> User:
    """Return who is signed in."""
    if not isinstance(request.user, User):
        raise TypeError("login_required comes first")
    return request.user
