"""Fill a database with a market on the day of an ignition and as many portfolios as are asked for; run as a program."""

from __future__ import annotations

import os
import sys

import django

from benchmarks.recommend import NOW, market_in_ignition, open_books


def main(count: int) -> None:
    """Fill the database that DATABASE_URL names; print the owner's token."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    from accounts.models import ApiToken, User
    from portfolio.models import Market

    call_command("migrate", verbosity=0)
    market = market_in_ignition()
    open_books(market, count)
    Market.objects.update(as_of=NOW, is_simulated=False)
    scopes = [scope.value for scope in ApiToken.Scope]
    print(ApiToken.objects.create(User.objects.get(), name="Faults", scopes=scopes)[1])


if __name__ == "__main__":
    main(int(sys.argv[1]))
