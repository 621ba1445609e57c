# RepSight in a container, for amd64 and arm64: the runtime half and the web extra, no PyTorch.
#
#     docker build --tag repsight .
#     docker run --rm --publish 127.0.0.1:8000:8000 repsight       # the HTTP service
#
# compose.yaml has the service and the runner before a camera; docs/cloud.md the service behind TLS.

FROM debian:trixie-slim AS build
# No versions: a release's own updates are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/repsight
COPY requirements/run.lock /src/requirements/
# What the lock names and nothing else, by its hashes; wheels alone.
RUN /opt/repsight/bin/pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes \
    --requirement /src/requirements/run.lock
WORKDIR /src
COPY LICENSE README.md pyproject.toml setup.cfg cli.py ./
COPY keypoints keypoints
COPY classifier classifier
COPY compression compression
COPY edge edge
COPY data data
COPY configs configs
RUN /opt/repsight/bin/pip install --no-cache-dir --no-deps . \
 && /opt/repsight/bin/pip uninstall --yes pip

FROM debian:trixie-slim
# The same Python as above; cv2 loads the libraries. The drivers behind libGL, 190 MB, draw on a display, and there is none.
# No versions: a release's own updates are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 libgl1 libglib2.0-0 \
 && rm -rf /var/lib/apt/lists/* /usr/lib/*/libLLVM.so.* /usr/lib/*/libgallium-*.so /usr/lib/*/libz3.so.* \
 && useradd --uid 10001 --user-group --home-dir /var/lib/repsight --create-home --shell /usr/sbin/nologin repsight \
 && install --directory --owner repsight --group repsight --mode 0700 /var/lib/repsight /var/cache/repsight
COPY --from=build /opt/repsight /opt/repsight
# The token and the history, and what is made once; both may be volumes, and everything else read-only.
ENV PATH=/opt/repsight/bin:$PATH HOME=/var/lib/repsight XDG_DATA_HOME=/var/lib XDG_CACHE_HOME=/var/cache \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8
USER 10001:10001
WORKDIR /var/lib/repsight
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["repsight"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
