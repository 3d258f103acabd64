"""Scores of a trained detector for pictures that it was not trained on, with splits by image."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench_core.randomness import keyed_order

Floats = np.ndarray[Any, np.dtype[np.floating[Any]]]
Ints = np.ndarray[Any, np.dtype[np.integer[Any]]]

FOLDS = 10


def folds(images: Sequence[str], seed: int) -> Ints:
    """The fold of each row, 0..9 (fewer where there are fewer images): all rows of one image are in the same.

    Folds differ by one image at most; which image is where depends on the seed and the names alone.
    """
    place = {image: number % FOLDS for number, image in enumerate(keyed_order(seed, set(images), "folds"))}
    return np.array([place[image] for image in images])


def held_out_scores(stegos: Floats, covers: Floats, images: Sequence[str], seed: int) -> tuple[Floats, Floats]:
    """Scores of N×D and N×D features, those of containers first; high is for containers.

    In turn every fold is scored by Fisher's linear discriminant trained on the others, its covariance shrunk as Ledoit
    and Wolf (2004) do, after features are brought to mean 0 and deviation 1 of the training rows. A container and its
    cover, and all rows of one image, are on one side of every split: a detector that has seen the cover of a container
    needs no trace of a message to tell the two apart.
    """
    # Takes a second, and only the comparison at the end of a run needs it, not the workers that describe pictures.
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fold = folds(images, seed)
    found = np.zeros((2, len(fold)))
    for number in np.unique(fold):
        train, test = fold != number, fold == number
        rows = np.concatenate([covers[train], stegos[train]]).astype(np.float64)
        detector = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
        detector.fit(rows, np.repeat([0, 1], train.sum()))
        found[0, test] = detector.decision_function(stegos[test].astype(np.float64))
        found[1, test] = detector.decision_function(covers[test].astype(np.float64))
    return found[0], found[1]
