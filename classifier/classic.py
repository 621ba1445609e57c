"""Train a head of scikit-learn, and merge it with the features that it reads into one ONNX file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper
from torch import Tensor

from classifier.augment import augment
from classifier.examples import Examples
from classifier.export import example_windows, round_weights, traced, verify, write
from classifier.heads.classic import SUMMARY, Summary
from classifier.heads.registry import classic
from classifier.parts import split_by_subject
from configs.schema import TrainHead
from keypoints.card import HeadCard
from keypoints.errors import InputError
from keypoints.told import Report
from keypoints.types import FloatArray

#: Shares of the windows that the learning curve is drawn over; the last fit is the one that is kept.
_SHARES = (0.25, 0.5, 1.0)
#: No class is less likely than this before the temperature.
_LEAST = 1e-4
#: A classifier splits each class in three to calibrate itself.
_LEAST_WINDOWS = 3


@dataclass(frozen=True, slots=True)
class TrainedClassic:
    """A fitted classifier and what it reads. metrics: on the validation part; curve: after each fit.

    present: the indices of the classes that it has seen; the others of `classes` never come out of it.
    """

    summary: Summary
    classifier: Any
    present: NDArray[np.int64]
    classes: int
    temperature: float
    metrics: dict[str, float]
    curve: list[dict[str, float]]

    def probabilities(self, keypoints: Tensor) -> NDArray[np.float64]:
        """Of windows (B, T, 17, 3), calibrated, (B, classes)."""
        found = self.classifier.predict_proba(_summarised(self.summary, keypoints))
        return _cooled(_spread(found, self.present, self.classes), self.temperature)


def train_classic(
    examples: Examples, subjects: Sequence[str], names: Sequence[str], config: TrainHead, report: Report
) -> TrainedClassic:
    """Fit the classifier that `config.head` names on a seeded draw of windows.

    Raises InputError for an action with too few windows, or when there is only one action.
    """
    recipe = classic(config.head)
    assert recipe is not None
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    training, validation = split_by_subject(examples, subjects, config.validation, config.seed)
    rng = np.random.default_rng(config.seed)
    training = rng.permutation(training)[: recipe.windows]
    validation = rng.permutation(validation)[: recipe.windows]
    windows, action = torch.from_numpy(examples.windows(training)), examples.action[training]
    held_out, truth = torch.from_numpy(examples.windows(validation)), examples.action[validation]
    present, counts = np.unique(action, return_counts=True)
    if counts.min() < _LEAST_WINDOWS:
        raise InputError("too few windows", field=names[present[counts.argmin()]], found=int(counts.min()),
                         expected=f"at least {_LEAST_WINDOWS}", hint="more sequences of it, or leave_out")  # fmt: skip

    if len(present) < 2:
        raise InputError("a single action to train on", field=names[present[0]], expected="two actions at least")

    windows, _ = augment(windows, config.augment, torch.Generator().manual_seed(config.seed))
    summary = Summary(config.rate_hz, config.window, recipe.components).eval()
    if recipe.components is not None:
        _find_components(summary, windows, config.seed)
        if config.weights == "int8":
            round_weights(summary)
    features, held_out_features = _summarised(summary, windows), _summarised(summary, held_out)

    curve: list[dict[str, float]] = []
    for share in _SHARES:
        few = _first_of_each(action, max(_LEAST_WINDOWS * len(present), round(share * len(action))))
        classifier = _fitting(recipe.build(config.seed), len(few)).fit(features[few], action[few])
        read = (features[few], held_out_features)
        own, other = (_spread(classifier.predict_proba(f), present, len(names)) for f in read)
        curve.append({
            "windows": float(len(few)), "training_loss": _log_loss(own, action[few]),
            "loss": _log_loss(other, truth), "accuracy": float((other.argmax(1) == truth).mean()),
        })  # fmt: skip
        report(curve[-1])
    temperature = min(np.geomspace(0.25, 4, 49), key=lambda t: _log_loss(_cooled(other, t), truth))
    metrics = curve[-1] | {"loss": _log_loss(_cooled(other, temperature), truth)}
    return TrainedClassic(summary, classifier, present, len(names), float(temperature), metrics, curve)


def _fitting(classifier: Any, windows: int) -> Any:
    """The classifier; one that asks more neighbours than there are windows asks them all."""
    if classifier.get_params().get("n_neighbors", 0) > windows:
        classifier.set_params(n_neighbors=windows)
    return classifier


def _first_of_each(action: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The first `count` windows, and of each class the first few at least."""
    each = [np.flatnonzero(action == c)[:_LEAST_WINDOWS] for c in np.unique(action)]
    return np.unique(np.concatenate([np.arange(min(count, len(action))), *each]))


