"""`Sdc`: the networks as a method that the harness can test."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bench_core.errors import CellFailure, RequestError
from bench_core.images import to_uint8
from bench_core.model import Condition
from bench_core.params import Param
from bench_core.task import COLORIZATION
from bench_core.torch_model import TorchModel, to_arrays
from bench_semantic.colorize import PAD, RESIZE, Colorizer, nearest
from bench_semantic.edits import Edits, read_edits
from bench_semantic.label_sets import OWN, ClassMap
from bench_semantic.weights import SHIPPED, SHIPPED_CAMVID, load_weights

PREDICTED, HUMAN, EDITED, NONE = "predicted", "human", "edited", "none"


class Sdc(TorchModel):
    """Semantic-driven colorization (arXiv 2006.07587): colors from the gray picture and a map of what it shows.

    `map_source` says where the map comes from: `predicted` from the gray picture; `human`, the data set's own, which no
    receiver could know (the harness tells it and says so in the run); `edited`, from a file of edits; `none`, class 0
    everywhere. Any size from 1×1. `semantic` is returned where a map is predicted or edited, unless `maps` says that
    the data set's are of other classes.
    RequestError for weights without the networks that are needed, or of other classes than maps that they are told.
    """

    name = "sdc"
    task = COLORIZATION
    default_weights = SHIPPED
    params: ClassVar[tuple[Param, ...]] = (
        Param(
            "map_source",
            str,
            choices=(PREDICTED, HUMAN, EDITED, NONE),
            default=PREDICTED,
            help="the semantic map: predicted, the data set's own (human), from a file of edits, or none",
        ),
        Param(
            "infer",
            str,
            choices=(RESIZE, PAD),
            default=RESIZE,
            help="show the networks the picture as a square of `size`, or as it is, padded",
        ),
        Param("size", int, 0, 4096, default=0, help="side of that square; 0 = the side of the training pictures"),
        Param("sure", float, 0, 1, default=0, help="predicted maps are void where the probability is lower than this"),
        Param("edit", str, default="", help="the file of edits that map_source=edited replays"),
        Param(
            "maps",
            str,
            default="",
            help="the label set of the data set's maps, if not the weights' own: predicted maps are not scored then",
        ),
    )

    def setup(self) -> None:
        """Load the networks, and the edits where there are any."""
        networks = load_weights(self.needed_weights(), self.device).network
        infer, size, sure = (self.settings[key] for key in ("infer", "size", "sure"))
        self.colorizer = Colorizer(networks, str(infer), int(size), float(sure))
        self.labels = networks.labels
        self.source = str(self.settings["map_source"])
        if networks.color is None:
            raise RequestError(f"{self.weights} holds no color network; bench train sdc writes one, or bench sdc join")
        if self.source == PREDICTED and networks.segmentation is None:
            raise RequestError(
                f"{self.weights} holds no segmentation network; add one: bench sdc join {self.weights} SEGMENTATION "
                "-o FILE; or --set map_source=none"
            )
        edit = str(self.settings["edit"])
        if bool(edit) != (self.source == EDITED):
            raise RequestError(
                "map_source=edited and edit=FILE go together, e.g. --set map_source=edited --set edit=edits.json"
            )
        self.edits: Edits | None = None
        if edit:
            self.edits = read_edits(Path(edit).expanduser(), self.labels)
            self.settings["edits"] = self.edits.digest  # other edits of the same name are another setting
        maps = str(self.settings["maps"] or self.labels.name)
        if self.source == HUMAN and maps != self.labels.name:
            raise RequestError(
                f"map_source=human: the maps are of {maps}, the weights of {self.labels.name}; give weights that were "
                f"trained with --set labels={maps}, or take another source, e.g. --set map_source=predicted"
            )
        self.oracle = ("semantic",) if self.source == HUMAN else ()
        compared = self.source in (PREDICTED, EDITED) and maps == self.labels.name
        self.outputs = ("color", "semantic") if compared else ("color",)

    def decode(self, received: Tensor, condition: Condition) -> dict[str, Tensor]:
        """`color` N×3×H×W, and `semantic` N×1×H×W, of gray pictures N×1×H×W; all in [0, 1].

        Raises:
            CellFailure: `skipped_unsupported`, where the map is to come from people and there is none.
        """
        if self.source == PREDICTED:
            classes = self.colorizer.predicted(received)
        elif self.source == NONE:
            classes = torch.zeros_like(received).long()
        else:
            maps = self._human(condition) if self.source == HUMAN else self._edited(received)
            shape = received.shape[-2:]
            classes = torch.cat(
                [nearest(torch.from_numpy(self.labels.shown(each)).long()[None, None], *shape) for each in maps]
            ).to(received.device)
        color = self.colorizer.painted(received, classes)
        found = {"color": color, "semantic": self._numbers(classes)}
        return {name: found[name] for name in self.outputs}

    def _numbers(self, classes: Tensor) -> Tensor:
        """Classes N×1×H×W as the harness has them: numbers of the label set's files, over 255."""
        numbers = torch.from_numpy(self.labels.numbers(np.arange(256, dtype=np.uint8))).to(classes.device)
        return numbers[classes].float() / 255

    def _human(self, condition: Condition) -> list[ClassMap]:
        maps, numbering = [numbers[..., 0] for numbers in condition.truth("semantic")], self.labels.numbering(OWN)
        for numbers in maps:
            if problem := self.labels.misfit(np.unique(numbers).tolist(), numbering):
                raise CellFailure(
                    "skipped_unsupported",
                    f"the data set's map is of other classes than the weights: {problem}; a number that means 'not "
                    "annotated' can be named, e.g. --dataset folder:photos,semantic=maps,void=0",
                )
        return [numbering.classes(numbers) for numbers in maps]

    def _edited(self, received: Tensor) -> list[ClassMap]:
        if self.edits is None:
            raise RequestError("map_source=edited needs edit=FILE")
        maps = []
        for gray in to_arrays(received):
            found = self.edits.find(to_uint8(gray))
            if found is None:
                raise CellFailure(
                    "skipped_unsupported",
                    f"{self.settings['edit']} has no edit of this very gray picture: edits belong to the exact pixels "
                    "that they were made on",
                )
            maps.append(found)
        return maps


class SdcCamvid(Sdc):
    """`Sdc` with the shipped weights for streets: the classes of CamVid in place of the groups of COCO."""

    name = "sdc-camvid"
    default_weights = SHIPPED_CAMVID
