"""A fixed camera: people walk by now and then, and light, weather and insects fill the rest.

A day in fast motion. It dawns; clouds cast shadows; it rains; the exposure jumps; at night the
camera sees infrared, headlights sweep over the picture and insects cross it. Everywhere there is
noise. When each of these happens depends on the seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tests.bench.worth.backgrounds import background
from tests.bench.worth.drawing import (
    HEIGHT,
    WIDTH,
    Grain,
    Image,
    bell,
    paste,
    random_of,
    texture,
)
from tests.bench.worth.people import Person, cast_of
from tests.bench.worth.truth import Truth

_SEEN: Final = 0.5  # of a person inside the picture: less is not yet an event
_CLOUD_SPEED: Final = 25  # pixels a second
_DROPS: Final = 140
_STREAK: Final = 4  # places of an insect within an exposure
_LAMP: Final = 48  # grey levels that people are lit up by, who are nearer to the lamp than walls


@dataclass(frozen=True, slots=True)
class Span:
    """From ``begin`` to ``end``, in seconds."""

    begin: float
    end: float

    def __contains__(self, time: float) -> bool:
        return self.begin <= time < self.end

    def part(self, time: float) -> float:
        """How far into it a time is, 0 to 1."""
        return (time - self.begin) / (self.end - self.begin)


@dataclass(frozen=True, slots=True)
class Walk:
    """Somebody crosses the picture, from the left or from the right."""

    span: Span
    person: int
    height: int
    feet: int
    to_the_left: bool


@dataclass(frozen=True, slots=True)
class Insect:
    """A blurred light dot: where it is first, and its pixels a second."""

    span: Span
    x: float
    y: float
    across: float
    down: float
    radius: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """What happens when."""

    dawn: Span
    clouds: Span
    rain: Span
    night: Span
    exposures: tuple[Span, ...]
    headlights: tuple[Span, ...]
    insects: tuple[Insect, ...]
    walks: tuple[Walk, ...]


@dataclass(frozen=True)
class FixedCamera:
    """Where the camera hangs and what it sees.

    ``person`` is the height of people in parts of the picture's; ``walk_seconds`` the shortest and
    the longest walk; ``bits`` a second as a camera sends them, None: nearly without loss.
    """

    seed: int
    background: str = "yard"
    people: Path | None = None
    person: float = 1 / 3
    events: int = 6
    walk_seconds: tuple[float, float] = (1.4, 3.2)
    seconds: int = 600
    fps: int = 5
    bits: int | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"camera {self.seed}, {Path(self.background).stem}"

    @cached_property
    def schedule(self) -> Schedule:
        """Drawn from the seed; the parts follow each other as a day's do."""
        random = random_of(self.seed, 1)
        length = self.seconds

        def near(part: float) -> float:
            return length * (part + float(random.integers(-20, 21)) / 1000)

        def some(number: int, within: Span, least: float, most: float) -> tuple[Span, ...]:
            room = (within.end - within.begin) / number
            begins = [
                within.begin + room * (i + 0.7 * float(random.random())) for i in range(number)
            ]
            return tuple(
                Span(b, b + least + (most - least) * float(random.random())) for b in begins
            )

        dawn = Span(0, near(0.2))
        clouds = Span(dawn.end, near(0.35))
        rain = Span(clouds.end, near(0.5))
        night = Span(near(0.7), near(0.95))
        return Schedule(
            dawn,
            clouds,
            rain,
            night,
            some(4, Span(near(0.59), near(0.68)), 4, 4),
            some(3, Span(night.begin + 0.2 * length / 4, near(0.8)), 3, 5),
            self._insects(Span(near(0.8), near(0.9)), random),
            self._walks(),
        )

    def _insects(self, span: Span, random: np.random.Generator) -> tuple[Insect, ...]:
        found = []
        for _ in range(25):
            begin = span.begin + (span.end - span.begin) * float(random.random())
            found.append(
                Insect(
                    Span(begin, begin + 0.3 + 0.4 * float(random.random())),
                    x=WIDTH * float(random.random()),
                    y=HEIGHT * float(random.random()),
                    across=float(random.integers(-450, 451)),
                    down=float(random.integers(-300, 301)),
                    radius=int(random.integers(8, 31)),
                )
            )
        return tuple(found)

    def _walks(self) -> tuple[Walk, ...]:
        """One in each of as many parts of the time, at any moment of its first four fifths."""
        random = random_of(self.seed, 2)
        room = (self.seconds - 50) / max(1, self.events)
        shortest, longest = self.walk_seconds
        walks = []
        for number in range(self.events):
            begin = 25 + room * (number + 0.8 * float(random.random()))
            span = Span(begin, begin + shortest + (longest - shortest) * float(random.random()))
            height = round(HEIGHT * self.person * float(random.integers(92, 109)) / 100)
            feet = HEIGHT - int(random.integers(14, 40))
            walks.append(
                Walk(span, int(random.integers(6)), height, feet, bool(random.integers(2)))
            )
        return tuple(walks)

    def frames(self) -> Iterator[tuple[Image, Truth]]:
        """Yield each picture, (H, W, 3), and what is to be seen in it."""
        scene = _Scene(self)
        for number in range(self.seconds * self.fps):
            yield scene.at(number)


