"""Hold everything the signals are computed from: daily prices, readings and events of one market (DOMAIN 0, 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from signals.domain.arrays import Bools, Codes, Floats, Instants, Ints
from signals.domain.params import Params

TVL = "tvl"
STABLECOINS = "stablecoins"
DEX_VOLUME = "dex_volume"
FEAR_GREED = "fear_greed"
FUNDING = "funding"
OPEN_INTEREST = "open_interest"
L2_SHARE = "l2_share"
MARKET_WIDE = ""

_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class SectorProfile:
    """Describe one sector: which weights apply, and how defensive it is (the most defensive one is the base)."""

    slug: str
    profile: str
    defensiveness: float


@dataclass(frozen=True, slots=True)
class ReadingSeries:
    """Hold the versions of one reading: what each describes, when it was had, its value, and from whom it is."""

    observed_at: Instants
    ingested_at: Instants
    values: Floats
    source: str = ""

    def known_at(self, moment: np.datetime64) -> ReadingSeries:
        """Return what was known at a moment."""
        keep = self.ingested_at <= moment
        return ReadingSeries(self.observed_at[keep], self.ingested_at[keep], self.values[keep], self.source)


@dataclass(frozen=True, slots=True)
class Rulings:
    """Hold V verdicts as columns, in order of time: about which event, from when on, how sure (0 refutes)."""

    event: Ints
    given_at: Instants
    confidence: Floats

    def __len__(self) -> int:
        """Count the verdicts."""
        return len(self.event)

    def known_at(self, moment: np.datetime64, *, kept: Ints) -> Rulings:
        """Return what had been ruled at a moment, about the events kept, under their new numbers."""
        number = {int(event): place for place, event in enumerate(kept)}
        rows = [v for v in range(len(self)) if self.given_at[v] <= moment and int(self.event[v]) in number]
        return Rulings(
            np.array([number[int(self.event[v])] for v in rows], np.int64), self.given_at[rows], self.confidence[rows]
        )


NO_RULINGS = Rulings(np.zeros(0, np.int64), np.zeros(0, "datetime64[us]"), np.zeros(0))


@dataclass(frozen=True, slots=True)
class EventTable:
    """Hold E events as columns; `sectors` [E, K] tells whom each concerns, NaT stands for not (yet).

    An event counts from the later of `published_at` and `first_seen_at` to `refuted_at`; the confidence of a rumour
    is capped until `verified_at` (DOMAIN 2.3, F27). A verdict rules from its moment on; `is_repeat` [E] marks what
    only tells an event again.
    """

    ids: tuple[str, ...]
    types: tuple[str, ...]
    polarity: Floats
    magnitude: Floats
    confidence: Floats
    published_at: Instants
    first_seen_at: Instants
    verified_at: Instants
    refuted_at: Instants
    sectors: Bools
    rulings: Rulings = NO_RULINGS
    is_repeat: Bools | None = None

    def __len__(self) -> int:
        """Count the events."""
        return len(self.ids)

    @property
    def known_from(self) -> Instants:
        """Return from when each event could be read."""
        return np.maximum(self.published_at, self.first_seen_at)

    def known_at(self, moment: np.datetime64) -> EventTable:
        """Return what was known at a moment; later refutations and verifications had not happened."""
        keep = np.flatnonzero(self.known_from <= moment)
        return EventTable(
            ids=tuple(self.ids[i] for i in keep),
            types=tuple(self.types[i] for i in keep),
            polarity=self.polarity[keep],
            magnitude=self.magnitude[keep],
            confidence=self.confidence[keep],
            published_at=self.published_at[keep],
            first_seen_at=self.first_seen_at[keep],
            verified_at=_until(self.verified_at[keep], moment),
            refuted_at=_until(self.refuted_at[keep], moment),
            sectors=self.sectors[keep],
            rulings=self.rulings.known_at(moment, kept=keep),
            is_repeat=None if self.is_repeat is None else self.is_repeat[keep],
        )


def _until(instants: Instants, moment: np.datetime64) -> Instants:
    """Return the instants with what lies after the moment taken away."""
    return np.where(instants <= moment, instants, np.datetime64("NaT"))


def no_events(sector_count: int) -> EventTable:
    """Return a table without events."""
    nothing, never = np.zeros(0), np.zeros(0, "datetime64[s]")
    flags = np.zeros((0, sector_count), np.bool_)
    return EventTable((), (), nothing, nothing, nothing, never, never, never, never, flags)


@dataclass(frozen=True, slots=True)
class MarketPanel:
    """Hold one market over T consecutive days, A assets and K sectors. Amounts in USD, NaN where unknown.

    `closes`, `market_caps`, `volumes` are [T, A]; `volume_scopes` [T, A] numbers each volume's scope (0 = unnamed);
    `memberships` [T, A, K] is each asset's share in each sector as of that day. `event_coverage` tells by event type on
    which days [T] someone looked for news (DECISIONS 21). The row dated d closes at d + 1 00:00 UTC.
    """

    dates: Instants
    assets: tuple[str, ...]
    sectors: tuple[SectorProfile, ...]
    closes: Floats
    market_caps: Floats
    volumes: Floats
    volume_scopes: Codes
    memberships: Floats
    is_stable: Bools
    events: EventTable
    readings: Mapping[tuple[str, str], ReadingSeries] = field(default_factory=dict)
    event_coverage: Mapping[str, Bools] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together or days that are not consecutive."""
        days, assets, sectors = len(self.dates), len(self.assets), len(self.sectors)
        for name in ("closes", "market_caps", "volumes", "volume_scopes"):
            if getattr(self, name).shape != (days, assets):
                raise ValueError(f"{name} has the shape {getattr(self, name).shape}, expected {(days, assets)}.")
        if self.memberships.shape != (days, assets, sectors):
            raise ValueError(f"memberships has the shape {self.memberships.shape}.")
        if days > 1 and not np.all(np.diff(self.dates) == _DAY):
            raise ValueError("The days of a panel follow one another without a gap.")

    def __len__(self) -> int:
        """Count the days."""
        return len(self.dates)

    @property
    def slugs(self) -> tuple[str, ...]:
        """Return the sectors' names in column order."""
        return tuple(sector.slug for sector in self.sectors)

    @property
    def base(self) -> int:
        """Return the column of the most defensive sector."""
        return int(np.argmax([sector.defensiveness for sector in self.sectors]))

    def position(self, asset: str) -> int | None:
        """Return an asset's column, None where the panel lacks it."""
        return self.assets.index(asset) if asset in self.assets else None

    def close_of(self, asset: str) -> Floats:
        """Return an asset's closes, NaN throughout where the panel lacks it."""
        column = self.position(asset)
        return np.full(len(self), np.nan) if column is None else self.closes[:, column]

    def decision_times(self, params: Params) -> Instants:
        """Return when each day is decided: shortly after its close (DOMAIN 6.1, DECISIONS 34)."""
        return decision_times(self.dates, params)

    def known_on(self, day: np.datetime64, *, params: Params) -> MarketPanel:
        """Return the panel as it stood when `day` was decided: nothing dated or ingested later is left."""
        count = int(np.searchsorted(self.dates, day, side="right"))
        moment = self.decision_times(params)[count - 1]
        return replace(
            self,
            dates=self.dates[:count],
            closes=self.closes[:count],
            market_caps=self.market_caps[:count],
            volumes=self.volumes[:count],
            volume_scopes=self.volume_scopes[:count],
            memberships=self.memberships[:count],
            events=self.events.known_at(moment),
            readings={key: series.known_at(moment) for key, series in self.readings.items()},
            event_coverage={kind: days[:count] for kind, days in self.event_coverage.items()},
        )


def decision_times(dates: Instants, params: Params) -> Instants:
    """Return when days are decided: shortly after their close at the next midnight (DOMAIN 6.1, DECISIONS 34)."""
    delay = np.timedelta64(86400 + 60 * params.decision_delay_minutes, "s")
    return np.asarray(dates.astype("datetime64[s]") + delay, "datetime64[s]")


def member_columns(panel: MarketPanel, sector: int) -> Ints:
    """Return the columns of the assets that were ever members of a sector."""
    return np.flatnonzero(np.any(panel.memberships[:, :, sector] > 0, axis=0))
