"""Videos of other kinds: a pan, a moving camera, a screen, a film; and one of identities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from tests.bench.worth.backgrounds import background
from tests.bench.worth.camera import Span, Walk, stroll
from tests.bench.worth.drawing import HEIGHT, WIDTH, Grain, Image, Levels, fill, paste, random_of
from tests.bench.worth.people import CAST, cast_of
from tests.bench.worth.truth import Truth

_PLACES = ("street", "yard", "room")
_NOISE = 3.0


@dataclass(frozen=True)
class Pan:
    """A camera that turns over a wide place in which people stroll by.

    Slowly and evenly, or, with ``shaking``, to and fro in the hand of somebody who walks.
    """

    seed: int
    shaking: bool = False
    people: Path | None = None
    events: int = 6
    seconds: int = 120
    fps: int = 10
    bits: int | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{'moving camera' if self.shaking else 'slow pan'} {self.seed}"

    def frames(self) -> Iterator[tuple[Image, Truth]]:
        """Yield each picture, (H, W, 3), and who is to be seen in it."""
        wide = np.concatenate([background(name, self.seed) for name in _PLACES], axis=1)
        cast, grain = cast_of(self.people, self.seed), Grain(random_of(self.seed, 4), HEIGHT, WIDTH)
        places = self._places(wide.shape[1] - WIDTH)
        walks = self._walks()
        for number in range(self.seconds * self.fps):
            time, random = number / self.fps, random_of(self.seed, 5, number)
            left = int(places[number])
            picture = wide[:, left : left + WIDTH].copy()
            if self.shaking:
                picture = _zoomed(picture, random)
            event = None
            for walk in walks:
                if time in walk.span:
                    part, spent = walk.span.part(time), time - walk.span.begin
                    seen = stroll(picture, cast[walk.person], walk, spent, part, sunny=True)
                    event = str(walk.person) if seen >= 0.5 else event
            yield grain.add(picture, random, _NOISE), Truth(number, time, event, "day", None)

    def _places(self, room: int) -> Levels:
        """The left edge of each frame within a wide picture."""
        frames = self.seconds * self.fps
        if not self.shaking:
            evenly: Levels = np.arange(frames) * room // frames
            return evenly
        random = random_of(self.seed, 6)
        steps = np.repeat(random.integers(-18, 19, frames // 12 + 1), 12)[:frames]
        way: Levels = np.cumsum(steps + random.integers(-2, 3, frames)) + room // 2
        reflected: Levels = room - np.abs(way % (2 * room) - room)
        return reflected

    def _walks(self) -> list[Walk]:
        random, room = random_of(self.seed, 2), self.seconds / self.events
        walks = []
        for number in range(self.events):
            begin = room * (number + 0.6 * float(random.random()))
            span = Span(begin, begin + 2.0 + 1.2 * float(random.random()))
            walks.append(Walk(span, number % CAST, 110, 338, bool(random.integers(2))))
        return walks


@dataclass(frozen=True)
class Screen:
    """A recording of a screen: pages come and go, text is typed, the pointer wanders.

    Each page is an event; while it scrolls it is junk.
    """

    seed: int
    events: int = 16
    seconds: int = 120
    fps: int = 10
    bits: int | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"screen recording {self.seed}"

    def frames(self) -> Iterator[tuple[Image, Truth]]:
        """Yield each picture, (H, W, 3), and which page is to be seen in it."""
        random, rate = random_of(self.seed, 2), self.fps
        cuts = np.sort(random.choice(self.seconds - 2, self.events - 1, replace=False) + 1)
        begins = [0, *(int(cut) * rate for cut in cuts), self.seconds * rate]
        number = 0
        for page in range(self.events):
            tall = self._page(page)
            last = begins[page + 1] - begins[page]
            scroll = int(random_of(self.seed, 7, page).integers(0, 2)) * min(rate, last // 3)
            for place in range(last):
                moved = min(scroll, max(0, place - last // 3))
                picture = tall[moved * 22 : moved * 22 + HEIGHT].copy()
                junk = "scrolling" if 0 < moved < scroll else None
                self._use(picture, place, random_of(self.seed, 5, number // 3))
                event = None if junk else str(page)
                yield picture, Truth(number, number / rate, event, "screen", junk)
                number += 1

    def _page(self, page: int) -> Image:
        """Headings, lines of words and a figure on paper, twice as tall as the screen."""
        random = random_of(self.seed, 8, page)
        tall = np.full((2 * HEIGHT, WIDTH, 3), 244 if page % 3 else 38, np.uint8)
        ink = (60, 62, 68) if page % 3 else (204, 208, 212)
        fill(tall, 0, 0, WIDTH, 24, (52 + 20 * (page % 5), 88, 130))
        fill(tall, 0, 24, 96, 2 * HEIGHT, (222, 226, 230) if page % 3 else (54, 56, 60))
        for row in range(44, 2 * HEIGHT - 12, 13):
            x, end = 116, 116 + int(random.integers(120, 480))
            while x < end and int(random.integers(9)):
                word = int(random.integers(8, 44))
                fill(tall, x, row, x + word, row + 6, ink)
                x += word + 6
        left, top = int(random.integers(130, 380)), int(random.integers(60, 300))
        for bar in range(9):
            high = int(random.integers(10, 90))
            fill(tall, left + 22 * bar, top + 100 - high, left + 22 * bar + 16, top + 100, ink)
        return tall

    def _use(self, picture: Image, place: int, random: np.random.Generator) -> None:
        """The typed line, the caret, which blinks, and the pointer."""
        fill(picture, 116, 330, 116 + min(400, 6 * place), 338, (90, 92, 98))
        if place % self.fps < self.fps // 2:
            at = 120 + min(400, 6 * place)
            fill(picture, at, 328, at + 2, 340, (220, 60, 60))
        x, y = int(random.integers(100, 620)), int(random.integers(30, 340))
        fill(picture, x, y, x + 7, y + 11, (250, 250, 250))
        fill(picture, x + 1, y + 1, x + 5, y + 8, (10, 10, 10))


@dataclass(frozen=True)
class Film:
    """Shots that follow each other by cuts, dissolves, and fades through black.

    Each shot is an event; its fades and dissolves are junk.
    """

    seed: int
    people: Path | None = None
    events: int = 24
    seconds: int = 120
    fps: int = 10
    bits: int | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"film {self.seed}"

    def frames(self) -> Iterator[tuple[Image, Truth]]:
        """Yield each picture, (H, W, 3), and which shot is to be seen in it."""
        random, rate = random_of(self.seed, 2), self.fps
        parts = random.integers(6, 22, self.events)
        ends = np.cumsum(parts) * self.seconds * rate // int(parts.sum())
        begins = [0, *(int(end) for end in ends)]
        links = [("cut", "dissolve", "fade")[int(random.integers(3))] for _ in parts]
        shots = [_Shot(self, shot) for shot in range(self.events)]
        grain = Grain(random_of(self.seed, 4), HEIGHT, WIDTH)
        shot = 0
        for number in range(self.seconds * rate):
            shot += number >= begins[shot + 1]
            place, left = number - begins[shot], begins[shot + 1] - number
            picture, junk = shots[shot].at(place), None
            if links[shot] == "fade" and left <= rate // 2:
                picture, junk = _mixed(picture, np.zeros_like(picture), left, rate // 2), "fade"
            elif links[shot] == "dissolve" and left <= rate and shot + 1 < self.events:
                picture, junk = _mixed(picture, shots[shot + 1].at(0), left, rate), "dissolve"
            elif shot and links[shot - 1] == "fade" and place < rate // 2:
                picture, junk = _mixed(picture, np.zeros_like(picture), place, rate // 2), "fade"
            noisy = grain.add(picture, random_of(self.seed, 5, number), 1.5)
            event = None if junk else str(shot)
            yield noisy, Truth(number, number / rate, event, "film", junk)


class _Shot:
    """A place that is slowly panned over, with or without somebody in it."""

    def __init__(self, film: Film, number: int) -> None:
        random = random_of(film.seed, 9, number)
        place = background(_PLACES[number % 3], 100 * film.seed + number // 3)
        self._wide = np.asarray(
            Pillow.fromarray(place).resize((WIDTH * 5 // 4, HEIGHT * 5 // 4), Pillow.Resampling.BOX)
        )
        self._tint = random.integers(80, 121, 3)
        self._speed = int(random.integers(-2, 3))
        self._person = None
        if random.integers(3):
            self._person = cast_of(film.people, film.seed)[int(random.integers(CAST))]
        self._height, self._x = int(random.integers(120, 260)), int(random.integers(60, 420))
        self._rate = film.fps

    def at(self, place: int) -> Image:
        """The picture so many frames into the shot."""
        room = self._wide.shape[1] - WIDTH
        left = min(room, max(0, room // 2 + self._speed * place))
        picture = self._wide[40 : 40 + HEIGHT, left : left + WIDTH]
        picture = np.clip(picture * self._tint // 100, 0, 255).astype(np.uint8)
        if self._person is not None:
            sprite = self._person.sprite(place / self._rate, 0.5, self._height)
            paste(picture, sprite, self._x + 3 * place, HEIGHT - self._height - 4)
        return picture


@dataclass(frozen=True)
class Identities:
    """Six people, one after the other, before one wall."""

    seed: int
    background: str = "yard"
    people: Path | None = None
    seconds: int = 93
    fps: int = 10
    bits: int | None = None

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"identities {self.seed}, {Path(self.background).stem}"

    def frames(self) -> Iterator[tuple[Image, Truth]]:
        """Yield each picture, (H, W, 3), and which of the six is to be seen in it."""
        random, room = random_of(self.seed, 2), self.seconds / CAST
        wall, cast = background(self.background, self.seed), cast_of(self.people, self.seed)
        walks = []
        for person in range(CAST):
            begin = room * (person + 0.1 + 0.2 * float(random.random()))
            span = Span(begin, begin + 6.5 + 2 * float(random.random()))
            walks.append(Walk(span, person, 150, 346, bool(random.integers(2))))
        grain = Grain(random_of(self.seed, 4), HEIGHT, WIDTH)
        for number in range(self.seconds * self.fps):
            time, picture, event = number / self.fps, wall.copy(), None
            for walk in walks:
                if time in walk.span:
                    part, spent = walk.span.part(time), time - walk.span.begin
                    seen = stroll(picture, cast[walk.person], walk, spent, part, sunny=True)
                    event = str(walk.person) if seen >= 0.5 else None
            noisy = grain.add(picture, random_of(self.seed, 5, number), _NOISE)
            yield noisy, Truth(number, time, event, "day", None)


def _mixed(picture: Image, other: Image, part: int, whole: int) -> Image:
    """``part`` of ``whole`` of a picture, and the rest of another."""
    mixed = (picture.astype(np.uint32) * part + other.astype(np.uint32) * (whole - part)) // whole
    return mixed.astype(np.uint8)


def _zoomed(picture: Image, random: np.random.Generator) -> Image:
    """A hand-held crop: a few pixels off, and a little nearer."""
    x, y, cut = (int(random.integers(0, 9)) for _ in range(3))
    box = (x, y, WIDTH - 9 + x - cut, HEIGHT - 9 + y - cut * HEIGHT // WIDTH)
    whole = Pillow.fromarray(picture)
    return np.array(whole.resize((WIDTH, HEIGHT), Pillow.Resampling.BILINEAR, box=box))
