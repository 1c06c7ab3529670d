"""A desk for journeys over real prices: the only place where such a test touches the product beside its pages."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import User
from journal.models import Rotation
from journal.services.reviews import measure_reviews
from portfolio.models import Asset, Instrument, Market, Venue
from portfolio.services.portfolios import Opening, open_portfolio
from tests.api.scene import Caller
from tests.journeys.decisions import OPENING, Decision, Trade, stepped

NOON = timedelta(hours=12)


class Desk:
    """A person with a portfolio of assets of equal worth, in a market of real prices whose clock is set by hand."""

    def __init__(self, owner: User, folder: Path) -> None:
        """Sign in."""
        self.owner, self.folder, self.client, self.portfolio = owner, folder, Client(), 0
        self.client.force_login(owner)
        self.caller = Caller(owner)

    def open(self, history: Path, *, first: date, last: date, assets: list[str]) -> None:
        """Load the closes of some assets over a span, and open a portfolio on its first day."""
        path = self.folder / "daily.csv"
        with (history / "daily.csv").open() as source, path.open("w") as copy:
            rows, writer = csv.DictReader(source), None
            for row in rows:
                writer = writer or csv.DictWriter(copy, row.keys())
                if writer.fieldnames and copy.tell() == 0:
                    writer.writeheader()
                if row["asset"] in assets and first.isoformat() <= row["date"] <= last.isoformat():
                    writer.writerow(row)
        call_command("load_history", str(path), market="history", keep_going=True)
        self.stand_at(first + timedelta(days=1))
        found = Asset.objects.in_bulk([*assets, "USD"], field_name="symbol")
        opened = datetime.combine(first + timedelta(days=1), datetime.min.time(), tzinfo=UTC) + timedelta(minutes=30)
        self.portfolio = open_portfolio(
            owner=self.owner,
            market=Market.objects.get(slug="history"),
            venue=Venue.objects.get(slug="binance"),
            reserve_asset=found["USD"],
            name="Real",
            now=opened,
            holdings=[
                Opening(asset=found["USD"], quantity=Decimal(100_000), cost_usd=Decimal(100_000)),
                *(
                    Opening(asset=found[symbol], quantity=_decimal(self._held(symbol, first)), cost_usd=Decimal(900))
                    for symbol in assets
                ),
            ],
            opened_at=opened,
        ).pk

    def log(self, decision: Decision) -> int:
        """Fill in the ticket as its form stands, and send it; returns the rotation's number."""
        self.stand_at(decision.day + timedelta(days=1))
        page = self.client.get("/journal/new/")
        form = page.context["form"]
        data: dict[str, Any] = {
            "client_key": form["client_key"].value(),
            "thesis": f"Decided on {decision.day}.",
            "conviction": str(float(decision.chance)),
            "executed_at": f"{decision.day}T12:00",
            "legs-TOTAL_FORMS": len(decision.trades),
            "legs-INITIAL_FORMS": 0,
        }
        for number, trade in enumerate(decision.trades):
            data |= {f"legs-{number}-{name}": value for name, value in _leg(trade).items()}
        answer = self.client.post(f"/journal/new/?portfolio={self.portfolio}", data)
        assert answer.status_code == 302, [answer.context["form"].errors, answer.context["rows"].errors]
        return Rotation.objects.latest("pk").pk

    def stand_at(self, day: date) -> None:
        """Set the market's clock to half past midnight of a day: the closes of the day before are in."""
        moment = datetime.combine(day, datetime.min.time(), tzinfo=UTC) + timedelta(minutes=30)
        Market.objects.filter(slug="history").update(as_of=moment)

    def review(self) -> None:
        """Let the worker measure what is due."""
        measure_reviews(now=timezone.now())

    def api(self, path: str) -> Any:
        """Read from the API."""
        answer = self.caller.get(path)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def _held(self, symbol: str, first: date) -> Fraction:
        with (self.folder / "daily.csv").open() as file:
            day = (first + timedelta(days=1)).isoformat()
            close = next(
                row["price_usd"] for row in csv.DictReader(file) if (row["asset"], row["date"]) == (symbol, day)
            )
        return stepped(OPENING / Fraction(close))


def _leg(trade: Trade) -> dict[str, Any]:
    """Write one leg as a person types it."""
    kind = "perp" if trade.action == "OPEN_LONG" else "spot"
    listed = Instrument.objects.plain().filter(venue__slug="binance", asset__symbol=trade.asset, kind=kind)
    typed = {name: f"{_decimal(getattr(trade, name)):f}" for name in ("quantity", "price")}
    typed |= {"fee_amount": f"{_decimal(trade.fee):f}", "action": trade.action}
    if trade.stop is not None:
        typed |= {"leverage": "2", "stop_price": f"{_decimal(trade.stop):f}"}
    return {**typed, "instrument": listed.get().pk}


def _decimal(value: Fraction) -> Decimal:
    """Return a fraction of a power of ten as it is."""
    return Decimal(value.numerator) / Decimal(value.denominator)
