"""What degradations look like: pages of a built-in photo, degraded at three strengths each, with the PSNR beneath.

`python benchmarks/contact_sheet.py sheets` writes `sheets/page-01.png` and so on, for every degradation that is
registered here; with specs after the folder, `sheets jpeg:10/50/90 blur:3`, only those are drawn, three in a row.
The photo is scikit-image's astronaut. Where a degradation needs the cover, it gets the photo turned to a negative, so
that one sees what came from it. What a mask marks is framed in yellow.
"""

import argparse
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.data import astronaut

from bench_core.degradation import Channel
from bench_core.errors import BenchError, CellFailure
from bench_core.grammar import parse_channels
from bench_core.images import write_image
from bench_core.plugins import registry

Picture = np.ndarray[Any, np.dtype[np.uint8]]

STRENGTHS: dict[str, tuple[str, str, str]] = {
    "identity": ("identity", "identity", "identity"),
    "float": ("float", "float+gaussian:10", "float+poisson"),
    "quantise": ("quantise:5", "quantise:3", "quantise:1"),
    "posterise": ("posterise:5", "posterise:3", "posterise:1"),
    "lsb-zero": ("lsb-zero:1", "lsb-zero:3", "lsb-zero:5"),
    "jpeg": ("jpeg:90", "jpeg:40", "jpeg:7"),
    "webp": ("webp:90", "webp:40", "webp:5"),
    "webp-lossless": ("webp-lossless", "webp-lossless", "webp-lossless"),
    "png": ("png", "png:0", "png:9"),
    "avif": ("avif:80", "avif:40", "avif:10"),
    "jxl": ("jxl:1", "jxl:4", "jxl:15"),
    "jp2": ("jp2:10", "jp2:50", "jp2:200"),
    "jp2-lossless": ("jp2-lossless", "jp2-lossless", "jp2-lossless"),
    "gaussian": ("gaussian:5", "gaussian:25", "gaussian:97"),
    "poisson": ("poisson:255", "poisson:25", "poisson:3"),
    "speckle": ("speckle:0.1", "speckle:0.3", "speckle:0.6"),
    "uniform": ("uniform:10", "uniform:40", "uniform:120"),
    "salt-pepper": ("salt-pepper:0.02", "salt-pepper:0.1", "salt-pepper:0.4,per=sample"),
    "impulse": ("impulse:0.03", "impulse:0.09", "impulse:0.27"),
    "blur": ("blur:1", "blur:3", "blur:10"),
    "median": ("median:3", "median:7", "median:21"),
    "box": ("box:3", "box:9", "box:31"),
    "sharpen": ("sharpen:0.5", "sharpen:2", "sharpen:8"),
    "motion": ("motion:9", "motion:21,angle=45", "motion:41,sigma=15,spread=45"),
    "defocus": ("defocus:3,alias=0.1", "defocus:6", "defocus:15"),
    "brightness": ("brightness:1.3", "brightness:2", "brightness:add=0.4"),
    "contrast": ("contrast:1.5", "contrast:0.4", "contrast:0.1,about=channel"),
    "saturation": ("saturation:2", "saturation:0.5", "saturation:0"),
    "hue": ("hue:10", "hue:45", "hue:180"),
    "gamma": ("gamma:0.5", "gamma:1.5", "gamma:3"),
    "gray": ("gray", "gray", "gray"),
    "palette": ("palette:64", "palette:8", "palette:8,dither=1"),
    "rotate": ("rotate:2", "rotate:10,back=1", "rotate:30,fill=0"),
    "shear": ("shear:5", "shear:15,axis=y,fill=0", "shear:30,fill=edge"),
    "perspective": ("perspective:0.02,fill=0", "perspective:0.1,fill=0", "perspective:0.1,side=known,fill=0"),
    "translate": ("translate:8", "translate:30,dy=15,fill=0", "translate:60,fill=wrap"),
    "flip": ("flip:h", "flip:v", "flip:h,side=known"),
    "resize": ("resize:0.5", "resize:0.2", "resize:0.5,back=0"),
    "pixelate": ("pixelate:0.5", "pixelate:0.25", "pixelate:0.08"),
    "crop": ("crop:0.8", "crop:0.4,fill=resize", "crop:0.4,fill=resize,side=known"),
    "cropout": ("cropout:0.8", "cropout:0.3", "cropout:0.05"),
    "dropout": ("dropout:0.9", "dropout:0.6", "dropout:0.3"),
    "erase": ("erase:0.05", "erase:0.2", "erase:0.2,fill=mean"),
    "paste": ("paste:0.05", "paste:0.2", "paste:0.2,source=texture"),
    "double-jpeg": ("double-jpeg:80,q2=60", "double-jpeg:80,q2=60,dx=3,dy=5", "double-jpeg:20,q2=20,dx=4,side=known"),
    "screenshot": ("screenshot", "screenshot:1.5,codec=jpeg,p3=1", "screenshot:0.5"),
    "social": ("social:large", "social:medium", "social:small"),
    "print-capture": ("print-capture:1", "print-capture:3", "print-capture:5"),
    "screen-capture": ("screen-capture:1", "screen-capture:3", "screen-capture:5"),
}
"""Specs of three strengths, mild to severe, by the name that is registered; a test holds the list complete."""

