"""What a pose model learns from a teacher: its scores, boxes and keypoints at every place, and what its neck sees."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from ultralytics.nn.modules.head import Pose26
from ultralytics.utils.metrics import OKS_SIGMA
from ultralytics.utils.tal import bbox2dist, dist2bbox, make_anchors

from compression.hints import Hints
from compression.pose_head import head_of
from configs.tuning import Soft
from keypoints import skeleton
from keypoints.errors import ModelError
from keypoints.training.loss import raw

#: Weights of the parts beside each other: those of YOLO's own loss for box distribution, keypoints and confidences,
#: and for the scores, whose sum is taken over all places as there.
_GAINS = {"score": 0.5, "box": 1.5, "keypoints": 12.0, "confidence": 1.0}


class Distiller(nn.Module):
    """A frozen teacher, and the 1x1 adaptors through which the student's neck is compared with the teacher's.

    The adaptors are trained with the student; `state_dict` holds them alone.
    """

    def __init__(
        self, teacher: nn.Module, student: nn.Module, soft: Soft, side: int, teacher_side: int | None = None
    ) -> None:
        """side: usual one of the student's input, px. teacher_side: of the teacher's; None gives it the same picture.

        Each level of the student learns from that of the teacher whose cells cover the same part of the picture.
        Raises ModelError when the two do not have the same outputs.
        """
        super().__init__()
        teacher.eval().requires_grad_(False)
        head_of(teacher).training = True  # its raw outputs, while all batch norms keep their statistics
        self._teacher = [teacher]  # in a list: no part of this module's state
        self.soft, self.side = soft, teacher_side
        self.hints = Hints(teacher) if soft.layers else None
        mine, its = head_of(student), head_of(teacher)
        if (mine.nc, tuple(mine.kpt_shape)) != (its.nc, tuple(its.kpt_shape)):
            raise ModelError("has other outputs than its student", field="teacher",
                             expected=f"{mine.nc} class, keypoints {tuple(mine.kpt_shape)}",
                             found=f"{its.nc}, {tuple(its.kpt_shape)}")  # fmt: skip
        self._decoders = _Decoder(mine), _Decoder(its)
        ratio, strides = (teacher_side or side) / side, its.stride.tolist()
        self._levels = [min(range(len(strides)), key=lambda i: abs(math.log(strides[i] / ratio / own)))
                        for own in mine.stride.tolist()]  # fmt: skip
        widths = _neck_widths(teacher)
        self.adaptors = nn.ModuleList(
            nn.Conv2d(width, widths[level], 1, bias=False)
            for width, level in zip(_neck_widths(student), self._levels, strict=True)
        )
        for weight in self.adaptors.parameters():  # each begins near the plain copy that an unpruned student would need
            nn.init.dirac_(weight)

    def to_device(self, device: torch.device) -> Distiller:
        """Both the adaptors and the teacher on `device`."""
        self._teacher[0].to(device)
        return self.to(device)

    def watching(self, student: nn.Module) -> AbstractContextManager[None]:
        """While it lasts, the layers of this student are compared with the teacher's, where `soft` asks for that."""
        return self.hints.watching(student) if self.hints is not None else nullcontext()

    @torch.no_grad()
    def see(self, images: Tensor) -> dict[str, Any]:
        """The teacher's raw outputs for pictures (B, 3, side, side)."""
        if self.side is not None and self.side != images.shape[-1]:
            images = functional.interpolate(images, (self.side, self.side), mode="bilinear", antialias=True)
        return raw(self._teacher[0](images))

    def forward(self, student: dict[str, Any], teacher: dict[str, Any], side: int) -> dict[str, Tensor]:
        """The parts of the loss by name, weighted: outputs of the student in training, of `see`, and the picture's
        side, px."""
        losses: dict[str, Tensor] = {}
        if self.soft.outputs:
            parts = self._outputs(student, teacher, side)
            losses |= {f"soft_{name}": self.soft.outputs * _GAINS[name] * value for name, value in parts.items()}
        if self.hints is not None:
            losses["soft_layers"] = self.soft.layers * self.hints.loss()
        if self.soft.features:
            losses["soft_features"] = self.soft.features * self._features(student, teacher)
        return losses

    def _features(self, student: dict[str, Any], teacher: dict[str, Any]) -> Tensor:
        """How far the neck's normalised features differ: one minus their correlation by channel, mean of the levels.

        Cao et al., "PKD: General Distillation Framework for Object Detectors via Pearson Correlation Coefficient"
        (NeurIPS 2022): what matters is the pattern, not its size, so that unlike models can be compared.
        """
        total = torch.zeros((), device=student["scores"].device)
        for adaptor, mine, level in zip(self.adaptors, student["feats"], self._levels, strict=True):
            wanted = teacher["feats"][level].float()
            if wanted.shape[2:] != mine.shape[2:]:
                wanted = functional.interpolate(wanted, mine.shape[2:], mode="bilinear", antialias=True)
            found = _normal(adaptor(mine.float()))
            total = total + 0.5 * functional.mse_loss(found, _normal(wanted))
        return total / len(self._levels)

    def _outputs(self, student: dict[str, Any], teacher: dict[str, Any], side: int) -> dict[str, Tensor]:
        """Scores everywhere; boxes and keypoints where the teacher sees somebody, as far as it is sure of them."""
        mine, its = self._decoders[0].read(student), self._decoders[1].read(teacher)
        ratio = (self.side or side) / side
        index, same = _places(student["feats"], teacher, self._levels)
        sure = _at(its.scores, index).sigmoid()  # (B, A)
        weight = sure / sure.sum().clamp(min=1)
        soften = self.soft.temperature
        wanted_score = (_at(its.scores, index) / soften).sigmoid()
        score = mine.scores / soften
        entropy = functional.binary_cross_entropy(wanted_score, wanted_score, reduction="none")
        difference = functional.binary_cross_entropy_with_logits(score, wanted_score, reduction="none") - entropy
        losses = {"score": difference.sum() / sure.sum().clamp(min=1) * soften**2}

        if same and mine.bins == its.bins > 1:
            log = (mine.distances / soften).log_softmax(-1)  # (B, A, 4, bins)
            target = (_at(its.distances, index) / soften).softmax(-1)
            apart = functional.kl_div(log, target, reduction="none").sum(-1).mean(-1) * soften**2
        else:  # other places or other bins: the distances themselves, in cells of the student
            boxes = _at(its.boxes, index) / ratio / mine.strides
            apart = functional.smooth_l1_loss(mine.expected(), bbox2dist(mine.anchors, boxes), reduction="none").mean(
                -1
            )
        losses["box"] = (weight * apart).sum()

        points, wanted = mine.keypoints, _at(its.keypoints, index)  # (B, A, 17, 3), x y px of the input and a logit
        confidence = wanted[..., 2].sigmoid()
        boxes = _at(its.boxes, index) / ratio
        area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1).prod(-1, keepdim=True)
        sigmas = torch.as_tensor(OKS_SIGMA, device=area.device, dtype=area.dtype)
        squared = ((points[..., :2] - wanted[..., :2] / ratio) ** 2).sum(-1)
        missed = 1 - torch.exp(-squared / ((2 * sigmas) ** 2 * area * 2))  # as YOLO's own loss of keypoints
        losses["keypoints"] = (weight * (missed * confidence).sum(-1) / confidence.sum(-1).clamp(min=0.5)).sum()
        unsure = functional.binary_cross_entropy_with_logits(points[..., 2], confidence, reduction="none")
        unsure = unsure - functional.binary_cross_entropy(confidence, confidence, reduction="none")
        losses["confidence"] = (weight * unsure.mean(-1)).sum()
        return losses


