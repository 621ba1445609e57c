"""The commands of the edge that are about the machine it runs on."""

from __future__ import annotations

from pathlib import Path

import click

from configs.command_line import FILE, command_line, progress_bar, settings_option


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--source", help="As of `run`; a file begins anew when it ends.  [default: demo]")
@click.option("--quick", is_flag=True, help="128 frames and 3 s, instead of 1,024 frames and 30 s at the least.")
@click.option("--frames", type=click.IntRange(min=4), help="Exactly so many frames, however long that takes.")
@click.option(
    "--models", type=FILE, multiple=True, help="To run beside it: .onnx, .pt, .task or .tflite; may be repeated."
)
@click.option("--cores", type=click.IntRange(min=0), default=1, show_default=True, help="To use; 0 for all.")
@click.option("--json", "json_file", type=FILE, help="Write every figure.")
@click.option("--picture", type=FILE, metavar="PNG", help="Draw the stages as stacked bars.")
@click.option("--growth", type=FILE, metavar="PNG", help="Measure and draw what more people, pixels and cameras cost.")
@click.option("--compare", type=(FILE, FILE), metavar="A.json B.json", help="Compare two results; measures nothing.")
@settings_option("run.yaml")
@click.pass_context
def benchmark(
    ctx: click.Context,
    overrides: tuple[str, ...],
    source: str | None,
    quick: bool,
    frames: int | None,
    models: tuple[Path, ...],
    cores: int,
    json_file: Path | None,
    picture: Path | None,
    growth: Path | None,
    compare: tuple[Path, Path] | None,
    config: Path,
) -> None:
    """Measure where every millisecond of a frame goes, and what the chain takes from this machine.

    The chain runs in a process of its own as `run` does, every frame drawn. With --models it then runs side by side
    with others: other pose models in the same chain, or what others offer (Ultralytics, MediaPipe, a model alone).
    """
    from rich.console import Console

    from edge.benchmark.chain import Amount
    from edge.benchmark.job import benchmark as measure
    from edge.benchmark.job import comparison
    from edge.benchmark.show import show, show_comparison
    from edge.run import load_settings

    if compare is not None:
        rows, notes, names = comparison(compare, picture)
        show_comparison(rows, notes, names, Console())
        if picture is not None:
            click.secho(f"wrote {picture}", bold=True)
        return
    settings, counting = load_settings(config, overrides)
    source = source or (settings.source if settings.source != "auto" else "demo")
    settings = settings.model_copy(update={"source": source})
    amount = Amount.quick() if quick else Amount()
    made = measure(
        settings, counting, Amount(frames, 0.0, min(frames, amount.warm_up)) if frames else amount, models=models,
        cores=cores, json_file=json_file, picture=picture, growth=growth, command=command_line(),
        say=lambda line: click.echo(line, err=True), progress=progress_bar,
    )  # fmt: skip
    show(made.result, Console())
    if made.written:
        click.secho(f"wrote {', '.join(map(str, made.written))}", bold=True)
    ctx.exit(made.exit_code)