def _find_components(summary: Summary, windows: Tensor, seed: int) -> None:
    """Make `summary` project onto the principal components of its standardised features."""
    from sklearn.decomposition import PCA

    layer = summary.project
    assert isinstance(layer, torch.nn.Linear)
    features = _summarised(Summary(summary.normalize.rate_hz, windows.shape[1], None), windows)
    mean, spread = features.mean(0), features.std(0) + 0.05
    found = PCA(min(layer.out_features, *features.shape), random_state=seed).fit((features - mean) / spread)
    weight = np.zeros((layer.out_features, SUMMARY), np.float32)
    weight[: len(found.components_)] = found.components_ / spread
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(-weight @ mean))


@torch.no_grad()
def _summarised(summary: Summary, keypoints: Tensor) -> FloatArray:
    return torch.cat([summary(part) for part in torch.split(keypoints, 1024)]).numpy()


def _spread(found: NDArray[np.float64], present: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Probabilities of the classes that are present, in columns of all classes."""
    spread = np.zeros((len(found), classes))
    spread[:, present] = found
    return spread


def _cooled(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Guo et al., "On Calibration of Modern Neural Networks" (2017), with the logarithms for logits."""
    raised = np.maximum(probabilities, _LEAST) ** (1 / temperature)
    return np.asarray(raised / raised.sum(1, keepdims=True))


def _log_loss(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], _LEAST)).mean())


def export_classic(trained: TrainedClassic, card: HeadCard, path: Path) -> None:
    """Write a head without `phase` under the head contract.

    Raises RepSightError when the written file does not give the classifier's own results.
    """
    example = example_windows(card.window)
    graph = _merged(trained, example, card)

    def expected(windows: Tensor) -> dict[str, NDArray[np.float64]]:
        return {"action": trained.probabilities(windows)}

    write(graph, card, path, lambda partial: verify(partial, example, expected, "scikit-learn"))


def _merged(trained: TrainedClassic, example: Tensor, card: HeadCard) -> onnx.ModelProto:
    from skl2onnx import to_onnx

    first = traced(trained.summary, example, ["features"])
    width = _summarised(trained.summary, example).shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter reads attributes of the SVC that scikit-learn will rename
        second = to_onnx(
            trained.classifier, np.zeros((1, width), np.float32), options={"zipmap": False},
            target_opset={"": 17, "ai.onnx.ml": 3},
        )  # fmt: skip
    second.ir_version = first.ir_version
    of = second.graph.output[1].name
    merged = compose.merge_models(
        first, second, [("features", second.graph.input[0].name)], outputs=[f"c.{of}"], prefix2="c."
    )
    columns = np.eye(trained.classes, dtype=np.float32)[trained.present]
    constants = {"columns": columns, "least": np.float32(_LEAST), "temperature": np.float32(card.temperature)}
    merged.graph.initializer.extend(numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items())
    merged.graph.node.extend([
        helper.make_node("MatMul", [f"c.{of}", "columns"], ["spread"]),
        helper.make_node("Max", ["spread", "least"], ["likely"]),
        helper.make_node("Log", ["likely"], ["logarithm"]),
        helper.make_node("Div", ["logarithm", "temperature"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["action"], axis=-1),
    ])  # fmt: skip
    del merged.graph.output[:]
    merged.graph.output.append(helper.make_tensor_value_info("action", TensorProto.FLOAT, ["batch", trained.classes]))
    return merged
