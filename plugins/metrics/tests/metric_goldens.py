"""Fixed pictures, made of integers alone, and what every registered metric of this plugin says of them.

`python plugins/metrics/tests/metric_goldens.py NAME …` prints today's figures of some metrics, or of all of them.
A figure that changes on purpose changes here, and with it the metric's `version`.
"""

import sys

import numpy as np

from bench_core.errors import CellFailure
from bench_core.metric import SetMetric
from bench_core.plugins import registry


def pattern(height, width, channels=3):
    """Ramps, a disk, stripes and hashed texture: uint8 height×width×channels."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    disk = (x - width // 3) ** 2 + (y - height // 3) ** 2 < (min(height, width) // 4) ** 2
    stripes = ((x + y) // 3 % 2 == 1) & (y > height * 5 // 8)
    texture = (x * 73856093 ^ y * 19349663) % 61
    red = np.where(disk, 220, x * 255 // width) - stripes * 60
    green = np.where(disk, 40, y * 255 // height) + stripes * 90
    blue = (x + y) * 255 // (width + height) + np.where(x > width * 5 // 8, texture - 30, 0)
    colors = np.stack([red, green, blue], axis=2).clip(0, 255)
    if channels == 1:
        colors = (colors @ np.array([299, 587, 114]) + 500)[..., None] // 1000
    return colors.astype(np.uint8)


def degraded(picture, strength=8):
    """The picture blurred along its rows, with hashed noise of ±`strength`."""
    values = picture.astype(np.int64)
    blurred = (values + 2 * np.roll(values, 1, axis=1) + np.roll(values, 2, axis=1)) // 4
    y, x, c = np.indices(picture.shape).astype(np.int64)
    noise = (x * 83492791 ^ y * 73856093 ^ c * 19349663) % (2 * strength + 1) - strength
    return (blurred + noise).clip(0, 255).astype(np.uint8)


def rectangle(picture):
    """A mask over part of a picture, uint8 H×W×1, as a channel that tampers gives it."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width, 1), np.uint8)
    mask[height // 4 : height // 2, width // 5 : width * 3 // 5] = 255
    return mask


def tampered(picture):
    """The degraded picture, its rectangle exchanged for the rows below the picture's middle."""
    found, inside = degraded(picture), rectangle(picture)[:, :, 0] == 255
    found[inside] = np.roll(picture, picture.shape[0] // 2, axis=0)[inside]
    return found


# The estimate, the reference and what else the harness would know, by case.
_RGB, _GRAY, _ODD = pattern(176, 192), pattern(176, 192, 1), pattern(163, 171)
CASES = {
    name: (tampered(picture), picture, {"mask": rectangle(picture)})
    for name, picture in {"rgb": _RGB, "gray": _GRAY, "odd": _ODD}.items()
}
CASES["near"] = (_RGB ^ 3, _RGB, {})

# Pairs of pictures, for metrics that compare sets.
SET = [(degraded(picture, 2 + index), picture) for index, picture in enumerate(pattern(40, 40 + n) for n in range(24))]

PAIR_CASES = ("rgb", "gray", "odd")
"""The cases that every metric of a pair must have a figure for."""

# A figure, None where there is none, or the status of a cell that cannot be computed.
GOLDENS = {
    "argmax_acc": {"rgb": 0.8393702651515151, "gray": 1.0, "odd": 0.8380870376349873},
    "bpp": {"rgb": 24.0, "gray": 8.0, "odd": 24.0},
    "bpp_effective": {
        "rgb": 0.08380681818181818,
        "gray": 0.047821969696969696,
        "odd": 0.09643741254977936,
        "near": 3.669034090909091,
    },
    "cci": {"rgb": 148.53982015464703, "gray": 0.0, "odd": 148.5797841786959},
    "cci_abs_err": {"rgb": 1.7549030936107783, "gray": 0.0, "odd": 1.930111190225972},
    "cci_ratio": {"rgb": 0.0, "gray": 0.0, "odd": 0.0},
    "cci_w1": {"set": 4.215152520034323},
    "colorfulness_ratio": {"rgb": 0.9883235881095305, "gray": "skipped_unsupported", "odd": 0.987176184094109},
    "delta_e": {"rgb": 13.084931469843688, "gray": 4.478684136163793, "odd": 13.222551251888618},
    "delta_e_p95": {"rgb": 86.28195190429688, "gray": 27.094038009643555, "odd": 86.4146499633789},
    "entropy_planes": {"rgb": 0.8274998786304094, "gray": 0.824995217126012, "odd": 0.8292716054621347},
    "fbeta_saliency": {"rgb": 0.8515544866126693, "gray": 0.8480762648180133, "odd": 0.850521001692305},
    "hist_ab": {"rgb": 0.8093631628787878, "gray": 1.0, "odd": 0.8068022817780648},
    "mae_saliency": {"rgb": 0.04838991941473559, "gray": 0.05274377506684492, "odd": 0.04889277204800767},
    "miou": {"rgb": "skipped_unsupported", "gray": 0.02301828252252385, "odd": "skipped_unsupported"},
    "ms_ssim": {"rgb": 0.5315683185583793, "gray": 0.5656127599245874, "odd": 0.492555042416084},
    "ms_ssim_y": {"rgb": 0.5742470374921469, "gray": 0.5656127599245874, "odd": 0.5705471473099681},
    "mse": {"rgb": 0.03767772050206991, "gray": 0.010672910531934105, "odd": 0.03826376790512067},
    "pixel_acc": {"rgb": "skipped_unsupported", "gray": 0.045572916666666664, "odd": "skipped_unsupported"},
    "png_ratio": {"rgb": 2.4065740207373274, "gray": 1.8862367141055665, "odd": 2.35116760271948},
    "psnr": {"rgb": 14.239153798525834, "gray": 19.71717131129347, "odd": 14.172122664093274},
    "psnr_ab": {"rgb": 18.632932291245922, "gray": None, "odd": 18.59432911276041},
    "psnr_chmean": {"rgb": 15.504874677623812, "gray": 19.71717131129347, "odd": 15.390458331351448},
    "psnr_lab8_a": {"rgb": 15.876930256108484, "gray": None, "odd": 15.835567281091208},
    "psnr_lab8_b": {"rgb": 28.084184792206624, "gray": None, "odd": 28.061344836075826},
    "psnr_lab8_l": {"rgb": 18.076104067496274, "gray": 19.82636923080004, "odd": 18.06318637669946},
    "psnr_lab_a": {"rgb": 15.875372854378284, "gray": None, "odd": 15.835755402993755},
    "psnr_lab_b": {"rgb": 28.09948413177343, "gray": None, "odd": 28.077842461353505},
    "psnr_lab_l": {"rgb": 18.08346578154982, "gray": 19.843394824711027, "odd": 18.070760286268555},
    "psnr_y": {"rgb": 19.79634832521548, "gray": 19.71717131129347, "odd": 19.743552123237347},
    "psnr_y_bt601": {"rgb": 21.11826963709222, "gray": 21.03909262317021, "odd": 21.065473435114086},
    "psnr_y_bt601_8bit": {"rgb": 21.11756223276146, "gray": 21.043428286793784, "odd": 21.062897601790485},
    "qr_assisted": {"rgb": "skipped_unsupported", "gray": "skipped_unsupported", "odd": "skipped_unsupported"},
    "qr_module_error": {"rgb": "skipped_unsupported", "gray": "skipped_unsupported", "odd": "skipped_unsupported"},
    "qr_raw": {"rgb": "skipped_unsupported", "gray": "skipped_unsupported", "odd": "skipped_unsupported"},
    "rmse_ab": {"rgb": 29.84651069986139, "gray": 0.0, "odd": 29.979454399562545},
    "ssim": {"rgb": 0.5641567646200728, "gray": 0.6355386356629176, "odd": 0.5606397717461931},
    "ssim_lab_a": {"rgb": 0.649499266151572, "gray": 1.0, "odd": 0.6417098743955777},
    "ssim_lab_b": {"rgb": 0.6403146013326516, "gray": 1.0, "odd": 0.6328038722978403},
    "ssim_lab_l": {"rgb": 0.6468397752510627, "gray": 0.6370685845552524, "odd": 0.6400826383088327},
    "ssim_scgan": {"rgb": 0.6987261596168253, "gray": 0.8060912675741242, "odd": 0.6928130768784679},
    "ssim_y": {"rgb": 0.7114101971344695, "gray": 0.6355386356629176, "odd": 0.7062783269854523},
    "steg0": {"set": 0.0},
    "steg1": {"set": 0.0},
    "steg_chi2": {"set": 0.0},
    "steg_hist": {"set": 0.5826339009028559},
    "steg_rs": {"set": 0.020833333333333315},
    "steg_spa": {"set": 0.0625},
    "tamper_auc": {"rgb": 0.9997414540077139, "gray": 0.9999224095055534, "odd": 0.9997062212294554},
    "tamper_f1": {"rgb": 0.9733494851605088, "gray": 0.9858145438255935, "odd": 0.9738682370261318},
    "tamper_iou": {"rgb": 0.9480825958702065, "gray": 0.9720259128386337, "odd": 0.9490674318507891},
}

TOLERANCES = {"bpp_effective": 0.05, "png_ratio": 0.02}
"""Relative, where a figure depends on the version of a codec. Everything else is held to 1e-5."""


def figure(name, case):
    """What a metric says of a case."""
    metric = registry().metrics.create(name)
    try:
        if isinstance(metric, SetMetric):
            estimates, references = (np.stack([metric.describe(pair[side]) for pair in SET]) for side in (0, 1))
            return metric.compare(estimates, references, [f"{index}" for index in range(len(SET))], 0).value
        return metric(*CASES[case]).value
    except CellFailure as failure:
        return failure.status


def names():
    """The metrics of this plugin, groups aside."""
    return [entry.name for entry in registry().metrics if entry.plugin == "metrics" and not entry.is_group]


def needed(name):
    """The cases that must have a figure."""
    return ("set",) if isinstance(registry().metrics.create(name), SetMetric) else PAIR_CASES


if __name__ == "__main__":
    for wanted in sys.argv[1:] or names():
        cases = dict.fromkeys((*needed(wanted), *GOLDENS.get(wanted, ())))
        print(f"    {wanted!r}: { ({case: figure(wanted, case) for case in cases}) },".replace("'", '"'))  # noqa: T201
