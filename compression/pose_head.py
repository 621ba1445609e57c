"""The pose head of a network of Ultralytics: which one it is, its branches, their last layers, and what they give."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def head_of(network: nn.Module) -> Any:
    """The last module of a pose network, which makes its outputs."""
    return network.model[-1]  # type: ignore[index]


def branches_of(head: Any) -> list[dict[str, Any]]:
    """The branches of a pose head by what they give; two sets where it is trained with and without NMS."""
    sets = [head.one2many]
    return [*sets, head.one2one] if getattr(head, "one2one_cv2", None) is not None else sets


def outputs_of(head: Any) -> list[nn.Module]:
    """The last convolution of each branch, and what has no channels to lose."""
    last: list[nn.Module] = [m for m in head.children() if not isinstance(m, nn.ModuleList)]
    for branches in branches_of(head):
        for name, branch in branches.items():
            # The branch of keypoints ends in its own convolution, but where two others read it.
            if name != "pose_head" or "kpts_head" not in branches:
                last += [level[-1] if isinstance(level, nn.Sequential) else level for level in branch]
    return [module for part in last for module in part.modules()]


def features_and_outputs(network: Any, picture: Tensor) -> list[Tensor]:
    """Every output of every branch, without the decoding, which has no channels to follow."""
    made: list[Tensor] = []
    x: Any = picture
    for module in network.model[:-1]:
        if module.f != -1:
            x = made[module.f] if isinstance(module.f, int) else [x if j == -1 else made[j] for j in module.f]
        x = module(x)
        made.append(x)
    head = head_of(network)
    outputs = []
    for branches in branches_of(head):
        for level, feature in enumerate(made[j] for j in head.f):
            outputs += [branches["box_head"][level](feature), branches["cls_head"][level](feature)]
            pose = branches["pose_head"][level](feature)
            read = [branches[name] for name in ("kpts_head", "kpts_sigma_head") if name in branches]
            outputs += [branch[level](pose) for branch in read] if read else [pose]
    return outputs
