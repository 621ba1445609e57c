"""Training inside of a plan: fine-tuning and distillation of pose networks and heads."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from compression.checkpoint import load_network, save_network
from compression.distillation import Distiller
from compression.images import ABSENT, UNKNOWN, PictureSet
from compression.masks import carry, masks_of, smallest
from compression.posetuning import main
from compression.step import Artefact, Context, apply
from compression.trainer import rate, train
from compression.views import collated, plain
from configs.compression import DistillStep, FinetuneStep
from configs.schema import TrainHead
from configs.tuning import Images, Pictures, Soft, Tuning, Views
from keypoints.errors import InputError, ModelError
from keypoints.training.loss import pose_loss, raw
from tests.compression import tiny

SIDE = 64
CALM = Views(person=0, scale=(0.9, 1.1), shift=0.02, rotate_deg=0, turned=0, flip=0, colour=0, grey=0, blur=0, wear=0)
FAST = Tuning(views=CALM, sides=(SIDE,), batch=4, steps=6, save_every=2, learning_rate=2e-3)


@pytest.fixture(scope="module")
def figures() -> list[PictureSet]:
    """Six pictures."""
    return [PictureSet("figures", tuple(tiny.figure(np.random.default_rng(i)) for i in range(6)))]


def weights(network: Any) -> dict[str, torch.Tensor]:
    """All weights and statistics."""
    return dict(network.state_dict())


def same(one: Any, other: Any) -> bool:
    """Whether two networks are equal to the last bit."""
    return all(torch.equal(a, b) for a, b in zip(weights(one).values(), weights(other).values(), strict=True))


def test_the_loss_falls_and_the_network_that_was_given_stays_as_it_was(figures: list[PictureSet]) -> None:
    network = tiny.network()
    before = {name: value.clone() for name, value in weights(network).items()}
    tuned = train(network, figures, FAST.model_copy(update={"steps": 40, "average": 0.9}))
    losses = [point["loss"] for point in tuned.curve]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert all(torch.equal(value, before[name]) for name, value in weights(network).items())


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(figures: list[PictureSet], tmp_path: Path) -> None:
    network, checkpoint = tiny.network(), tmp_path / "training.pt"
    soft = Soft()
    whole = train(network, figures, FAST, distiller=Distiller(tiny.network(0.125, 1), network, soft, SIDE))

    class KilledError(Exception):
        """As by a signal."""

    def kill(point: dict[str, float]) -> None:
        if point["step"] == 5:
            raise KilledError

    with pytest.raises(KilledError):
        train(network, figures, FAST, checkpoint=checkpoint, on_curve=kill,
              distiller=Distiller(tiny.network(0.125, 1), network, soft, SIDE))  # fmt: skip
    assert checkpoint.is_file()
    torch.manual_seed(99)
    steps: list[float] = []
    resumed = train(network, figures, FAST, checkpoint=checkpoint, on_curve=lambda point: steps.append(point["step"]),
                    distiller=Distiller(tiny.network(0.125, 1), network, soft, SIDE))  # fmt: skip
    assert steps == [5, 6]
    assert same(whole.network, resumed.network)
    assert whole.curve == resumed.curve
    assert not checkpoint.exists()


def test_a_checkpoint_of_other_settings_is_refused(figures: list[PictureSet], tmp_path: Path) -> None:
    checkpoint = tmp_path / "training.pt"
    train(tiny.network(), figures, FAST, checkpoint=checkpoint, stop=lambda step: step == 2)
    with pytest.raises(InputError, match="other settings"):
        train(tiny.network(), figures, FAST.model_copy(update={"batch": 2}), checkpoint=checkpoint)


def test_the_learning_rate_rises_and_falls() -> None:
    config = Tuning(steps=100, warm_up=0.1, last_rate=0.05, learning_rate=1.0)
    rates = [rate(step, config) for step in range(101)]
    assert rates[0] < 0.1
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 10
    assert rates[100] == pytest.approx(0.05)


def test_a_joint_of_which_nobody_knows_where_it_is_changes_nothing() -> None:
    """Neither the loss nor a gradient tells whether the model places the joint here or there."""
    network = tiny.network()
    loss_of = pose_loss(network)
    network.train()
    picture = tiny.figure(np.random.default_rng(0))
    values: dict[float, float] = {}
    gradients: dict[float, torch.Tensor] = {}
    for state in (ABSENT, UNKNOWN):
        batch = collated([plain(picture, SIDE)])
        batch.keypoints[0, 15:, 2] = state
        inputs = batch.on("cpu")
        outputs = network(inputs["img"])
        outputs["kpts"].retain_grad()
        parts, _ = loss_of(outputs, inputs)
        parts.sum().backward()
        values[state] = float(parts[2].detach())
        gradients[state] = outputs["kpts"].grad.view(17, 3, -1)[15:]
    assert values[ABSENT] != values[UNKNOWN]
    assert gradients[ABSENT].abs().max() > 0
    assert gradients[UNKNOWN].abs().max() == 0


def test_a_teacher_has_nothing_to_say_to_its_twin_and_much_to_another(figures: list[PictureSet]) -> None:
    images = collated([plain(picture, SIDE) for picture in figures[0].pictures]).on("cpu")["img"]
    teacher, other = tiny.network(seed=1), tiny.network(seed=2)
    with torch.no_grad():
        for student, apart in ((teacher, False), (other, True)):
            distiller = Distiller(teacher, student, Soft(), SIDE)
            parts = distiller(raw(student(images)), distiller.see(images), SIDE)
            assert set(parts) == {"soft_score", "soft_box", "soft_keypoints", "soft_confidence", "soft_features"}
            assert (sum(parts.values()) > 0.05) == apart, parts


def test_every_layer_of_a_teacher_is_a_hint_whatever_the_activation_behind_it(figures: list[PictureSet]) -> None:
    images = collated([plain(picture, SIDE) for picture in figures[0].pictures]).on("cpu")["img"]
    teacher = tiny.network(seed=1).eval()
    twin, other = copy.deepcopy(teacher), tiny.network(seed=2).eval()
    last = twin.model[-1].cv4[0][1]  # nothing that is compared lies behind it
    last.act = nn.ReLU(inplace=True)
    found = {}
    for name, student in (("twin", twin), ("other", other)):
        distiller = Distiller(teacher, student, Soft(outputs=0, features=0, layers=2), SIDE)
        with torch.no_grad(), distiller.watching(student):
            outputs = raw(student(images))
            found[name] = float(distiller(outputs, distiller.see(images), SIDE)["soft_layers"])
        assert not any(m._forward_hooks for m in student.modules())
    assert found["twin"] == pytest.approx(0, abs=1e-9)
    assert found["other"] > 0.1


def test_hints_bring_a_changed_network_back(figures: list[PictureSet]) -> None:
    teacher = tiny.network(seed=1)
    student = copy.deepcopy(teacher)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.mul_(1 + 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    soft = Soft(labels=0, outputs=0, features=0, layers=1)
    config = FAST.model_copy(update={"steps": 30, "norms": "kept", "learning_rate": 1e-3})
    tuned = train(student, figures, config, distiller=Distiller(teacher, student, soft, SIDE))
    shares = [point["soft_layers"] for point in tuned.curve]
    assert np.mean(shares[-3:]) < 0.5 * np.mean(shares[:3])


def test_norms_alone_can_be_trained(figures: list[PictureSet]) -> None:
    network = tiny.network()
    tuned = train(network, figures, FAST.model_copy(update={"trained": "norms"}))
    before = dict(network.named_parameters())
    changed = {name for name, p in tuned.network.named_parameters() if not torch.equal(p, before[name])}
    assert changed
    assert all(before[name].dim() == 1 for name in changed), "no weight of a convolution"


@pytest.mark.parametrize("teacher_side", [96, 128])
def test_a_teacher_may_see_the_picture_larger(figures: list[PictureSet], teacher_side: int) -> None:
    student, teacher = tiny.network(), tiny.network(0.125, 1)
    distiller = Distiller(teacher, student, Soft(), SIDE, teacher_side)
    images = collated([plain(picture, SIDE) for picture in figures[0].pictures[:2]]).on("cpu")["img"]
    student.train()
    parts = distiller(raw(student(images)), distiller.see(images), SIDE)
    total = sum(parts.values())
    total.backward()
    assert torch.isfinite(total)
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in student.parameters())
    assert all(p.grad is None for p in teacher.parameters())


@pytest.mark.parametrize("family", ["yolov8", "yolo26"])
def test_other_families_learn_from_labels_and_from_a_teacher(figures: list[PictureSet], family: str) -> None:
    student, teacher = tiny.network(family=family), tiny.network(0.125, 1)
    tuned = train(student, figures, FAST.model_copy(update={"steps": 2, "norms": "kept"}),
                  distiller=Distiller(teacher, student, Soft(), SIDE))  # fmt: skip
    assert np.isfinite(tuned.curve[-1]["loss"])
    assert not same(tuned.network, student)


def step_of(kind: type[Any], folder: Path, **more: object) -> Any:
    """A finetune or distill step on a folder."""
    images = Images(pictures=(Pictures(folder=str(folder)),))
    return kind(images=images, **{**FAST.model_dump(exclude={"images"}), **more})


@pytest.mark.parametrize("kind", [FinetuneStep, DistillStep])
def test_a_pruned_and_masked_model_keeps_its_shape_and_zeros(kind: type[Any], tmp_path: Path) -> None:
    from compression import pruning
    from compression.blocks import rewrite

    network = tiny.network(0.125)
    save_network(network, tmp_path / "teacher.pt")
    rewrite(network)
    groups = pruning.prunable(network, "l2", head=True)
    pruning.prune(network, pruning.ask(groups, 0.5, {}, scope="layer", round_to=1))
    carry(network, smallest(network, 0.5, "layer"))
    save_network(network, tmp_path / "small.pt")
    more = {"teacher": str(tmp_path / "teacher.pt")} if kind is DistillStep else {}
    config = step_of(kind, tiny.folder(tmp_path / "set"), **more)
    context = Context(tmp_path / "step", root=tmp_path)
    context.folder.mkdir()
    made, metrics = apply(Artefact(tmp_path / "small.pt", "pose"), config, context)
    tuned = load_network(made.path)
    assert {n: v.shape for n, v in weights(tuned).items()} == {n: v.shape for n, v in weights(network).items()}
    assert not same(tuned, network)
    masks = masks_of(tuned)
    assert masks
    for name, weight in tuned.named_parameters():
        if name in masks:
            assert (weight[~masks[name]] == 0).all()
            assert (weight[masks[name]] != 0).float().mean() > 0.99
    assert metrics["last"]["step"] == 6
    assert {"curve.csv", "curve.png", "pose.pt"} <= {path.name for path in context.folder.iterdir()}


def test_a_teacher_with_other_keypoints_is_refused() -> None:
    other = tiny.network()
    other.model[-1].kpt_shape = (21, 3)
    with pytest.raises(ModelError, match="other outputs"):
        Distiller(other, tiny.network(), Soft(), SIDE)


def test_a_step_runs_as_a_command_of_its_own_and_says_what_is_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_network(tiny.network(), tmp_path / "small.pt")
    step = tmp_path / "step.yaml"
    folder = tiny.folder(tmp_path / "set")
    step.write_text(f"step: finetune\nimages: {{pictures: [{{folder: {folder}}}]}}\nsides: [64]\nbatch: 2\nsteps: 2\n")
    arguments = [str(step), str(tmp_path / "small.pt"), str(tmp_path / "out")]
    assert main(arguments) == 0
    assert load_network(tmp_path / "out" / "pose.pt") is not None
    assert main([*arguments, "batchz=3"]) == 2
    assert "did you mean 'batch'" in capsys.readouterr().err
    assert main([*arguments, "images.pictures=[{folder: nowhere}]"]) == 2
    assert "nowhere" in capsys.readouterr().err.splitlines()[-1]


def test_a_head_learns_from_its_teacher_and_keeps_its_masks(tmp_path: Path) -> None:
    from classifier.head import SHIPPED, OnnxHead
    from compression.heads import Head, blank, read_head, write_head
    from data.synthesize import Synthesize, synthesize

    synthesize(Synthesize(count=3, seed=5), tmp_path / "people")
    card = OnnxHead(SHIPPED).card
    write_head(Head(blank(card, 24), card), tmp_path / "teacher.pt")
    head = Head(blank(card, 16), card)
    carry(head.model, smallest(head.model, 0.5, "layer"))
    write_head(head, tmp_path / "masked.pt")
    settings = TrainHead(data=(str(tmp_path / "people"),), epochs=2, batch=32, threads=1, learning_rate=1e-3)
    context = Context(tmp_path / "step", root=tmp_path)
    context.folder.mkdir()
    made, metrics = apply(
        Artefact(tmp_path / "masked.pt", "head"),
        DistillStep(head=settings, teacher=str(tmp_path / "teacher.pt")),
        context,
    )
    tuned = read_head(made.path)
    masks = masks_of(tuned.model)
    assert all((weight[~masks[name]] == 0).all() for name, weight in tuned.model.named_parameters() if name in masks)
    assert not same(tuned.model, head.model)
    assert tuned.card.actions == head.card.actions
    assert 0.4 < metrics["zero_share"] < 0.6