ROWS = 5
MARGIN = 8
CAPTION = 46
LINE = 46  # characters that fit under a picture


def rows(specs: Sequence[str]) -> Iterator[list[Channel]]:
    """The channels to draw, three in a row: of `specs`, or of every registered degradation."""
    known = registry().degradations
    if specs:
        channels = parse_channels(specs, known)
        for start in range(0, len(channels), 3):
            yield channels[start : start + 3]
        return
    for name in sorted(entry.name for entry in known if not (entry.is_group or entry.name.endswith(":"))):
        if name not in STRENGTHS:
            logging.getLogger("bench").warning("%s has no strengths here, and is left out", name)
            continue
        try:
            yield parse_channels(STRENGTHS[name], known, presets={})  # three that are the same fill one place
        except BenchError as error:
            logging.getLogger("bench").warning("%s is left out: %s", name, error)


def broken(text: str) -> str:
    """An id on as many lines as it needs, broken after commas and stages."""
    lines = [""]
    for part in re.findall(r"[^,+]*[,+]?", text):
        if len(lines[-1]) + len(part) > LINE:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def caption(channel: Channel, photo: Picture, received: Picture) -> str:
    """The id and the PSNR, or the size where it is another."""
    if received.shape != photo.shape:
        figure = f"{received.shape[1]}x{received.shape[0]}"
    else:
        error = float(np.mean((received.astype(np.float32) - photo) ** 2))
        figure = f"{10 * np.log10(255**2 / error):.1f} dB" if error else "exact"
    return f"{broken(channel.id)}\n{figure}"


def tile(channel: Channel, photo: Picture) -> Image.Image:
    """One degraded picture with its caption."""
    side = photo.shape[0]
    canvas = Image.new("RGB", (photo.shape[1], side + CAPTION), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(10)
    try:
        received = channel.send(photo, 0, "astronaut", cover=255 - photo)
    except CellFailure as failure:
        draw.text((2, side + 2), f"{broken(channel.id)}\n{failure.reason}", "black", font)
        return canvas
    image = received.image.copy()
    if received.mask is not None and received.mask.any() and received.mask.shape[:2] == image.shape[:2]:
        outlines, _ = cv2.findContours(received.mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        if len(outlines) < 20:  # a box or two, not scattered pixels
            cv2.drawContours(image, outlines, -1, (255, 220, 0), 1)
    picture = Image.fromarray(image)
    picture.thumbnail((photo.shape[1], side))
    canvas.paste(picture, (0, 0))
    draw.multiline_text((2, side + 2), caption(channel, photo, received.image), "black", font, spacing=2)
    return canvas


def pages(photo: Picture, specs: Sequence[str]) -> Iterator[Picture]:
    """Pages of `ROWS` rows of three."""
    width = 3 * (photo.shape[1] + MARGIN) + MARGIN
    step = photo.shape[0] + CAPTION + MARGIN
    found = list(rows(specs))
    for start in range(0, len(found), ROWS):
        group = found[start : start + ROWS]
        page = Image.new("RGB", (width, len(group) * step + MARGIN), "white")
        for line, channels in enumerate(group):
            for column, channel in enumerate(channels):
                place = (MARGIN + column * (photo.shape[1] + MARGIN), MARGIN + line * step)
                page.paste(tile(channel, photo), place)
        yield np.asarray(page)


def main(folder: str, *specs: str) -> None:
    """Draw the pages into `folder`."""
    photo = np.asarray(Image.fromarray(astronaut()).resize((256, 256), Image.Resampling.LANCZOS))
    for number, page in enumerate(pages(photo, specs), 1):
        path = Path(folder) / f"page-{number:02}.png"
        write_image(path, page)
        print(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where the pages go, e.g. sheets")
    parser.add_argument("specs", nargs="*", metavar="SPEC", help="only these, e.g. jpeg:10/50/90")
    arguments = parser.parse_args()
    try:
        main(arguments.folder, *arguments.specs)
    except BenchError as problem:
        sys.exit(str(problem))
