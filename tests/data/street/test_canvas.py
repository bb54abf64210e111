"""The camera against the textbook's projection of single points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qabwnas.data.street.canvas import FOCAL_WIDTHS, NEAR_M, Camera

CAMERA = Camera(height=60, width=120, horizon=26.0, eye_m=1.3, yaw=0.2)


def slow_pixel(x: float, y: float, z: float) -> tuple[float, float]:
    ahead = math.cos(0.2) * z + math.sin(0.2) * x
    right = math.cos(0.2) * x - math.sin(0.2) * z
    focal = FOCAL_WIDTHS * 120
    return 60 + focal * right / ahead, 26 - focal * (y - 1.3) / ahead


def test_points_are_projected() -> None:
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(-5, 5, 50), rng.uniform(0, 6, 50), rng.uniform(4, 80, 50)], axis=1)
    found = CAMERA.pixels(CAMERA.seen(points))
    assert np.allclose(found, [slow_pixel(*point) for point in points.tolist()], atol=1e-3)


def test_lines_along_the_street_meet_in_one_point_on_the_horizon() -> None:
    far = np.array([(x, y, 1e7) for x in (-5.0, 4.0) for y in (0.0, 3.0)])
    vanishing = (60 - FOCAL_WIDTHS * 120 * math.tan(0.2), 26)
    assert np.allclose(CAMERA.pixels(CAMERA.seen(far)), vanishing, atol=1e-2)


def test_pixels_of_the_ground_are_projected_back_to_themselves() -> None:
    first, x, z = CAMERA.ground()
    assert (first, x.shape, z.shape) == (27, (33, 120), (33, 120))
    for row in (0, 5, 32):
        for column in (0, 60, 119):
            pixel = slow_pixel(float(x[row, column]), 0.0, float(z[row, column]))
            assert pixel == pytest.approx((column + 0.5, first + row + 0.5), abs=1e-2)


def test_what_is_too_near_is_cut_off() -> None:
    behind = np.array([(-1.0, 0, -9), (1, 0, -9), (1, 0, -2)])
    assert len(CAMERA.outline(behind)) == 0
    level = Camera(height=60, width=120, horizon=26.0, eye_m=1.3, yaw=0.0)
    road = np.array([(-2.0, 0, -5), (2, 0, -5), (2, 0, 40), (-2, 0, 40)])
    nearest = np.array([(-2.0, 0, NEAR_M), (2, 0, NEAR_M), (2, 0, 40), (-2, 0, 40)])
    assert np.allclose(sorted(level.outline(road).tolist()), sorted(level.outline(nearest).tolist()), atol=1e-2)
