"""Read hledger's journals: amounts with lots, prices and assertions, and what is left out of a transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from tests.portfolio.cases.reading import Unread

_NUMBER = r"[-+]?\d(?:[\d.,]*\d)?\.?"
_SYMBOL = r'(?:"[^"]+"|[^\s\d."{}()\[\]@=;,*+-]+)'
_AMOUNT = re.compile(
    rf"\s*(?:(?P<sign>[-+]?)\s*(?P<left>{_SYMBOL})\s*(?P<after>{_NUMBER})|(?P<before>{_NUMBER})\s*(?P<right>{_SYMBOL})?)"
)
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}")


@dataclass(frozen=True, kw_only=True)
class Money:
    """Hold a quantity of a commodity, and how many digits after the point were written."""

    quantity: Decimal
    commodity: str
    digits: int = 0


@dataclass(frozen=True, kw_only=True)
class LotName:
    """Hold what a lot is named by: any of its date, label and cost."""

    date: str | None = None
    label: str | None = None
    cost: Money | None = None
    is_total: bool = False


@dataclass(frozen=True, kw_only=True)
class Posting:
    """Hold one line of a transaction."""

    account: str
    amount: Money | None
    lot: LotName | None = None
    price: Money | None = None
    is_total_price: bool = False
    balance: Money | None = None
    has_lot_account: bool = False
    tags: str = ""

    @property
    def units(self) -> Decimal:
        """Return the quantity, zero where it is left out."""
        return self.amount.quantity if self.amount else Decimal(0)

    @property
    def commodity(self) -> str:
        """Return the commodity, nothing where the amount is left out."""
        return self.amount.commodity if self.amount else ""

    def worth(self) -> Decimal | None:
        """Return what the posting is worth at its price."""
        if self.price is None:
            return None
        return abs(self.price.quantity) if self.is_total_price else abs(self.units) * self.price.quantity


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """Hold a transaction."""

    date: str
    description: str
    postings: Sequence[Posting] = field(default_factory=tuple)


def read_number(text: str) -> tuple[Decimal, int]:
    """Read a number whose point may be a comma, and its digits after the point."""
    if "," in text and "." not in text and not re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+", text):
        text = text.replace(",", ".")
    text = text.replace(",", "")
    return Decimal(text), len(text.partition(".")[2])


def read_money(text: str) -> tuple[Money, str]:
    """Read an amount at the start of a text, and give the rest."""
    match = _AMOUNT.match(text)
    if match is None:
        raise Unread(f"The amount {text!r} cannot be read.")
    quantity, digits = read_number(match["after"] or match["before"])
    if match["sign"] == "-":
        quantity = -quantity
    commodity = (match["left"] or match["right"] or "").strip('"')
    return Money(quantity=quantity, commodity=commodity, digits=digits), text[match.end() :]


def read_posting(account: str, text: str | None) -> Posting:
    """Read a posting: its account may end in a lot, its amount may have a lot, a price and a balance."""
    base, named = split_account(account)
    posting = Posting(account=base, amount=None, lot=named, has_lot_account=named is not None)
    body, _, comment = (text or "").partition(";")
    rest = body.strip()
    if rest and not rest.startswith("="):
        amount, rest = read_money(rest)
        posting = replace(posting, amount=amount)
    posting = replace(posting, tags=comment.strip())
    while rest := rest.strip():
        posting, rest = _read_part(posting, rest)
    return posting


def _read_part(posting: Posting, rest: str) -> tuple[Posting, str]:
    """Read one of what may follow an amount."""
    if match := re.match(r"\{(\{?)([^{}]*)\}\}?", rest):
        named = replace(read_lot(match[2]), is_total=bool(match[1]))
        return replace(posting, lot=_joined(posting.lot, named)), rest[match.end() :]
    if match := re.match(rf"\[({_DATE.pattern})\]", rest):
        return replace(posting, lot=_joined(posting.lot, LotName(date=match[1]))), rest[match.end() :]
    if match := re.match(r"\(([^()]*)\)", rest):
        return replace(posting, lot=_joined(posting.lot, LotName(label=match[1]))), rest[match.end() :]
    if match := re.match(r"@@?", rest):
        price, rest = read_money(rest[match.end() :])
        return replace(posting, price=price, is_total_price=match[0] == "@@"), rest
    if match := re.match(r"==?\*?", rest):
        balance, rest = read_money(rest[match.end() :])
        return replace(posting, balance=balance), rest
    raise Unread(f"{rest!r} after an amount cannot be read.")


def _joined(one: LotName | None, other: LotName) -> LotName:
    """Join what an account and an amount name a lot by."""
    if one is None:
        return other
    return LotName(
        date=one.date or other.date,
        label=one.label or other.label,
        cost=one.cost or other.cost,
        is_total=one.is_total or other.is_total,
    )


def read_lot(text: str) -> LotName:
    """Read a lot's name: a date, a label in quotes and a cost, each of which may be left out."""
    name = LotName()
    for part in re.findall(r'(?:"[^"]*"|[^",]|,(?! ))+', text):
        word = part.strip()
        if _DATE.fullmatch(word):
            name = replace(name, date=re.sub("[/.]", "-", word))
        elif re.fullmatch(r'"[^"]*"', word):
            name = replace(name, label=word.strip('"'))
        elif word:
            cost, rest = read_money(word)
            if rest.strip():
                raise Unread(f"The lot {text!r} cannot be read.")
            name = replace(name, cost=cost)
    return name


def split_account(account: str) -> tuple[str, LotName | None]:
    """Split a lot from the account it is written below."""
    match = re.fullmatch(r"(.+?):\{(.*)\}", account)
    return (match[1], read_lot(match[2])) if match else (account, None)


def transactions(journal: Mapping[str, Any]) -> list[Transaction]:
    """Read the transactions of a journal, in the order of their dates."""
    read = [
        Transaction(
            date=re.sub("[/.]", "-", one["date"]),
            description=one["description"],
            postings=[read_posting(line["account"], line["amount"]) for line in one["postings"]],
        )
        for one in journal["transactions"]
    ]
    return sorted(read, key=lambda one: one.date)


def printed(lines: Iterable[str]) -> Iterator[Transaction]:
    """Read transactions that hledger printed."""
    head, postings = None, []
    for line in lines:
        if match := re.match(rf"({_DATE.pattern})\s*(.*)", line):
            if head:
                yield Transaction(date=head[0], description=head[1], postings=postings)
            head, postings = (match[1], match[2].partition(";")[0].strip()), []
        elif line.startswith(" ") and line.strip() and not line.strip().startswith(";"):
            account, _, amount = line.strip().partition("  ")
            postings.append(read_posting(account, amount.strip() or None))
    if head:
        yield Transaction(date=head[0], description=head[1], postings=postings)
