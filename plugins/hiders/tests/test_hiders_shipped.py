"""What the shipped weights do: much where nothing happens, nothing after JPEG (the contrast of RIIS's Table 3)."""

import numpy as np
import pytest
from skimage import data

from bench_core.grammar import parse_channels
from bench_core.model import Condition, Sample
from bench_core.plugins import registry
from bench_core.randomness import keyed_generator
from bench_core.torch_model import TorchModel
from bench_hiders.method import HiNet, Isn

HOST = data.astronaut()[:128, 160:288]
SECRET = data.coffee()[100:228, 200:328]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2)))


@pytest.mark.parametrize("method", [HiNet, Isn])
def test_they_reveal_what_was_not_touched_and_lose_it_to_jpeg(method: type[TorchModel]) -> None:
    model = method()
    (container,) = model.encode_all([Sample({"host": HOST, "secret": SECRET})])
    sent = np.rint(np.clip(container, 0, 1) * 255).astype(np.uint8)
    assert psnr(sent, HOST) > 25
    secrets = {}
    for name in ("clean", "jpeg:90"):
        (channel,) = parse_channels([name], registry().degradations)
        condition = Condition(rngs=(keyed_generator(0, "photo", 0, "decode", 0),))
        found = model.decode_all([channel.send(sent, 0, "photo").image], condition)[0]
        secrets[name] = psnr(np.clip(found["secret"], 0, 1) * 255, SECRET)
    assert secrets["clean"] > 30
    assert secrets["clean"] > secrets["jpeg:90"] + 10
