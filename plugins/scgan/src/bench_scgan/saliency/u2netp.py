"""U²-Net's small network for salient objects (Qin et al., Pattern Recognition 2020), through onnxruntime.

It stands in for the PFAN that SCGAN's authors took: an object detector, too. Its file is `bench weights fetch u2netp`.
"""

from pathlib import Path

import cv2
import numpy as np

from bench_core.errors import CellFailure, RequestError, one_line
from bench_core.images import Array
from bench_core.weights import find
from bench_scgan.saliency.detectors import Detector

SIDE = 320
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Plane = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

_EXAMPLE = "give U-2-Net's network, e.g. --model u2netp.onnx, or leave --model out"


def make(model: Path | None) -> Detector:
    """The detector with the file `model`, or the one fetched.

    RequestError where there is none, where it is of another network, or where there is no onnxruntime.
    """
    try:
        import onnxruntime
    except ImportError:
        raise RequestError(
            "u2netp needs onnxruntime: pip install 'bench-scgan[u2netp]'; or take --detector spectral"
        ) from None
    try:
        path = model or find("u2netp")
    except CellFailure as failure:
        raise RequestError(f"{failure.reason}; or give the file: --model u2netp.onnx") from None
    options = onnxruntime.SessionOptions()
    # Sums in another order change last bits.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # whatever onnxruntime makes of a file that is none
        raise RequestError(f"{path} cannot be read as an ONNX model ({one_line(error)[:120]})") from None
    name = session.get_inputs()[0].name

    def found(given: Plane) -> Plane:
        output: Plane = session.run(None, {name: given})[0]
        return output

    # What a file declares may leave sides open; what it takes and gives does not.
    try:
        shape = np.shape(found(np.zeros((1, 3, SIDE, SIDE), np.float32)))
    except Exception as error:  # whatever onnxruntime makes of a picture that does not fit
        raise RequestError(f"{path} takes no 1×3×{SIDE}×{SIDE} picture ({one_line(error)[:120]}); {_EXAMPLE}") from None
    if shape != (1, 1, SIDE, SIDE):
        sides = "×".join(map(str, shape)) or "a number"
        raise RequestError(f"{path} gives {sides}, not a 1×1×{SIDE}×{SIDE} saliency map; {_EXAMPLE}")
    return lambda photo: to_map(found(to_input(photo)), photo)


def to_input(photo: Array) -> Plane:
    """1×3×320×320 of a photo uint8 H×W×3: by its highest value, then as ImageNet's (U-2-Net, ToTensorLab)."""
    small = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)
    scaled = (small / max(float(small.max()), 1e-6) - mean) / std
    return np.ascontiguousarray(scaled.astype(np.float32).transpose(2, 0, 1)[None])


def to_map(output: Plane, photo: Array) -> Array:
    """Saliency uint8 H×W of the network's first output 1×1×320×320, stretched to 0..255 as U-2-Net does."""
    plane = np.asarray(output, np.float32).reshape(output.shape[-2:])
    low, high = float(plane.min()), float(plane.max())
    plane = (plane - low) / max(high - low, 1e-6)
    sized = cv2.resize(plane, (photo.shape[1], photo.shape[0]), interpolation=cv2.INTER_LINEAR)
    found: Array = np.rint(np.clip(sized, 0, 1) * 255).astype(np.uint8)
    return found
