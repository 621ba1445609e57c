"""What each stage of a pipeline does: it calls one function of its room with what earlier stages made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from compression.pipeline.recordings import file_name, gather, write_actions
from compression.step import Artefact, Context, Kind, Metrics
from configs.loader import load, load_actions
from configs.schema import Actions, Evaluate
from configs.stages import Pipeline, reference, settings_of
from keypoints.errors import InputError
from keypoints.told import Say


@dataclass(frozen=True, slots=True)
class Given:
    """What a stage works on. places: its inputs, by name. root: the folder of all stages. work: a folder that stays
    when the stage is made anew, for what has hashes of its own."""

    places: Mapping[str, Path]
    root: Path
    work: Path

    def __getitem__(self, name: str) -> Path:
        return self.places[name]

    def get(self, name: str) -> Path | None:
        """An input that the pipeline may be without."""
        return self.places.get(name)

    def put_in(self, tree: Any) -> Any:
        """Plain settings, with the place of what an earlier stage made for each `${STAGE}/FILE`."""
        if isinstance(tree, dict):
            return {key: self.put_in(part) for key, part in tree.items()}
        if isinstance(tree, list):
            return [self.put_in(part) for part in tree]
        found = reference(tree) if isinstance(tree, str) else None
        return tree if found is None else str(self.root / found[0] / found[1])


#: `(pipeline, given, context) -> metrics`; it writes into `context.folder`. What it needs to go on after a kill is in
#: `context.scratch`.
Stage = Callable[[Pipeline, Given, Context], Metrics]


def data(pipeline: Pipeline, given: Given, context: Context) -> Metrics:
    """sequences/NAME.npz and actions.yaml; frames/ with data.yaml."""
    from data.sets import Options
    from data.synthesize import synthesize

    section, actions, metrics = pipeline.data, load_actions(), Metrics()
    assert section is not None
    if section.path is not None:
        told: list[str] = []
        options = Options(format=section.format, pose=given.get("pose"), cache=given.work / "keypoints",
                          problem=told.append, progress=_tenths(context.report, "recordings"))  # fmt: skip
        actions, shown = gather(section, context.folder / "sequences", actions, options)
        for line in told:
            context.report(line)
        metrics |= {"recordings": shown, "problems": told}
    for name, settings in (("sequences", section.sequences), ("frames", section.frames)):
        if settings is not None:
            made = context.scratch / name
            synthesize(settings, made, _tenths(context.report, name))
            metrics[name] = sum(1 for _ in made.rglob("*.npz" if name == "sequences" else "*.jpg"))
            made.rename(context.folder / name)
    if section.recordings:
        write_actions(actions, context.folder / "actions.yaml")
    return metrics


def split(pipeline: Pipeline, given: Given, context: Context) -> Metrics:
    """split.yaml."""
    from data import split as splits
    from data.sets import Options

    section, actions = pipeline.split, load(Actions, given["actions"])
    assert section is not None
    if section.published is None:
        made = splits.of_set(given["sequences"], actions, Options(), seed=section.seed, left_out=section.without)
    else:
        theirs = splits.of_set(given["published"], actions, Options(), seed=section.seed, left_out=section.without,
                               published_split=section.published)  # fmt: skip
        there = {path.stem for path in given["sequences"].glob("*.npz")}
        made = {part: tuple(name for name in map(file_name, names) if name in there) for part, names in theirs.items()}
    splits.write(made, context.folder / "split.yaml", given["sequences"].name, section.seed)
    return {part: len(names) for part, names in made.items()}


def train_pose(pipeline: Pipeline, given: Given, context: Context) -> Metrics:
    """pose.pt, and its curve."""
    from keypoints.told import Told
    from keypoints.training.job import folder_of
    from keypoints.training.job import train_pose as train

    section, out = pipeline.train_pose, context.scratch / "out" / "pose.pt"
    assert section is not None and section.base is not None
    base = given.get("base") or _untrained(section.base, section.seed, context.scratch / "base.pt")
    pictures = given["data"] / "data.yaml" if given["data"].is_dir() else given["data"]
    settings = section.model_copy(update={"data": str(pictures), "base": str(base)})
    told = Told(report=lambda figures: context.report(_figures(figures)), say=context.report, problem=context.report)
    made = train(settings, out, resume=folder_of(out).is_dir() or out.is_file(), told=told)
    _move(out.parent, context.folder)
    return dict(made.metrics)


def train_head(pipeline: Pipeline, given: Given, context: Context) -> Metrics:
    """head.onnx, and its curve."""
    from classifier.curve import line
    from classifier.job import train_head as train
    from data.collect import for_training

    section, actions, out = pipeline.train_head, load(Actions, given["actions"]), context.scratch / "out" / "head.onnx"
    assert section is not None and pipeline.data is not None
    section = section.model_copy(update={"classes": pipeline.data.classes})
    parts, theirs = given.get("split"), pipeline.data.path
    placed = {"data": (str(given["sequences"]),), "split": str(parts) if parts else None}
    found = for_training(section.model_copy(update=placed), context.scratch, actions, say=context.report,
                         problem=context.report)  # fmt: skip
    # Settings are hashed into the head's card: no place of this machine belongs there.
    named = {"data": ("data/sequences",), "split": "split/split.yaml" if parts else None}
    said = found.said if theirs is None else [f"keypoint sequences of {Path(theirs).name}"]
    card = train(
        found.sequences, found.actions, section.model_copy(update=named), out, trained_on=said,
        command=context.command, validation=found.validation, resume=True,
        on_epoch=lambda figures: context.report(line(figures, section.epochs)), note=context.report,
    )  # fmt: skip
    _move(out.parent, context.folder)
    return dict(card.metrics)


def compress_pose(pipeline: Pipeline, given: Given, context: Context) -> Metrics:
    """pose.onnx, and pose.pt, the last checkpoint before it."""
    metrics = _compress("pose", pipeline, given, context)
    if not (context.folder / "pose.onnx").is_file():
        raise InputError("ends in a checkpoint", field="compress_pose", expected="quantize or export as its last step")
    return metrics


def compress_head(pipeline: Pipeline, given: Given, context: Context) -> Metrics:
    """head.onnx."""
    metrics = _compress("head", pipeline, given, context)
    if not (context.folder / "head.onnx").is_file():
        from compression.head_agreement import write_int8

        write_int8(context.folder / "head.pt", context.folder / "head.onnx")
    return metrics


def _compress(kind: Kind, pipeline: Pipeline, given: Given, context: Context) -> Metrics:
    """Run a plan, its steps in a folder that stays; the last model and the last checkpoint come from there."""
    from compression.job import compress

    steps = given.put_in(settings_of(pipeline, f"compress_{kind}")["steps"])
    file = context.scratch / "plan.yaml"
    file.write_text(yaml.safe_dump({"steps": steps}, sort_keys=False), encoding="utf-8")
    made = compress(kind, file, given.work / "steps", source=given.get("source"), command=context.command,
                    report=context.report)  # fmt: skip
    folders = [(record, given.work / "steps" / record.folder) for record in made.records]
    models = [folder / record.artefact for record, folder in folders if record.artefact]
    for model in [*([given["source"]] if "source" in given.places else []), *models]:
        if model.suffix in (".pt", ".onnx"):
            shutil.copyfile(model, context.folder / f"{kind}{model.suffix}")
    if made.artefact.path.suffix == ".pt":  # an export among the steps is not what the plan ends in
        (context.folder / f"{kind}.onnx").unlink(missing_ok=True)
    for _, folder in folders:
        if (folder / "report.html").is_file():
            shutil.copyfile(folder / "report.html", context.folder / "report.html")
    return {record.name: record.metrics for record, _ in folders}


def evaluate(pipeline: Pipeline, given: Given, context: Context) -> Metrics:
    """report.html and report.json."""
    from classifier.evaluation.job import evaluate as measure
    from classifier.evaluation.screen import LabelledSet
    from classifier.head import SHIPPED
    from data.sets import Options
    from data.split import read_part

    section, actions, told = pipeline.evaluate, load(Actions, given["actions"]), list[str]()
    assert section is not None
    records = tuple(read_part(given["sequences"], actions, Options(problem=told.append), given["split"], section.part))
    settings = Evaluate.model_validate(section.model_dump(include=set(Evaluate.model_fields)))
    report, _ = measure((given.get("head") or SHIPPED,), [LabelledSet(section.part, records, tuple(told))], actions,
                        settings, context.folder, command=context.command)  # fmt: skip
    for line in report.lines():
        context.report(line)
    if section.pictures is None:
        return {"sequences": len(records)}
    from compression.accuracy import labelled, pck, predictor
    from keypoints.yolo import SHIPPED as SHIPPED_POSE

    seen = pck(predictor(given.get("pose") or SHIPPED_POSE), labelled(given["pictures"], section.limit)).as_metrics()
    context.report(f"pose: PCK {seen['pck']:.3f} on {seen['frames']} pictures")
    file = context.folder / "report.json"
    content = json.loads(file.read_text(encoding="utf-8")) | {"pose": seen}
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return {"sequences": len(records), "pose": seen}


def export(pipeline: Pipeline, given: Given, context: Context) -> Metrics:
    """head.onnx, pose.onnx, and the pose model in other formats; each is opened as it will be used."""
    from classifier.head import OnnxHead
    from compression.step import apply
    from keypoints.yolo import YoloPose

    assert pipeline.export is not None
    for name, opened in (("head", OnnxHead), ("pose", YoloPose)):
        model = given.get(name)
        if model is not None:
            opened(Path(shutil.copyfile(model, context.folder / f"{name}.onnx")))
    step = pipeline.export.step
    if step is None:
        return {}
    settings = type(step).model_validate(given.put_in(step.model_dump(mode="json", by_alias=True)))
    return apply(Artefact(given["checkpoint"], "pose"), settings, context)[1]


def publishing(publish: Callable[..., Any]) -> Stage:
    """The stage that hands the exported models to `edge.publish.publish`; published.json says where they are."""

    def stage(pipeline: Pipeline, given: Given, context: Context) -> Metrics:
        files = [given[name] for name in ("head", "pose") if name in given.places]
        made = publish(pipeline.publish, files, given["report"], say=context.report)
        for notice in made.notices:
            context.report(notice)
        told = {"url": made.url, "version": made.version, "keys": list(made.keys)}
        (context.folder / "published.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        return told

    return stage


#: What makes each stage, but for `publish`: this room does not know the one that does it.
STAGES: dict[str, Stage] = {
    "data": data, "split": split, "train_pose": train_pose, "train_head": train_head, "compress_pose": compress_pose,
    "compress_head": compress_head, "evaluate": evaluate, "export": export,
}  # fmt: skip


def check(pipeline: Pipeline, out: Path) -> None:
    """What a stage would say after hours, said before any runs. Raises InputError."""
    if pipeline.train_head is not None and pipeline.data is not None:
        from classifier.job import check as check_head

        named = {"classes": pipeline.data.classes, "data": ("data/sequences",)}
        check_head(pipeline.train_head.model_copy(update=named), load_actions(), out / ".work" / "head.onnx")


def _untrained(name: str, seed: int, file: Path) -> Path:
    """A checkpoint of Ultralytics' architecture `name` (yolo11n-pose.yaml), as it is before any training."""
    import torch

    from keypoints.checkpoint import keep_to_itself, save_network
    from keypoints.files import whole

    if file.is_file():
        return file
    keep_to_itself()
    from ultralytics.nn.tasks import PoseModel, yaml_model_load

    try:
        shape = yaml_model_load(name)
    except FileNotFoundError:
        raise InputError("no such architecture", field="train_pose.base", expected="such as yolo11n-pose.yaml",
                         found=name) from None  # fmt: skip
    torch.manual_seed(seed)
    network = PoseModel(shape | {"nc": 1, "kpt_shape": [17, 3]}, ch=3, verbose=False)
    network.task = "pose"
    with whole(file) as partial:
        save_network(network, partial)
    return file


def _move(source: Path, target: Path) -> None:
    """Move what a job wrote into one folder to another."""
    for path in sorted(source.iterdir()):
        path.rename(target / path.name)


def _figures(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def _tenths(say: Say, what: str) -> Callable[[int, int], None]:
    """Tells of every tenth of some work."""

    def tell(done: int, total: int) -> None:
        if done == total or 10 * done // total > 10 * (done - 1) // total:
            say(f"{done} of {total} {what}")

    return tell
