"""The command `serve`."""

from __future__ import annotations

from pathlib import Path

import click

from configs.command_line import MODEL, progress_bar, settings_option


@click.command()
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--host", help="Where it listens; 0.0.0.0 is every network, behind a token.")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes any that is free.")
@click.option("--pose", type=MODEL, help="Pose model file, or s3://BUCKET/NAME[/VERSION], instead of the shipped one.")
@click.option("--head", type=MODEL, help="Head file, or s3://BUCKET/NAME[/VERSION], instead of the shipped one.")
@settings_option("serve.yaml")
def serve(
    overrides: tuple[str, ...], host: str | None, port: int | None, pose: str | None, head: str | None, config: Path
) -> None:
    """Count over HTTP: an API and a page for pictures, videos, keypoint sequences and webcams.

    It runs until Ctrl-C. /api/openapi.json describes the API; /health, /ready and /metrics (Prometheus) are for
    monitoring.

    \b
    curl --data-binary @photo.jpg http://127.0.0.1:8000/api/image
    curl --data-binary @squats.mp4 http://127.0.0.1:8000/api/jobs
    """
    from edge.process import Stop

    with Stop() as stopped:
        from configs.loader import load_with_counting
        from configs.serving import Serve
        from edge.service.serve import serve as run

        given = {"host": host, "port": port, "pose": pose, "head": head}
        settings = load_with_counting(Serve, config, overrides)
        settings = settings.model_copy(update={key: value for key, value in given.items() if value is not None})
        run(settings, stopped, fetching=progress_bar)
