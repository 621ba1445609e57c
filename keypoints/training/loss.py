"""The loss of a pose model on labels: that of its own family, judged on no joint of which nobody knows where it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn
from ultralytics.cfg import DEFAULT_CFG_DICT
from ultralytics.nn.modules.head import Pose26
from ultralytics.utils.loss import E2ELoss, PoseLoss26, v8PoseLoss

from keypoints.training.pictures import UNKNOWN


class _KnownConfidence(nn.Module):
    """Binary cross-entropy of the joints' confidences, over those of which it is known whether they are to be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.known: Tensor | None = None

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        known = self.known
        loss = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        return loss.mean() if known is None else (loss * known).sum() / known.sum().clamp(min=1)


class _Known:
    """Put before a pose loss of Ultralytics: UNKNOWN joints take part neither by place nor by confidence."""

    def __init__(self, model: nn.Module, *arguments: Any, **named: Any) -> None:
        super().__init__(model, *arguments, **named)  # type: ignore[call-arg]
        self.bce_pose = _KnownConfidence()

    def calculate_keypoints_loss(
        self, masks: Tensor, target_gt_idx: Tensor, keypoints: Tensor, *others: Any
    ) -> tuple[Tensor, ...]:
        state = keypoints[..., 2]
        if masks.any():
            self.bce_pose.known = (state != UNKNOWN)[masks.nonzero(as_tuple=True)[0], target_gt_idx[masks]].float()
        keypoints = keypoints.clone()
        keypoints[..., 2] = state.clamp(min=0)
        found: tuple[Tensor, ...] = super().calculate_keypoints_loss(masks, target_gt_idx, keypoints, *others)  # type: ignore[misc]
        return found


class _PoseLoss(_Known, v8PoseLoss):
    """Of YOLOv8 and YOLO11."""


class _PoseLoss26(_Known, PoseLoss26):
    """Of YOLO26."""


def pose_loss(network: nn.Module) -> Any:
    """The loss of `network` on labels: `loss(outputs, batch)` gives its parts, (5,) or more, times the batch size, and
    the same by name, detached. outputs: of the network in training mode. batch: `views.Batch.on`.

    It sees the device of the network's parameters now, and the weights of its parts in `network.args`.
    """
    given = getattr(network, "args", {})
    given = given if isinstance(given, dict) else vars(given)
    kept, network.args = getattr(network, "args", None), SimpleNamespace(**{**DEFAULT_CFG_DICT, **given})  # type: ignore[assignment]
    head = network.model[-1]  # type: ignore[index]
    kind = _PoseLoss26 if isinstance(head, Pose26) else _PoseLoss
    loss = E2ELoss(network, kind) if getattr(head, "one2one_cv2", None) is not None else kind(network)
    network.args = kept  # type: ignore[assignment]
    return loss


def raw(outputs: Any) -> dict[str, Any]:
    """The undecoded outputs, of training or of inference: boxes (B, 4 x bins, A), scores (B, 1, A), kpts (B, 51, A),
    feats, one (B, C, h, w) a level; of two branches that which is trained on many candidates."""
    found = outputs[1] if isinstance(outputs, tuple) else outputs
    return dict(found.get("one2many", found))