class _Read:
    """Raw outputs in one form: scores (B, A) logits, distances (B, A, 4, bins) logits, boxes (B, A, 4) and keypoints
    (B, A, 17, 3) in px of the input, anchors (A, 2) in cells, strides (A, 1) px."""

    def __init__(self, outputs: dict[str, Any], strides: list[float], bins: int, doubled: bool) -> None:
        self.bins = bins
        self.scores = outputs["scores"].float().amax(1)
        batch, places = self.scores.shape
        steps = torch.tensor(strides, device=self.scores.device)
        self.anchors, self.strides = make_anchors(outputs["feats"], steps, 0.5)
        self.anchors, self.strides = self.anchors.float(), self.strides.float()
        self.distances = outputs["boxes"].float().permute(0, 2, 1).view(batch, places, 4, bins)
        with torch.no_grad():
            self.boxes = dist2bbox(self.expected(), self.anchors, xywh=False) * self.strides
        points = outputs["kpts"].float().permute(0, 2, 1).reshape(batch, places, skeleton.COUNT, 3)
        # YOLOv8 and 11 count from the cell's corner in half cells, YOLO26 from its middle in whole ones.
        places_xy = (
            points[..., :2] * 2 + (self.anchors - 0.5)[:, None] if doubled else points[..., :2] + self.anchors[:, None]
        )
        self.keypoints = torch.cat([places_xy * self.strides[..., None], points[..., 2:]], -1)

    def expected(self) -> Tensor:
        """Distances from the anchor to left, top, right, bottom (B, A, 4), cells."""
        if self.bins == 1:
            single: Tensor = self.distances[..., 0]
            return single
        mean: Tensor = self.distances.softmax(-1) @ torch.arange(self.bins, device=self.distances.device).float()
        return mean


