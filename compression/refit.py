"""A changed network made to answer as it did: each convolution solved anew for what it gave before the change.

Channels that leave take with them what the next layer read from them; much of it can be told from those that are left.
So layer by layer, from the picture to the outputs, the weights are found whose answer to the changed network's own
features is nearest, in least squares, to what the same layer answered in the unchanged network. It needs no label and
no gradient (He, Zhang and Sun, "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV 2017, equation 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from compression.codebook import Counts, clustered

#: Places of a feature map that are looked at, at most: neighbours say much the same.
_PLACES = 192

#: Weight of staying near the present weights, beside the mean square of what a layer reads.
_RIDGE = 3e-4


class _Seen(Exception):  # noqa: N818 - no error: it ends a pass through the network where nothing more is wanted
    pass


@torch.no_grad()
def refit(
    network: nn.Module,
    source: nn.Module,
    kept: Mapping[str, Tensor],
    batches: Sequence[Tensor],
    report: Callable[[str], None] = lambda line: None,
    counts: Counts = lambda name, size: None,
) -> dict[str, float]:
    """Solve the convolutions of `network` anew, in place, in the order in which pictures pass them.

    source: the network that it was made from, with modules of the same names. kept: by the name of a convolution, which
    output channels of the source's (out,) it still has; a name that is missing has all of them. batches: pictures
    (B, 3, side, side). counts: by a layer's name and the number of its weights, how many levels these come from, see
    `compression.codebook`; None leaves them free. Returns by layer the share of its answer's variance that is not met.
    """
    network.eval()
    source.eval()
    names = _order(source, batches[0][:1])
    places = {name: _places(shape, number) for number, (name, shape) in enumerate(names.items())}
    wanted = _answers(source, kept, places, batches)
    missed: dict[str, float] = {}
    modules, source_modules = dict(network.named_modules()), dict(source.named_modules())
    norms = {name: modules.get(f"{name.removesuffix('.conv')}.bn") if name.endswith(".conv") else None
             for name in names}  # fmt: skip
    for number, name in enumerate(names, 1):
        read = torch.cat([_patches(modules[name], _input(network, modules[name], batch), places[name])
                          for batch in batches])  # fmt: skip
        answer = wanted.pop(name)
        missed[name] = _solve(modules[name], norms[name], read, answer, counts(name, modules[name].weight.numel()))
        whole = name.removesuffix(".conv")
        if _straightened(source_modules.get(whole), modules.get(whole)):
            _bend(modules[whole], source_modules[whole], read, answer, kept.get(name, slice(None)))
        if number % 10 == 0 or number == len(names):
            report(f"layer {number} of {len(names)} refitted")
    return missed


def _order(network: nn.Module, picture: Tensor) -> dict[str, tuple[int, int]]:
    """The convolutions with learned weights by name, in the order of the pass, and the size of what each gives."""
    found: dict[str, tuple[int, int]] = {}

    def note(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            found[name] = (output.shape[2], output.shape[3])

        return hook

    hooks = [
        module.register_forward_hook(note(name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and ".dfl" not in name
    ]
    network(picture)
    for hook in hooks:
        hook.remove()
    return found


def _places(shape: tuple[int, int], seed: int) -> Tensor:
    """Rows and columns (2, P) of the places of a feature map that are looked at."""
    height, width = shape
    chosen = torch.randperm(height * width, generator=torch.Generator().manual_seed(seed))[:_PLACES]
    return torch.stack([chosen // width, chosen % width])


def _answers(
    source: nn.Module, kept: Mapping[str, Tensor], places: Mapping[str, Tensor], batches: Sequence[Tensor]
) -> dict[str, Tensor]:
    """What each convolution of the source gives at its places: (rows, channels that are kept)."""
    found: dict[str, list[Tensor]] = {name: [] for name in places}

    def keep(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            rows, columns = places[name]
            answer = output[:, :, rows, columns].permute(0, 2, 1).flatten(0, 1)
            found[name].append(answer[:, kept[name]] if name in kept else answer)

        return hook

    modules = dict(source.named_modules())
    hooks = [modules[name].register_forward_hook(keep(name)) for name in places]
    for batch in batches:
        source(batch)
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(answers) for name, answers in found.items()}


def _input(network: nn.Module, module: nn.Module, batch: Tensor) -> Tensor:
    """What a module of the network reads."""
    found: list[Tensor] = []

    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        found.append(inputs[0])
        raise _Seen

    handle = module.register_forward_pre_hook(hook)
    try:
        network(batch)
    except _Seen:
        pass
    finally:
        handle.remove()
    return found[0]


def _patches(conv: Any, values: Tensor, places: Tensor) -> Tensor:
    """What a convolution multiplies at its places: (rows, channels, kernel positions)."""
    (high, wide), (down, right), (top, left) = conv.kernel_size, conv.stride, conv.padding
    padded = nn.functional.pad(values, (left, left, top, top))
    rows = places[0][:, None] * down + torch.arange(high).repeat_interleave(wide)
    columns = places[1][:, None] * right + torch.arange(wide).repeat(high)
    return padded[:, :, rows, columns].permute(0, 2, 1, 3).flatten(0, 1)


def _solve(conv: Any, norm: Any, read: Tensor, wanted: Tensor, count: int | None) -> float:
    """Put the best weights into a convolution; a constant goes to its bias, or into the mean of the norm behind it.

    count: of the levels that the weights come from.
    """
    weight = conv.weight.flatten(1).double()  # (out, in / groups * positions)
    groups = conv.groups
    rows, outputs = len(read), conv.out_channels
    values = read.double().view(rows, groups, -1)
    target = wanted.double().view(rows, groups, outputs // groups)
    mean_read, mean_wanted = values.mean(0), target.mean(0)
    values, target = values - mean_read, target - mean_wanted
    now = weight.view(groups, outputs // groups, -1)
    left = target - torch.einsum("rgi,goi->rgo", values, now)
    square = torch.einsum("rgi,rgj->gij", values, values) if groups > 1 else (values[:, 0].T @ values[:, 0])[None]
    size = square.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-12)
    square = square + torch.diag_embed((_RIDGE * size)[:, None].expand(-1, square.shape[1]))
    change = torch.linalg.solve(square, torch.einsum("rgi,rgo->gio", values, left)).transpose(1, 2)
    new = now + change
    if count is not None and groups == 1:
        new = clustered(new[0], square[0], count)[None]
    constant = (mean_wanted - torch.einsum("gi,goi->go", mean_read, new)).flatten().float()
    conv.weight.copy_(new.reshape(conv.weight.shape).float())
    if conv.bias is not None:
        conv.bias.copy_(constant)
    elif norm is not None:
        norm.running_mean -= constant
    rest = target - torch.einsum("rgi,goi->rgo", values, new)
    return float(rest.square().sum() / target.square().sum().clamp(min=1e-12))


def _straightened(before: Any, now: Any) -> bool:
    """Whether a block's activation was SiLU and is ReLU now."""
    return isinstance(getattr(before, "act", None), nn.SiLU) and isinstance(getattr(now, "act", None), nn.ReLU)


