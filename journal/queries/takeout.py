"""Hand a person everything that is theirs, table by table: whatever hangs on them or on their portfolios."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.db.models import BinaryField, Field, ForeignKey, Model, Q

from accounts.models import User
from journal.models import Picture
from signals.fields import SealedField

APPS = ("portfolio", "signals", "journal")
LABELS = {
    "portfolio.Asset": "symbol",
    "portfolio.Venue": "slug",
    "portfolio.Sector": "slug",
    "portfolio.Market": "slug",
}
INSTRUMENT = "portfolio.Instrument"
OF_INSTRUMENT = {"asset": "asset__symbol", "kind": "kind", "venue": "venue__slug", "expires_at": "expires_at"}
"""What is not a person's own is called by its name, so that a file can be read without this instance."""

LEFT_OUT = {"portfolio.Checkpoint"}
"""The ledger folded up for the machine's own use: the same as the entries, and nothing to read."""

SECRET = re.compile(r"secret|password|token|digest|sealed|cipher")
DEEPEST = 4
CHUNK = 2000
ABOUT_ME = ("email", "time_zone", "theme", "experience", "has_overlay", "date_joined")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One table of a person's own: its columns as they are named in a file, and the fields they are read from."""

    name: str
    title: str
    model: type[Model]
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    owners: tuple[str, ...]


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every table that hangs on a person, by its name in files; a new model is among them by itself."""
    found = {}
    for model in apps.get_models():
        paths = _paths(model, DEEPEST) if model._meta.app_label in APPS else ()
        if paths and model._meta.label not in LEFT_OUT:
            kind = _kind(model, paths)
            found[kind.name] = kind
    return dict(sorted(found.items()))


def rows_of(kind: Kind, *, user: User) -> Iterator[Sequence[Any]]:
    """Return a person's own rows of one table, oldest first, a few thousand at a time. One query."""
    mine = Q()
    for path in kind.owners:
        mine |= Q(**{path: user.pk})
    rows = kind.model._default_manager.filter(mine).order_by("pk")
    return rows.values_list(*kind.fields).iterator(chunk_size=CHUNK)


def about(user: User) -> dict[str, Any]:
    """Return what a person set about themselves."""
    return {name: getattr(user, name) for name in ABOUT_ME}


def pictures_of(*, user: User) -> Iterator[tuple[int, bytes]]:
    """Return a person's own pictures, one after another. One query."""
    mine = Q(rotation__portfolio__owner=user.pk) | Q(plan__portfolio__owner=user.pk)
    rows = Picture.objects.filter(mine).order_by("pk").values_list("pk", "data")
    for pk, data in rows.iterator(chunk_size=1):
        yield pk, bytes(data)


def _kind(model: type[Model], paths: tuple[str, ...]) -> Kind:
    shown = [field for field in model._meta.concrete_fields if not _is_hidden(field)]
    named = [pair for field in shown for pair in _named(field)]
    name = _plural(str(model._meta.verbose_name))
    return Kind(
        name=name.replace(" ", "_"),
        title=name.capitalize(),
        model=model,
        columns=tuple(column for column, _ in named),
        fields=tuple(path for _, path in named),
        owners=paths,
    )


def _is_hidden(field: Field[Any, Any]) -> bool:
    return isinstance(field, BinaryField | SealedField) or bool(SECRET.search(field.name))


def _plural(name: str) -> str:
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"


def _named(field: Field[Any, Any]) -> list[tuple[str, str]]:
    """Return columns and where they are read: what is no person's own by its name, all else by its number."""
    label = field.related_model._meta.label if isinstance(field.related_model, type) else ""
    if label == INSTRUMENT:
        return [(f"{field.name}_{name}", f"{field.name}__{path}") for name, path in OF_INSTRUMENT.items()]
    if label in LABELS:
        return [(field.name, f"{field.name}__{LABELS[label]}")]
    return [(field.attname, field.attname)]


def _paths(model: type[Model], depth: int) -> tuple[str, ...]:
    """Return the ways from a row to its owner: the shortest that is always there, else each that may be."""
    links = [field for field in model._meta.concrete_fields if isinstance(field, ForeignKey)]
    direct = [f"{field.name}" for field in links if field.related_model is User]
    if direct or not depth:
        return tuple(direct) if any(not field.null for field in links if field.related_model is User) else ()
    always = [path for field in links if not field.null for path in _through(field, depth)]
    if always:
        return (min(always, key=lambda path: (path.count("__"), path)),)
    return tuple(path for field in links for path in _through(field, depth)[:1])


def _through(field: ForeignKey[Any, Any], depth: int) -> tuple[str, ...]:
    target = field.related_model
    if not isinstance(target, type) or target._meta.app_label not in APPS or target is field.model:
        return ()
    return tuple(f"{field.name}__{path}" for path in _paths(target, depth - 1))
