"""A few-shot head: the body of a trained head, and a few prototypes of each action in the space of its summaries.

Snell, Swersky and Zemel, "Prototypical Networks for Few-shot Learning" (2017), with the cosine for a distance and
several prototypes a class. Nothing is trained by gradient, so a handful of examples is enough and takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from classifier.augment import augment
from classifier.examples import Examples
from classifier.export import round_weights
from classifier.heads import HeadModel
from classifier.parts import split_by_subject
from classifier.restore import load_head
from classifier.training import Trained, calibrate
from configs.schema import TrainHead

#: Prototypes of a class, and how many of its windows they are found among.
_PROTOTYPES = 6
_WINDOWS = 600
#: What a cosine is multiplied with; the temperature adjusts it.
_SCALE = 16.0
#: The logit of a class without examples.
_NEVER = -30.0


class FewShot(nn.Module):
    """Windows (B, T, 17, 3) to logits (B, C) by the nearest prototypes, and to the phase (B, 2) of the base."""

    def __init__(self, base: HeadModel, classes: int) -> None:
        super().__init__()
        self.normalize, self.body, self.phase = base.normalize, base.body, base.phase
        self.classes = classes
        self.prototypes = nn.Parameter(torch.zeros(classes * _PROTOTYPES, base.phase.in_features))
        self.bias = nn.Parameter(torch.full((classes,), _NEVER))

    def embed(self, keypoints: Tensor) -> Tensor:
        """The summary of each window by the body, (B, width)."""
        return cast(Tensor, self.body(self.normalize(keypoints))[:, -1])

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        summary = self.embed(keypoints)
        cosines = nn.functional.linear(_unit(summary), self.prototypes)
        nearest = (_SCALE * cosines).reshape(-1, self.classes, _PROTOTYPES).logsumexp(-1)
        return nearest + self.bias, self.phase(summary).tanh()


def _unit(vectors: Tensor) -> Tensor:
    return vectors / (vectors.square().sum(-1, keepdim=True) + 1e-12).sqrt()


@torch.no_grad()
def train_few_shot(examples: Examples, subjects: Sequence[str], classes: int, config: TrainHead) -> Trained:
    """Find the prototypes of each class among a seeded draw of its windows, and calibrate their temperature.

    Raises ModelError when `config.base` can't be read back.
    """
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    training, validation = split_by_subject(examples, subjects, config.validation, config.seed)
    rng = np.random.default_rng(config.seed)
    model = FewShot(load_head(Path(cast(str, config.base))), classes).eval()
    generator = torch.Generator().manual_seed(config.seed)
    prototypes = model.prototypes.view(classes, _PROTOTYPES, -1)
    action = examples.action[training]
    for number in np.unique(action):
        mine = rng.permutation(training[action == number])[:_WINDOWS]
        windows, _ = augment(torch.from_numpy(examples.windows(mine)), config.augment, generator)
        prototypes[number] = _centres(_unit(model.embed(windows)), config.seed)
        model.bias[number] = 0.0
    if config.weights == "int8":
        round_weights(model)
    validation = rng.permutation(validation)[: _WINDOWS * classes]
    keypoints, truth = (torch.from_numpy(part) for part in (examples.windows(validation), examples.action[validation]))
    served = cast(Any, model)
    temperature = calibrate(served, keypoints, truth)
    logits = torch.cat([model(part)[0] for part in torch.split(keypoints, 1024)])
    metrics = {
        "windows": float(len(training)),
        "training_loss": float("nan"),
        "loss": float(nn.functional.cross_entropy(logits / temperature, truth)),
        "accuracy": float((logits.argmax(1) == truth).float().mean()),
    }
    return Trained(served, temperature, metrics, [metrics])


def _centres(vectors: Tensor, seed: int) -> Tensor:
    """The centres of the clusters that unit vectors (N, width) form, on the unit sphere; all alike for a few."""
    from sklearn.cluster import KMeans

    count = min(_PROTOTYPES, len(vectors))
    found = KMeans(count, n_init=1, random_state=seed).fit(vectors.numpy().astype(np.float64)).cluster_centers_
    centres = _unit(torch.from_numpy(found).float())
    return centres[torch.arange(_PROTOTYPES) % count]
