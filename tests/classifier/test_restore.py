"""A head file back into its model: every architecture, rounded weights or not; other files are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from keypoints.card import CardAction, HeadCard
from keypoints.errors import ModelError

torch = pytest.importorskip("torch", reason="heads are trained with the extra [train]")

from classifier.export import export_head, round_weights  # noqa: E402
from classifier.heads import HeadModel, bodies  # noqa: E402
from classifier.restore import load_head  # noqa: E402


def model_and_card(name: str, hidden: int = 16) -> tuple[HeadModel, HeadCard]:
    torch.manual_seed(1)
    model = HeadModel(name, hidden, 3, 12, 6.0).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    actions = tuple(CardAction(name=n, kind="reps") for n in ("squat", "lunge", "hop"))
    card = HeadCard(name=f"repsight-{name}", version="1", licence="x", trained_on=("x",), actions=actions, window=12,
                    rate_hz=6, temperature=1.3)  # fmt: skip
    return model, card


@pytest.mark.parametrize("name", bodies())
@pytest.mark.parametrize("rounded", [False, True])
def test_every_weight_comes_back(name: str, rounded: bool, tmp_path: Path) -> None:
    model, card = model_and_card(name)
    if rounded:
        round_weights(model)
    export_head(model, card, tmp_path / "head.onnx")
    restored = load_head(tmp_path / "head.onnx")
    for before, after in zip(model.parameters(), restored.parameters(), strict=True):
        assert torch.allclose(before, after, atol=1e-5)


def test_a_file_of_another_architecture_than_it_says_is_refused(tmp_path: Path) -> None:
    model, card = model_and_card("gru")
    export_head(model, card.model_copy(update={"name": "repsight-tcn"}), tmp_path / "head.onnx")
    with pytest.raises(ModelError, match=r"head\.onnx: its weights can't be read back"):
        load_head(tmp_path / "head.onnx")
    export_head(model, card.model_copy(update={"name": "mine"}), tmp_path / "head.onnx")
    with pytest.raises(ModelError, match=r"expected repsight-gru or .* found mine"):
        load_head(tmp_path / "head.onnx")