#: Where the bend of a ReLU is tried, in units of what it is given.
_BENDS = tuple(step / 10 for step in range(-15, 16))


def _bend(block: Any, before: Any, read: Tensor, answer: Tensor, kept: Any) -> None:
    """Scale and shift each channel so that its ReLU follows, but for a constant, the SiLU that it stands for.

    read: what the convolution multiplies at its places. answer: what the source's convolution gave there.
    """
    norm, was = block.bn, before.bn
    conv = block.conv
    groups, rows = conv.groups, len(read)
    weight = conv.weight.flatten(1).view(groups, conv.out_channels // groups, -1)
    given = torch.einsum("rgi,goi->rgo", read.view(rows, groups, -1), weight).flatten(1)
    slope = norm.weight / (norm.running_var + norm.eps).sqrt()
    given = (given - norm.running_mean) * slope + norm.bias
    was_slope = (was.weight / (was.running_var + was.eps).sqrt())[kept]
    target = nn.functional.silu((answer - was.running_mean[kept]) * was_slope + was.bias[kept])
    target = target - target.mean(0)
    best = torch.full((given.shape[1],), -1.0)
    scale, shift = torch.ones_like(best), torch.zeros_like(best)
    for bend in _BENDS:
        bent = (given + bend).relu()
        bent = bent - bent.mean(0)
        product, power = (bent * target).sum(0), bent.square().sum(0)
        met = product.clamp(min=0) ** 2 / power.clamp(min=1e-9)
        better = (met > best) & (power > 1e-6)
        best = torch.where(better, met, best)
        scale = torch.where(better, product / power.clamp(min=1e-9), scale)
        shift = torch.where(better, torch.tensor(bend), shift)
    scale = scale.clamp(min=0.1)
    norm.bias.copy_(scale * (norm.bias + shift))
    norm.weight.mul_(scale)