class _Scene:
    """Draws the moments of one camera."""

    def __init__(self, camera: FixedCamera) -> None:
        self._camera = camera
        self._schedule = camera.schedule
        self._background = background(camera.background, camera.seed)
        self._cast = cast_of(camera.people, camera.seed)
        drift = round(_CLOUD_SPEED * (self._schedule.clouds.end - self._schedule.clouds.begin))
        clouds = texture(random_of(camera.seed, 3), HEIGHT, WIDTH + drift + 1, 128)
        low, high = int(clouds.min()), int(clouds.max())
        cover = (clouds - low) * 255 // max(1, high - low)
        self._shade = (256 - cover * cover * 90 // (255 * 255)).astype(np.uint16)
        self._vignette = _vignette()
        self._grain = Grain(random_of(camera.seed, 4), HEIGHT, WIDTH)

    def at(self, number: int) -> tuple[Image, Truth]:
        """The picture of a frame and its truth."""
        schedule, time = self._schedule, number / self._camera.fps
        random = random_of(self._camera.seed, 5, number)
        picture = self._background.copy()
        event = self._walk(picture, time)
        picture = self._lit(picture, time)
        if time in schedule.clouds:
            left = int((time - schedule.clouds.begin) * _CLOUD_SPEED)
            shade = self._shade[:, left : left + WIDTH, None]
            picture = (picture * shade >> 8).astype(np.uint8)
        night = time in schedule.night
        light, junk = "dawn" if time in schedule.dawn else "day", None
        if night:
            light = "night"
            picture, junk = self._infrared(picture, time)
        if time in schedule.rain:
            _rain(picture, random)
        picture = self._grain.add(picture, random, self._noise(time))
        if any(time in one for one in schedule.exposures):
            junk = junk or "exposure"
        if time in schedule.rain:
            junk = junk or "rain"
        if time in schedule.clouds:
            junk = junk or "clouds"
        return picture, Truth(number, time, event, light, None if event else junk)

    def _noise(self, time: float) -> float:
        schedule = self._schedule
        if time in schedule.night:
            return 7.0
        return 6.0 - 3.0 * min(1.0, schedule.dawn.part(time))

    def _walk(self, picture: Image, time: float) -> str | None:
        schedule, seen = self._schedule, None
        for number, walk in enumerate(schedule.walks):
            if time not in walk.span:
                continue
            inside = stroll(
                picture,
                self._cast[walk.person % len(self._cast)],
                walk,
                time - walk.span.begin,
                walk.span.part(time),
                sunny=not (time in schedule.night or time in schedule.rain),
                lamp=_LAMP if time in schedule.night else 0,
            )
            if inside >= _SEEN:
                seen = str(number)
        return seen

    def _lit(self, picture: Image, time: float) -> Image:
        """Dawn is dark and warm; each jump of the exposure fades within seconds."""
        schedule, levels = self._schedule, np.arange(256)
        part = min(1.0, schedule.dawn.part(time))
        gain = 0.35 + 0.65 * part
        for jump in schedule.exposures:
            if time in jump:
                gain *= 1 + 0.35 * math.exp(-(time - jump.begin) / 1.2)
        warmth = 1 - part
        found = np.empty_like(picture)
        for plane, tint in enumerate((1 + 0.1 * warmth, 1.0, 1 - 0.15 * warmth)):
            scale = round(4096 * gain * tint)
            table = np.minimum(255, levels * scale >> 12).astype(np.uint8)
            found[..., plane] = table[picture[..., plane]]
        return found

    def _infrared(self, picture: Image, time: float) -> tuple[Image, str | None]:
        """Grey, brighter in the middle, with what shines into the camera."""
        wide = picture.astype(np.int32)
        grey = 115 * wide[..., 0] + 115 * wide[..., 1] + 26 * wide[..., 2] >> 8
        grey = (25 * 256 + grey * 159 >> 8) * self._vignette >> 8
        junk = None
        for insect in self._schedule.insects:
            if time in insect.span:
                _glow_along(grey, insect, time)
                junk = "insect"
        for sweep in self._schedule.headlights:
            if time in sweep:
                x = round(-100 + sweep.part(time) * (WIDTH + 200))
                _glow(grey, x, 240, 190, bell(90, 270), bell(60, 180))
                junk = "headlights"
        lit = np.clip(grey, 0, 255).astype(np.uint8)
        return np.repeat(lit[..., None], 3, axis=2), junk


def stroll(
    picture: Image,
    person: Person,
    walk: Walk,
    seconds: float,
    part: float,
    *,
    sunny: bool,
    lamp: int = 0,
) -> float:
    """Draw somebody ``part`` of the way through a walk; return the share that is inside.

    Who walks in the sun has a shadow; a lamp adds so many grey levels.
    """
    sprite = person.sprite(seconds, part, walk.height)
    if lamp:
        sprite = sprite.copy()
        sprite[..., :3] += np.minimum(lamp, 255 - sprite[..., :3])
    width = sprite.shape[1]
    left = round(part * (WIDTH + width)) - width
    if walk.to_the_left:
        sprite, left = sprite[:, ::-1], WIDTH - left - width
    if sunny:
        paste(picture, _shadow(sprite), left + width // 6, walk.feet - walk.height // 12)
    return paste(picture, sprite, left, walk.feet - walk.height)


def _shadow(sprite: Image) -> Image:
    """What a sprite throws on the ground: flat, dark, half transparent."""
    flat = sprite[:: max(1, len(sprite) // max(1, len(sprite) // 6))][::-1].copy()
    flat[..., :3] = 12
    flat[..., 3] = flat[..., 3] * 2 // 5
    return flat


def _vignette() -> npt.NDArray[np.int32]:
    """In parts of 256, 1.15 in the middle: (H, W)."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    x, y = across - WIDTH // 2, down - HEIGHT // 2
    away = x * x * 1024 // WIDTH**2 + y * y * 1024 // HEIGHT**2
    light: npt.NDArray[np.int32] = (294 - 384 * away // 1024).astype(np.int32)
    return light


def _glow(
    grey: npt.NDArray[np.int32],
    x: int,
    y: int,
    strength: int,
    across: npt.NDArray[np.int64],
    down: npt.NDArray[np.int64],
) -> None:
    """Add a soft light around a point; its fall-off is a table to each side."""
    reach_x, reach_y = len(across) // 2, len(down) // 2
    left, right = max(0, x - reach_x), min(WIDTH, x + reach_x + 1)
    top, bottom = max(0, y - reach_y), min(HEIGHT, y + reach_y + 1)
    if left >= right or top >= bottom:
        return
    row = across[left - x + reach_x : right - x + reach_x]
    column = down[top - y + reach_y : bottom - y + reach_y]
    grey[top:bottom, left:right] += (strength * column[:, None] * row >> 16).astype(np.int32)


def _glow_along(grey: npt.NDArray[np.int32], insect: Insect, time: float) -> None:
    """An insect close to the lens, smeared over the exposure."""
    fall = bell(insect.radius, 3 * insect.radius)
    for place in range(_STREAK):
        spent = time - insect.span.begin + place / 40
        x, y = insect.x + insect.across * spent, insect.y + insect.down * spent
        _glow(grey, round(x), round(y), 55, fall, fall)


def _rain(picture: Image, random: np.random.Generator) -> None:
    """Streaks of falling drops before a slightly darker scene."""
    picture[...] = (picture.astype(np.uint16) * 236 >> 8).astype(np.uint8)
    x = random.integers(0, WIDTH, _DROPS)[:, None]
    y = random.integers(-20, HEIGHT, _DROPS)[:, None]
    length = random.integers(10, 28, _DROPS)[:, None]
    bright = np.broadcast_to(random.integers(40, 90, _DROPS)[:, None], (_DROPS, 28))
    step = np.arange(28)[None, :]
    across, down = x - step // 5, y + step
    inside = (step < length) & (across >= 0) & (down >= 0) & (down < HEIGHT)
    streaks = np.zeros((HEIGHT, WIDTH), np.uint16)
    streaks[down[inside], across[inside]] = bright[inside]
    picture[...] = np.minimum(255, picture + streaks[..., None]).astype(np.uint8)
