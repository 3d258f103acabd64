"""A slot as it is printed: the container, its markers and the color card on white."""

import numpy as np

from bench_capture.color_card import card_regions
from bench_capture.markers import Array, Layout, draw_marker


def draw_slot(container: Array, layout: Layout, background: int = 255) -> tuple[Array, tuple[int, int]]:
    """The sheet of one slot, uint8 H×W×3, and the container's first pixel (x, y) on it.

    `container` is uint8 height×width×C, C = 1 or 3, of the layout's size; its samples stand on the sheet unchanged.
    `background` is the paper's gray level.

    Raises:
        ValueError: for a container of another size.
    """
    if container.shape[:2] != (layout.height, layout.width):
        height, width = container.shape[:2]
        raise ValueError(f"the container is {width}x{height} pixels, its layout {layout.width}x{layout.height}")
    x0, y0, x1, y1 = layout.sheet
    sheet = np.full((y1 - y0, x1 - x0, 3), background, dtype=np.uint8)
    for region in card_regions(layout):
        sheet[region.y0 - y0 : region.y1 - y0, region.x0 - x0 : region.x1 - x0] = region.value
    for marker_id, corners in layout.corners.items():
        x, y = (round(value) for value in corners[0] + 0.5)
        sheet[y - y0 : y - y0 + layout.side, x - x0 : x - x0 + layout.side] = draw_marker(marker_id, layout.side)[
            :, :, None
        ]
    left, top = layout.offset
    sheet[top : top + layout.height, left : left + layout.width] = container  # one channel fills all three
    return sheet, (left, top)
