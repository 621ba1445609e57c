"""Which stage of a pipeline takes what: of an earlier stage, or from outside."""

from __future__ import annotations

from pathlib import Path

from configs.stages import Pipeline, reference, settings_of, texts

#: Where stages put what later ones take.
SEQUENCES, FRAMES, ACTIONS = "${data}/sequences", "${data}/frames", "${data}/actions.yaml"
SPLIT, REPORT = "${split}/split.yaml", "${evaluate}/report.json"


def inputs(pipeline: Pipeline, stage: str) -> dict[str, str]:
    """What a stage takes, by what it is to it: a path, or `${STAGE}/FILE`. What is not asked for is not in it."""
    found = {name: text for name, text in _OWN[stage](pipeline).items() if text is not None}
    for text in texts(settings_of(pipeline, stage)):
        if text not in found.values() and (reference(text) or _outside(text)):
            found[text] = text
    return found


def pose_file(pipeline: Pipeline) -> str | None:
    """The pose model that the pipeline ends in; None when it makes none."""
    return "${compress_pose}/pose.onnx" if pipeline.compress_pose else None


def head_file(pipeline: Pipeline) -> str | None:
    """The head that the pipeline ends in; None when it makes none."""
    if pipeline.compress_head:
        return "${compress_head}/head.onnx"
    return "${train_head}/head.onnx" if pipeline.train_head else None


def checkpoint(pipeline: Pipeline) -> str | None:
    """The pose checkpoint that other formats are made of."""
    if pipeline.compress_pose:
        return "${compress_pose}/pose.pt"
    return "${train_pose}/pose.pt" if pipeline.train_pose else None


def _outside(text: str) -> bool:
    """Whether a setting names a file, or by a slash in it a folder: a plain word may be the name of any folder."""
    try:
        return Path(text).is_file() or ("/" in text and Path(text).is_dir())
    except (OSError, ValueError):
        return False


def _data(pipeline: Pipeline) -> dict[str, str | None]:
    assert pipeline.data is not None
    return {"path": pipeline.data.path, "pose": pipeline.data.pose}


def _split(pipeline: Pipeline) -> dict[str, str | None]:
    assert pipeline.split is not None and pipeline.data is not None
    theirs = pipeline.data.path if pipeline.split.published is not None else None
    return {"sequences": SEQUENCES, "actions": ACTIONS, "published": theirs}


def _train_pose(pipeline: Pipeline) -> dict[str, str | None]:
    section = pipeline.train_pose
    assert section is not None
    untrained = (section.base or "").endswith(".yaml")
    if section.data is None:
        return {"data": FRAMES, "base": None if untrained else section.base}
    folder = str(Path(section.data).parent)
    return {"data": section.data, "pictures": folder, "base": None if untrained else section.base}


def _train_head(pipeline: Pipeline) -> dict[str, str | None]:
    section = pipeline.train_head
    assert section is not None
    return {"sequences": SEQUENCES, "actions": ACTIONS, "split": SPLIT if pipeline.split else None,
            "base": section.base}  # fmt: skip


def _compress_pose(pipeline: Pipeline) -> dict[str, str | None]:
    source = settings_of(pipeline, "compress_pose")["source"]
    return {"source": "${train_pose}/pose.pt" if pipeline.train_pose else source}


def _compress_head(pipeline: Pipeline) -> dict[str, str | None]:
    source = settings_of(pipeline, "compress_head")["source"]
    return {"source": "${train_head}/head.onnx" if pipeline.train_head else source}


def _evaluate(pipeline: Pipeline) -> dict[str, str | None]:
    assert pipeline.evaluate is not None
    pictures = pipeline.evaluate.pictures
    return {"head": head_file(pipeline), "pose": pose_file(pipeline) if pictures else None, "pictures": pictures,
            "sequences": SEQUENCES, "actions": ACTIONS, "split": SPLIT}  # fmt: skip


def _export(pipeline: Pipeline) -> dict[str, str | None]:
    assert pipeline.export is not None
    return {"head": head_file(pipeline), "pose": pose_file(pipeline),
            "checkpoint": checkpoint(pipeline) if pipeline.export.formats else None}  # fmt: skip


def _publish(pipeline: Pipeline) -> dict[str, str | None]:
    return {"report": REPORT, "head": "${export}/head.onnx" if head_file(pipeline) else None,
            "pose": "${export}/pose.onnx" if pose_file(pipeline) else None}  # fmt: skip


_OWN = {
    "data": _data, "split": _split, "train_pose": _train_pose, "train_head": _train_head,
    "compress_pose": _compress_pose, "compress_head": _compress_head, "evaluate": _evaluate, "export": _export,
    "publish": _publish,
}  # fmt: skip
