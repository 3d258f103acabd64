"""`pascal-context:ROOT`: PASCAL-Context (Mottaghi et al., CVPR 2014) as a data set, for those who have it.

ROOT is a VOC2010 folder with `JPEGImages`. Maps are read from the first that is there: `trainval/ID.mat`, the 459-class
maps of the data set's own archive (unpacked beside `JPEGImages`); or `SegmentationClassContext/ID.png`, what
mmsegmentation's `tools/dataset_converters/pascal_context.py` writes, in another order of the classes. Either becomes
the order of `labels/pascal-context-59.toml`.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench_core.dataset import Dataset
from bench_core.errors import CellFailure, RequestError, one_line
from bench_core.images import read_image
from bench_semantic.label_sets import ClassMap, read_label_set

LABELS = "pascal-context-59"
SPLITS = ("val", "train", "all")
"""The first is what a run takes by default."""

_SPLIT_FILES = "ImageSets/SegmentationContext"
_EXAMPLE = "e.g. pascal-context:VOCdevkit/VOC2010,split=val"


def from_mat(label_map: np.ndarray[Any, Any]) -> ClassMap:
    """The 60 classes of a 459-class `LabelMap`, any shape; every other number is background."""
    return read_label_set(f"{LABELS}:mat")[1].classes(label_map)


def from_mmseg(label_map: np.ndarray[Any, Any]) -> ClassMap:
    """The 60 classes of a map of mmsegmentation's converter, whose order is alphabetical."""
    return read_label_set(f"{LABELS}:mmseg")[1].classes(label_map)


class PascalContext(Dataset):
    """Photos with maps of 59 classes and background; `split` is `val` (the default), `train` or `all` that have maps.

    The two splits are the public ones, 4,998 and 5,105 photos, as mmsegmentation's `ImageSets/SegmentationContext`
    lists them.
    RequestError where the folder is not laid out so.
    """

    name = "pascal-context"
    card = (
        "PASCAL-Context: 10,103 photos of PASCAL VOC 2010 with full label maps (Mottaghi et al., CVPR 2014). The "
        "photos are from Flickr, under its terms; the annotation is for research."
    )

    def __init__(self, text: str) -> None:
        path, *rest = text.split(",")
        given = dict(part.partition("=")[::2] for part in rest)
        self._text, self.root, self.split = text, Path(path).expanduser(), given.pop("split", SPLITS[0])
        if given or self.split not in SPLITS:
            raise RequestError(f"{self.spec}: only split={'|'.join(SPLITS)} may follow the folder; {_EXAMPLE}")
        self._mat = (self.root / "trainval").is_dir()
        self._maps = self.root / ("trainval" if self._mat else "SegmentationClassContext")
        for folder in (self.root / "JPEGImages", self._maps):
            if not folder.is_dir():
                raise RequestError(
                    f"{self.spec}: there is no {folder}; needed are JPEGImages, and maps in trainval (.mat) or "
                    f"SegmentationClassContext (.png); {_EXAMPLE}"
                )
        self._ids = self._listed()
        if not self._ids:
            raise RequestError(f"{self.spec}: no photo has a map in {self._maps}")

    @property
    def spec(self) -> str:
        """What a user types to get this set again."""
        return f"{self.name}:{self._text}"

    def ids(self) -> list[str]:
        """The photos' names, sorted."""
        return self._ids

    def load(self, image_id: str) -> dict[str, Any]:
        """`color`, uint8 H×W×3, and `semantic`, uint8 H×W×1, the class's place in `pascal-context-59`.

        Raises:
            CellFailure: `decode_failed`, with the file's name.
        """
        color = read_image(self.root / "JPEGImages" / f"{image_id}.jpg", image_id)
        path = self._maps / f"{image_id}{'.mat' if self._mat else '.png'}"
        try:
            found = from_mat(_label_map(path)) if self._mat else from_mmseg(np.asarray(Image.open(path)))
        except Exception as error:  # a reader may raise anything on a damaged file
            raise CellFailure("decode_failed", f"{image_id}: {path.name}: {one_line(error)}") from error
        if found.shape != color.shape[:2]:
            raise CellFailure("decode_failed", f"{image_id}: the map is {found.shape}, the photo {color.shape[:2]}")
        return {"color": color, "semantic": found[..., None]}

    def _listed(self) -> list[str]:
        suffix = ".mat" if self._mat else ".png"
        there = {path.stem for path in self._maps.glob(f"*{suffix}")}
        if self.split == "all":
            return sorted(there)
        path = self.root / _SPLIT_FILES / f"{self.split}.txt"
        try:
            wanted = path.read_text("utf-8").split()
        except OSError:
            raise RequestError(
                f"{self.spec}: there is no {path}, the list of the split; give one, or take split=all"
            ) from None
        return sorted(there.intersection(wanted))


def _label_map(path: Path) -> np.ndarray[Any, Any]:
    from scipy.io import loadmat

    found: np.ndarray[Any, Any] = loadmat(path)["LabelMap"]
    return found
