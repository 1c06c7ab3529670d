"""Draw the simulated market's events: each day and type once, likelier where the story calls for them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from signals.sources.base import EventRow, day_start
from signals.sources.simulated.noise import Floats, uniforms
from signals.sources.simulated.story import ORIGIN, Shape, Story
from signals.sources.simulated.universe import AI, ASSETS, DEFI, members

IMPACT_PER_MAGNITUDE = 0.005
SECONDS_PER_DAY = 86400


class Plot(NamedTuple):
    """One kind of event: its sector, its daily chance along the cycle, its direction, what its titles say."""

    type: str
    sector: str
    direction: int
    chance: Shape
    titles: tuple[str, ...]


def _around(start: float, end: float, *, calm: float, busy: float) -> Shape:
    """Return a chance that is busy between two phases and calm elsewhere."""
    return ((0.0, calm), (start, calm), (start + 0.04, busy), (end - 0.04, busy), (end, calm), (1.0, calm))


PLOTS: tuple[Plot, ...] = (
    Plot("PARTNERSHIP", AI, 1, _around(0.02, 0.36, calm=0.015, busy=0.13),
         ("{asset} and a cloud provider agree on compute", "{asset} joins a robotics consortium",
          "A carmaker picks {asset} for its agents")),
    Plot("TECH_MILESTONE", AI, 1, _around(0.03, 0.38, calm=0.015, busy=0.10),
         ("{asset} ships its new inference network", "{asset} doubles its training throughput")),
    Plot("LISTING", AI, 1, _around(0.15, 0.45, calm=0.008, busy=0.03), ("{asset} is listed on another venue",)),
    Plot("UNLOCK", AI, -1, _around(0.40, 0.60, calm=0.008, busy=0.03), ("{asset} unlocks tokens of early backers",)),
    Plot("REGULATORY", AI, -1, _around(0.44, 0.60, calm=0.003, busy=0.02),
         ("A regulator asks {asset} about its token sale",)),
    Plot("REGULATORY", DEFI, 1, _around(0.56, 0.84, calm=0.008, busy=0.06),
         ("Lawmakers draft a safe harbour that covers {asset}", "A court finds {asset} is not a security")),
    Plot("REGULATORY", DEFI, -1, _around(0.20, 0.52, calm=0.004, busy=0.03),
         ("A regulator sends {asset} a notice",)),
    Plot("L2_MILESTONE", DEFI, 1, _around(0.52, 0.80, calm=0.01, busy=0.05),
         ("{asset} moves to a cheaper layer 2", "{asset} sees record activity on layer 2")),
    Plot("PARTNERSHIP", DEFI, 1, _around(0.55, 0.80, calm=0.01, busy=0.03),
         ("A bank settles its first loan through {asset}",)),
    Plot("EXPLOIT", DEFI, -1, _around(0.10, 0.60, calm=0.005, busy=0.012),
         ("An exploit drains a pool of {asset}",)),
)  # fmt: skip


class Happening(NamedTuple):
    """The days on which one kind of event happens, with its magnitudes and the assets it names."""

    plot: Plot
    number: int
    day: NDArray[np.int64]
    magnitude: NDArray[np.int64]
    asset: NDArray[np.int64]


def happenings(*, seed: int, story: Story) -> list[Happening]:
    """Draw all events of the story's days."""
    return [_drawn(seed, story, number, plot) for number, plot in enumerate(PLOTS)]


def impact(happening: Happening) -> Floats:
    """Return by how much each event moves its sector that day, as a log return."""
    return happening.plot.direction * IMPACT_PER_MAGNITUDE * happening.magnitude.astype(np.float64)


def event_rows(*, seed: int, happening: Happening, first: date) -> list[EventRow]:
    """Write a kind's events from `first` on as rows whose titles say that they are simulated."""
    since = (first - ORIGIN).days
    return [
        _row(seed, happening, *event)
        for event in zip(happening.day.tolist(), happening.magnitude.tolist(), happening.asset.tolist(), strict=True)
        if event[0] >= since
    ]


def _drawn(seed: int, story: Story, number: int, plot: Plot) -> Happening:
    """Draw one kind's days, magnitudes and assets."""
    stream = f"event/{number}"
    day = story.day[uniforms(seed, stream, story.day) < story.along(plot.chance)]
    magnitude = 2 + np.floor(uniforms(seed, f"{stream}/magnitude", day) * 3.4).astype(np.int64)
    pool = np.array(members(plot.sector))
    picked = pool[np.floor(uniforms(seed, f"{stream}/asset", day) * len(pool)).astype(np.int64)]
    return Happening(plot, number, day, magnitude, picked)


def _row(seed: int, happening: Happening, day: int, magnitude: int, asset: int) -> EventRow:
    """Write one event."""
    plot, number = happening.plot, happening.number
    draw = float(uniforms(seed, f"event/{number}/hour", np.array([day]))[0])
    published = day_start(ORIGIN + timedelta(days=day)) + timedelta(seconds=int(draw * SECONDS_PER_DAY))
    title = plot.titles[day % len(plot.titles)].format(asset=ASSETS[asset].symbol)
    return EventRow(
        sector=plot.sector,
        type=plot.type,
        polarity=float(plot.direction),
        magnitude=magnitude,
        confidence=0.8 if draw < 0.7 else 0.4,
        published_at=published,
        title=f"Simulated: {title}",
        url=f"https://simulated.invalid/{published:%Y-%m-%d}/{plot.type.lower()}-{plot.sector}-{number}",
        source="simulated",
    )
