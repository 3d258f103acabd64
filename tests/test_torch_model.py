"""`TorchModel`: tensors in, tensors out, and nothing that depends on the batch."""

import numpy as np
import pytest
import torch

from bench_core import INVERTIBLE_GRAYSCALE, Condition, RequestError, Sample, TorchModel
from bench_core.torch_model import to_arrays, to_tensor


class Convolve(TorchModel):
    task = INVERTIBLE_GRAYSCALE
    seen: list

    def setup(self):
        self.seen = []
        self.net = torch.nn.Conv2d(3, 1, 3, padding=1).to(self.device)

    def encode(self, sample):
        self.seen.append(tuple(sample["color"].shape))
        return self.net(sample["color"])

    def decode(self, received, condition):
        noise = torch.from_numpy(condition.normal(received.shape[1:]))
        return {"color": (received + 0.01 * noise).expand(-1, 3, -1, -1)}


def samples(count):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (count, 8, 6, 3), dtype=np.uint8)
    return [Sample({"color": picture, "label": index}) for index, picture in enumerate(pictures)]


def condition(count):
    return Condition(None, tuple(np.random.default_rng(index) for index in range(count)))


def test_round_trip_of_arrays_and_tensors_is_exact():
    pictures = [sample["color"] for sample in samples(3)]
    batch = to_tensor(pictures)
    assert batch.shape == (3, 3, 8, 6)
    assert 0 <= batch.min() <= batch.max() <= 1
    assert all(
        np.array_equal(np.rint(back * 255), picture) for back, picture in zip(to_arrays(batch), pictures, strict=True)
    )


def test_results_do_not_depend_on_the_batch():
    model = Convolve(device="cpu")
    together = model.encode_all(samples(5))
    alone = [model.encode_all([sample])[0] for sample in samples(5)]
    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))
    received = [sample["color"][:, :, :1] for sample in samples(5)]
    together = model.decode_all(received, condition(5))
    alone = [
        model.decode_all([one], Condition(None, (np.random.default_rng(index),)))[0]
        for index, one in enumerate(received)
    ]
    assert all(np.array_equal(a["color"], b["color"]) for a, b in zip(together, alone, strict=True))
    assert not np.array_equal(together[0]["color"], together[1]["color"])


def test_a_gpu_gets_whole_batches():
    model = Convolve(device="cpu")
    model.device = "meta"
    assert model._groups(5) == [[0, 1, 2, 3, 4]]


def test_auto_takes_the_cpu_where_there_is_nothing_else(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Convolve().device == "cpu"


@pytest.mark.parametrize("device", ["gpu", "cuda:77"])
def test_a_device_that_is_not_there_is_refused_in_one_line(device):
    with pytest.raises(RequestError, match=f"--device {device}: ") as caught:
        Convolve(device=device)
    assert len(caught.value.problems) == 1
