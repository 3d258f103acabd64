"""Lets torchvision be imported beside a torch that it was not built for.

A torchvision built for CUDA cannot load its compiled operators beside a CPU torch. Its Python parts would work all the
same, were it not that it describes two of the missing operators (nms and qnms) at import, and torch refuses to describe
what is not declared. So they are declared.

Call `ensure()` before anything that imports torchvision; calling them still fails, with torch's own message.
"""

import importlib.machinery
import importlib.util
import threading
from typing import Any

_SCHEMAS = ("nms", "qnms")
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_lock = threading.Lock()
_library: Any = None  # what is declared through a Library lasts as long as the object does


def ensure() -> bool:
    """Declare torchvision::nms and torchvision::qnms if torchvision cannot bring its own.

    Idempotent and safe in threads; does nothing where torchvision is not installed. Imports torch, but not torchvision.

    Returns:
        Whether anything was declared, by this call or an earlier one.
    """
    global _library
    import torch

    library: Any = torch.library
    with _lock:
        folder = _package_folder()
        if _library is not None or folder is None or hasattr(torch.ops.torchvision, "nms") or _load(folder):
            return _library is not None
        _library = library.Library("torchvision", "FRAGMENT")
        for name in _SCHEMAS:
            _library.define(name + _SIGNATURE)
        return True


def _package_folder() -> str | None:
    spec = importlib.util.find_spec("torchvision")
    return spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else None


def _load(folder: str) -> bool:
    """Load torchvision's compiled operators, as torchvision itself does at import; whether they fit this torch."""
    import torch

    finder = importlib.machinery.FileFinder(
        folder, (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
    )
    extension = finder.find_spec("_C")
    if extension is None or extension.origin is None:
        return False
    operators: Any = torch.ops
    try:
        operators.load_library(extension.origin)
    except OSError:
        return False
    return True
