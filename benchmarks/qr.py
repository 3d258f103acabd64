"""What decoders bear: how many QR codes of 256×256 pixels scan after noise, blur and JPEG.

`python benchmarks/qr.py` prints the table of docs/metrics.md: of the first 100 codes of the data set `qr`, how many
each pinned decoder reads as they arrive, how many any does (`qr_raw`), how many after processing (`qr_assisted`), and
the mean `qr_module_error`. `--codes 20` is quicker.
"""

import argparse

from bench_core.grammar import parse_channels
from bench_core.plugins import registry

CHANNELS = ("clean", "gaussian:10/40/60/80/120,gray=1", "blur:2/3/4", "jpeg:5")
METRICS = ("qr_raw", "qr_assisted", "qr_module_error")
DECODERS = ("zxing-cpp", "opencv-aruco", "opencv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codes", type=int, default=100)
    count = parser.parse_args().codes
    codes = registry().datasets.create("qr")
    metrics = [registry().metrics.create(name) for name in METRICS]
    print(f"| channel | {' | '.join(DECODERS)} | {' | '.join(METRICS)} |")
    print(f"| --- |{' ---: |' * (len(DECODERS) + len(METRICS))}")
    for channel in parse_channels(CHANNELS, registry().degradations):
        found = []
        for name in codes.ids()[:count]:
            code = codes.draw(name, 256, 256)
            arrived = channel.send(code, 0, name).image
            found.append([metric(arrived, code) for metric in metrics])
        readers = [scores[0].details["qr_decoder"].split(",") for scores in found]
        cells = [f"{sum(decoder in names for names in readers)}" for decoder in DECODERS]
        raw, assisted, error = (sum(score.value for score in column) for column in zip(*found, strict=True))
        print(f"| `{channel.id}` | {' | '.join(cells)} | {raw:.0f} | {assisted:.0f} | {error / count:.4f} |")


if __name__ == "__main__":
    main()
