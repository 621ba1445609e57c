# RepSight: `make run` counts reps, `make test` proves that it does.
#
# Each target makes the virtual environment that it needs out of a lock file, once.
# The locks are complete, so everything is installed without looking at dependencies (--no-deps): mediapipe asks
# for opencv-contrib-python, which must never stand beside opencv-python, and so is in no lock.

.PHONY: run test test-pi install-pi uninstall-pi lint types lock dist clean help
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python 3.11 to 3.13 here that can make a virtual environment; `make run PYTHON=/path/to/python3.12` takes another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)
# `make run VENV_ARGS=--system-site-packages` lets the environment see Debian's packages, picamera2 among them.
VENV_ARGS ?=

RUN := .venv-run
TEST := .venv-test

# A Raspberry Pi that counts by itself. DESTDIR=DIR installs below DIR instead, and asks for no root rights.
DESTDIR ?=
KIOSK ?= auto
OPT := $(DESTDIR)/opt/repsight
AS_ROOT := $(if $(or $(DESTDIR),$(filter 0,$(shell id -u))),,sudo)
# picamera2 is in Raspberry Pi OS alone; cage and Chromium are the kiosk.
PI_PACKAGES = python3-venv libgl1 libglib2.0-0 espeak-ng alsa-utils \
	$(if $(filter none,$(KIOSK)),,chromium cage) \
	$(shell apt-cache show python3-picamera2 >/dev/null 2>&1 && echo python3-picamera2)
COMPILE := $(TEST)/bin/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-annotate --no-emit-package opencv-contrib-python --custom-compile-command 'make lock'

help:
	@echo 'make run [SOURCE=...] [ARGS=...]  count reps: camera 0 if there is one, else the demo clip'
	@echo '                                  SOURCE: camera, video file, stream, folder of images, demo'
	@echo '                                  ARGS:   any option of `repsight run`, such as --screen terminal'
	@echo 'make test [ARGS=...]              run all tests, on every core; ARGS: any option of pytest'
	@echo 'make install-pi [KIOSK=none]      have a Raspberry Pi count from the moment it is switched on'
	@echo 'make uninstall-pi                 undo that; the history stays'
	@echo 'make test-pi                      run the runtime half on an emulated Raspberry Pi 5 and 4, beside this PC'
	@echo 'make lint, make types             ruff, mypy'
	@echo 'make lock                         resolve the lock files anew'
	@echo 'make dist                         build sdist and wheel into dist/'
	@echo 'make clean                        remove the environments and everything built'

run: $(RUN)/.installed
	@$(RUN)/bin/python cli.py run $${SOURCE:+"$$SOURCE"} $(ARGS)

test: $(TEST)/.ready
	@$(TEST)/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

# What is written about a Raspberry Pi, proved on an emulated one; it needs a Debian, and no root rights.
test-pi: $(TEST)/.ready
	@$(TEST)/bin/python -m pytest tests/pi/on_arm.py $(ARGS)

install-pi: requirements/pi.lock
	@test -n "$(DESTDIR)" || { $(AS_ROOT) apt-get update -qq && \
		$(AS_ROOT) apt-get install -qq --yes --no-install-recommends $(PI_PACKAGES); }
	@echo 'Making $(OPT); it takes a few minutes ...'
	@$(AS_ROOT) $(PYTHON) -m venv --system-site-packages $(OPT)
	@$(AS_ROOT) $(OPT)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --only-binary :all: \
		--requirement $<
	@rm -rf build/pi && $(OPT)/bin/python -m pip wheel -qq --disable-pip-version-check --no-deps --wheel-dir build/pi .
	@$(AS_ROOT) $(OPT)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --force-reinstall build/pi/*.whl
	@$(AS_ROOT) $(OPT)/bin/python -P -m cli pi install --root "$(DESTDIR)/" --kiosk $(KIOSK)

uninstall-pi:
	@test ! -x $(OPT)/bin/python || $(AS_ROOT) $(OPT)/bin/python -P -m cli pi uninstall --root "$(DESTDIR)/"
	@$(AS_ROOT) rm -rf $(OPT)
	@test -z "$(DESTDIR)" || rmdir --ignore-fail-on-non-empty $(DESTDIR)/opt $(DESTDIR)

lint: $(TEST)/.installed
	@$(TEST)/bin/ruff check
	@$(TEST)/bin/ruff format --check

types: $(TEST)/.installed
	@$(TEST)/bin/mypy

lock: $(TEST)/.installed
	$(COMPILE) setup.cfg --extra web --output-file requirements/run.lock
	$(COMPILE) setup.cfg --extra web --extra pi --constraint requirements/run.lock --output-file requirements/pi.lock
	$(COMPILE) setup.cfg --all-extras --constraint requirements/run.lock --constraint requirements/pi.lock --output-file requirements/test.lock

# The wheel is built from the sdist, so that the sdist has what it takes.
dist: $(TEST)/.installed
	@rm -rf dist
	@$(TEST)/bin/uv build --quiet --offline --no-build-isolation --python $(TEST)/bin/python --out-dir dist
	@ls dist/*.whl dist/*.tar.gz

clean:
	rm -rf $(RUN) $(TEST) .pi build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find . -name __pycache__ -prune -exec rm -rf {} +

# A virtual environment out of its lock: .venv-run from requirements/run.lock, .venv-test from requirements/test.lock.
# Python 3.11 puts a setuptools of its own into it; only the lock says who needs one.
.venv-%/.installed: requirements/%.lock
	@test -n "$(PYTHON)" || { echo 'No Python 3.11 to 3.13 with venv here. On Debian and Raspberry Pi OS:' \
		'sudo apt-get install python3-venv. Or name one: make PYTHON=/path/to/python3.12' >&2; exit 1; }
	@echo 'Making $(@D) with $(PYTHON), once; it takes a few minutes ...'
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(VENV_ARGS) $(@D)
	@$(@D)/bin/python -m pip uninstall -qq --disable-pip-version-check --yes setuptools
	@$(@D)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --only-binary :all: --requirement $<
	@touch $@

# The project itself, editable: the `repsight` command, its version, its entry points.
$(TEST)/.ready: $(TEST)/.installed setup.cfg pyproject.toml
	@$(TEST)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
