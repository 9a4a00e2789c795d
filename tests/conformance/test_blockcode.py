"""The number of a picture is read again, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conformance.blockcode import Luma, draw, read

SIZES = ((96, 64), (48, 32), (95, 63), (160, 120))


def luma(number: int, width: int = 96, height: int = 64) -> Luma:
    planes = np.frombuffer(draw(number, width, height), np.uint8)
    assert planes.size == width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    return planes[: width * height].reshape(height, width)


@pytest.mark.parametrize("size", SIZES)
def test_numbers_are_read_again(size: tuple[int, int]) -> None:
    numbers = [*range(0, 200, 7), 4095]
    assert [read(luma(number, *size)) for number in numbers] == numbers


def test_quantised_noisy_and_faint_pictures_are_read() -> None:
    noise = np.random.default_rng(1).normal(0, 25, (64, 96))
    for number in range(0, 200, 7):
        picture = luma(number).astype(float)
        for worse in (picture // 64 * 64, picture + noise, 100 + picture / 5):
            assert read(worse.clip(0, 255).astype(np.uint8)) == number


def test_what_is_no_picture_has_no_number() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (64, 96), np.uint8)
    one, other = luma(5), luma(9)
    torn = np.concatenate([one[:32], other[32:]])
    mixed = ((one.astype(int) + other) // 2).astype(np.uint8)
    for garbage in (noise, torn, mixed, np.zeros_like(one), one // 16):
        assert read(garbage) is None
