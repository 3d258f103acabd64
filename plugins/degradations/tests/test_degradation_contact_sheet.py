"""The contact sheet shows every degradation that is registered."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from bench_core.grammar import parse_channels
from bench_core.plugins import registry

SCRIPT = Path(__file__).parents[3] / "benchmarks/contact_sheet.py"


@pytest.fixture(scope="module")
def sheet():
    spec = importlib.util.spec_from_file_location("contact_sheet", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_registered_degradation_has_three_strengths(sheet):
    registered = {e.name for e in registry().degradations if not (e.is_group or e.name.endswith(":"))}
    assert set(sheet.STRENGTHS) >= registered
    for name in registered:
        strengths = sheet.STRENGTHS[name]
        assert len(strengths) == 3
        for spec in strengths:
            (channel,) = parse_channels([spec], registry().degradations, presets={})
            assert channel.stages[0].name == name


def test_a_page_shows_rows_of_three(sheet):
    photo = np.asarray(Image.fromarray(astronaut()).resize((64, 64)))
    specs = [f"posterise:{bits}" for bits in range(1, 9)] + ["erase:0.2", "cropout:0.5", "resize:0.5,back=0"]
    pages = list(sheet.pages(photo, specs))
    (page,) = pages
    assert page.shape == (4 * (64 + sheet.CAPTION + sheet.MARGIN) + sheet.MARGIN, 3 * (64 + 8) + 8, 3)
    first = page[sheet.MARGIN : sheet.MARGIN + 64, sheet.MARGIN : sheet.MARGIN + 64]
    assert np.array_equal(first, photo & 0x80)
    assert len(list(sheet.pages(photo, specs * 1 + [f"jpeg:{q}" for q in range(10, 40)]))) == 3


def test_captions_tell_the_id_and_the_psnr(sheet):
    photo = np.zeros((8, 8, 3), np.uint8)
    channels = parse_channels(["identity", "rotate:5", "resize:0.5,back=0"], registry().degradations, presets={})
    texts = [
        sheet.caption(one, photo, image) for one, image in zip(channels, (photo, photo + 1, photo[:4]), strict=True)
    ]
    assert texts[0] == "identity\nexact"
    assert texts[1] == "rotate:angle=5,back=0,fill=reflect,\nfilter=bilinear\n48.1 dB"
    assert texts[2].endswith("\n8x4")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [([], 2, "the following arguments are required: folder"), (["x", "jpg:40"], 1, "unknown degradation 'jpg'")],
)
def test_the_script_says_what_it_wants(arguments, status, message):
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert message in done.stderr.splitlines()[-1]
