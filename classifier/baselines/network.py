"""A baseline as it is trained and served: pictures as a camera gives them go in; normalisation is inside."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from classifier.baselines.registry import WeightsError, recipe_of
from configs.baselines import TrainBaseline
from keypoints.told import Say, nothing

#: What a card says of weights that nobody published.
RANDOM = "random"


class Network(nn.Module):
    """Clips uint8 (B, T, side, side, 3), RGB, to logits (B, classes). Blocks that are frozen stay as they are."""

    def __init__(self, settings: TrainBaseline, classes: int) -> None:
        super().__init__()
        recipe = recipe_of(settings.model)
        self.body = recipe.build(settings, classes)
        # Of 0-255, per channel; no weights: they are not stored with those.
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", 255 * torch.tensor(recipe.mean), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(recipe.std), persistent=False)
        frozen = recipe.blocks(settings)[: settings.freeze]
        self._frozen = tuple(f"body.{name}" for names in frozen for name in names)
        for name, parameter in self.named_parameters():
            if self._is_frozen(name):
                parameter.requires_grad_(False)

    def forward(self, clips: Tensor) -> Tensor:
        pictures = (clips.float() - self.mean) / self.std
        logits: Tensor = self.body(pictures.permute(0, 4, 1, 2, 3))
        return logits

    def train(self, mode: bool = True) -> Network:
        """As nn.Module; the statistics of frozen blocks stay as they are as well."""
        super().train(mode)
        for name, module in self.named_modules():
            if self._is_frozen(name):
                module.eval()
        return self

    def trainable(self) -> int:
        """How many parameters are trained."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    def _is_frozen(self, name: str) -> bool:
        return any(name == start or name.startswith(f"{start}.") for start in self._frozen)


class Served(nn.Module):
    """The network as it is served: probabilities instead of logits."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor) -> Tensor:
        probabilities: Tensor = self.network(clips).softmax(-1)
        return probabilities


def begin(settings: TrainBaseline, classes: int, say: Say = nothing) -> tuple[Network, str]:
    """A network to train, and what its weights are for its card: a file's name, the published ones', or RANDOM.

    Where published weights are wanted and can't be had, `say` is told so, with the reason, in one line.
    Raises InputError when `settings.weights` is not a file of weights for it.
    """
    torch.manual_seed(settings.seed)
    network, recipe = Network(settings, classes), recipe_of(settings.model)
    if settings.weights is not None:
        path = Path(settings.weights)
        recipe.load(network.body, path)
        return network, path.name
    if not settings.pretrained:
        return network, RANDOM
    try:
        path = recipe.fetch(settings)
    except WeightsError as error:
        say(f"{settings.model} begins with random weights: published ones can't be had ({error})")
        return network, RANDOM
    recipe.load(network.body, path)
    return network, f"published: {path.name}"