class _Decoder:
    """How the outputs of one pose head are read."""

    def __init__(self, head: Any) -> None:
        self._strides, self._bins, self._doubled = head.stride.tolist(), head.reg_max, not isinstance(head, Pose26)

    def read(self, outputs: dict[str, Any]) -> _Read:
        return _Read(outputs, self._strides, self._bins, self._doubled)


def _places(feats: list[Tensor], teacher: dict[str, Any], levels: list[int]) -> tuple[Tensor, bool]:
    """For each place of the student the teacher's (B, A), and whether they are the same places.

    Where the teacher has several in a cell of the student, that with the highest score.
    """
    others = teacher["feats"]
    if all(mine.shape[2:] == its.shape[2:] for mine, its in zip(feats, others, strict=True)):
        batch, count = feats[0].shape[0], sum(feat.shape[2] * feat.shape[3] for feat in feats)
        return torch.arange(count, device=feats[0].device).expand(batch, -1), True
    counts = [other.shape[2] * other.shape[3] for other in others]
    scores = torch.split(teacher["scores"].float().amax(1), counts, 1)
    found = []
    for feat, level in zip(feats, levels, strict=True):
        grid = scores[level].view(-1, 1, *others[level].shape[2:])
        _, index = functional.adaptive_max_pool2d(grid, feat.shape[2:], return_indices=True)
        found.append(index.flatten(1) + sum(counts[:level]))
    return torch.cat(found, 1), False


def _at(values: Tensor, index: Tensor) -> Tensor:
    """values (B, A', ...) at the places (B, A)."""
    extra = values.shape[2:]
    return values.gather(1, index.view(*index.shape, *[1] * len(extra)).expand(*index.shape, *extra))


def _normal(features: Tensor) -> Tensor:
    """Every channel with mean 0 and variance 1 over pictures and places."""
    mean = features.mean((0, 2, 3), keepdim=True)
    return (features - mean) / features.var((0, 2, 3), keepdim=True, unbiased=False).add(1e-6).sqrt()


def _neck_widths(network: nn.Module) -> list[int]:
    """The channels of the feature maps that the pose head reads."""
    branches = head_of(network).cv2
    return [next(m for m in branch.modules() if isinstance(m, nn.Conv2d)).in_channels for branch in branches]
