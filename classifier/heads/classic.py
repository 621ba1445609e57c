"""Heads of scikit-learn: the summary of a window goes into a classifier that is converted to ONNX."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from classifier.heads.normalize import FEATURES, Normalize
from classifier.heads.registry import Classic, register_classic

#: Mean, spread, newest, lowest and highest value of each feature over the window.
SUMMARY = 5 * FEATURES


class Summary(nn.Module):
    """Windows (B, T, 17, 3) to what each feature does over time, (B, SUMMARY), or to `components` directions of it."""

    def __init__(self, rate_hz: float, window: int, components: int | None) -> None:
        super().__init__()
        self.normalize = Normalize(rate_hz, window)
        self.project: nn.Module = nn.Identity() if components is None else nn.Linear(SUMMARY, components)

    def forward(self, keypoints: Tensor) -> Tensor:
        features = self.normalize(keypoints)
        mean = features.mean(1)
        spread = ((features - mean[:, None]) ** 2).mean(1).sqrt()
        parts = [mean, spread, features[:, -1], features.amin(1), features.amax(1)]
        summary: Tensor = self.project(torch.cat(parts, -1))
        return summary


@register_classic("forest")
def forest() -> Classic:
    """Breiman, "Random Forests" (2001). The number of leaves bounds the size of the file."""

    def build(seed: int) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(60, max_leaf_nodes=160, class_weight="balanced", random_state=seed, n_jobs=1)

    return Classic(build, windows=16000, components=None)


@register_classic("svm")
def svm() -> Classic:
    """Cortes and Vapnik, "Support-Vector Networks" (1995), with Platt's sigmoid for probabilities."""

    def build(seed: int) -> Any:
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.svm import SVC

        machine = SVC(C=4.0, gamma="scale", class_weight="balanced", random_state=seed)
        return CalibratedClassifierCV(machine, cv=3, ensemble=False)

    return Classic(build, windows=5000, components=40)


@register_classic("knn")
def knn() -> Classic:
    """Cover and Hart, "Nearest Neighbor Pattern Classification" (1967)."""

    def build(seed: int) -> Any:
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(15)

    return Classic(build, windows=6000, components=32)
