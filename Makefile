# The two commands of a newcomer are `make demo` and `make test`; both set up everything they need,
# in the versions of .ci/lock. The build of torch is chosen by .ci/choose_torch.py: the one for CPUs
# where no NVIDIA driver is seen. TORCH= selects another, by arguments for pip, as
# `make test TORCH='torch==2.13.0 --index-url URL'`, a wheel, or a folder of wheels.

PYTHON ?= python3
VENV   ?= .venv
TORCH  ?=
export TORCH
# Many tests wait for cameras and clocks, so there may be more of them at once than cores.
WORKERS ?= $(shell echo $$(( $$(nproc) * 3 / 2 )))
QUIET   = --disable-pip-version-check --quiet
PIP     = $(VENV)/bin/python -m pip $(QUIET)
SUDO    = $(if $(filter 0,$(shell id -u)),,$(if $(shell command -v sudo),sudo -n,))
# The real parts that tests talk to: codecs, an MQTT broker, Prometheus, a browser, RTSP and WebRTC
# servers, networks.
DEBIAN  = ffmpeg libavif-bin mosquitto mosquitto-clients prometheus chromium gir1.2-gst-rtsp-server-1.0 \
          gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice python3-gi gstreamer1.0-plugins-base \
          gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly \
          glib-networking iproute2 iptables libfaketime openssl curl jq systemd docker-compose \
          gcc libc6-dev

.PHONY: demo test test-lowest test-newest coverage lint lock docs bench release debian clean

demo: $(VENV)/.run
	$(VENV)/bin/streamsel demo --overwrite -o demo

test: $(VENV)/.develop debian
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(VENV)/.develop
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# The pages as a site, in site/.
docs: $(VENV)/.develop
	$(VENV)/bin/mkdocs build --strict

# Renews the tables of docs/benchmarks.md, in two hours or so. VIDEOS is a folder of clips; what they
# are called is said where one is missing. The peers have an environment of their own.
bench: $(VENV)/.develop $(VENV)/peers/.done
	$(PIP) list --format=freeze | grep '^torch==' > $(VENV)/torch.txt
	$(PIP) install -c $(VENV)/torch.txt -e '.[bench]'
	$(VENV)/bin/python -m tests.bench.worth --media $(VIDEOS) --peers $(VENV)/peers/bin --out docs/benchmarks.md
	$(VENV)/bin/python -m tests.bench.selection_quality $(VIDEOS) --out docs/benchmarks.md
	$(VENV)/bin/python -m tests.bench.speed.end_to_end --videos $(VIDEOS) --peers $(VENV)/peers --out docs/benchmarks.md
	$(VENV)/bin/python -m tests.bench.speed.length --videos $(VIDEOS) --out docs/benchmarks.md
	$(VENV)/bin/python -m tests.bench.plots docs/benchmarks.md
	$(VENV)/bin/python -m pytest -n0 tests/bench/speed/stages.py

$(VENV)/peers/.done: | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip install --quiet 'scenedetect[opencv-headless]' video-sampler
	touch $@

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || ($(PYTHON) -m pip install --user virtualenv && $(PYTHON) -m virtualenv $(VENV))

# The lock holds everything that is needed, so nothing is looked for beyond it.
$(VENV)/.run: pyproject.toml $(wildcard .ci/lock/*.txt) | $(VENV)/bin/python
	$(PIP) install --no-deps --require-hashes -r .ci/lock/build.txt -r .ci/lock/run.txt
	$(VENV)/bin/python .ci/choose_torch.py torch
	$(PIP) install --no-deps --no-build-isolation -e .
	$(PIP) check
	touch $@

$(VENV)/.develop: $(VENV)/.run
	$(PIP) install --no-deps --require-hashes -r .ci/lock/test.txt
	$(VENV)/bin/python .ci/choose_torch.py torch torchvision
	$(PIP) check
	touch $@

$(VENV)/bin/uv: .ci/lock/uv.txt | $(VENV)/bin/python
	$(PIP) install --no-deps --require-hashes -r $<
	touch $@

# All tests without the lock: the newest of everything.
test-newest: debian
	$(PYTHON) -m venv $(VENV)/newest
	$(VENV)/newest/bin/python .ci/choose_torch.py --newest torch torchvision
	$(VENV)/newest/bin/python -m pip list --format=freeze | grep '^torch==' > $(VENV)/newest/torch.txt
	$(VENV)/newest/bin/python -m pip $(QUIET) install --upgrade -c $(VENV)/newest/torch.txt -e '.[test,lint,training]'
	$(VENV)/newest/bin/python -m pytest -n $(WORKERS) --dist worksteal

# The unit tests with the lowest versions that pyproject.toml allows, torch apart. Old releases use
# what newer ones deprecate, so that is no failure here.
LOWEST = $(VENV)/lowest/requirements.txt
UNITS  = $(addprefix tests/,api cli config contracts coreset embed evaluation export http metrics pixels prefilter record \
           report runtime selection service sinks sources wiring) \
         $(filter-out tests/test_installation.py,$(wildcard tests/test_*.py))
test-lowest: $(VENV)/bin/uv debian
	$(PYTHON) -m venv $(VENV)/lowest
	$(VENV)/bin/uv pip compile --quiet pyproject.toml .ci/lock/build.in --extra test --extra training \
	  --resolution lowest-direct --python $(VENV)/lowest/bin/python \
	  --constraints .ci/lock/bounds.in --excludes .ci/lock/torch.in -o $(LOWEST)
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/lowest/bin/python --no-deps -r $(LOWEST)
	$(VENV)/lowest/bin/python .ci/choose_torch.py torch torchvision
	$(VENV)/lowest/bin/python -m pip $(QUIET) install --no-deps --no-build-isolation -e .
	$(VENV)/lowest/bin/python -m pytest -n $(WORKERS) --dist worksteal -W ignore::DeprecationWarning $(UNITS) streamsel

# How much of each module the unit tests run, the processes that they start included. Fails where
# .ci/check_coverage.py finds too little.
coverage: $(VENV)/.develop debian
	$(PIP) list --format=freeze | grep '^torch==' > $(VENV)/torch.txt
	$(PIP) install -c $(VENV)/torch.txt -e '.[coverage]'
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=json:$(VENV)/coverage.json $(UNITS) streamsel
	$(VENV)/bin/python .ci/check_coverage.py $(VENV)/coverage.json

# Renews the lock: the newest versions that pyproject.toml allows. With UPGRADE= locked
# packages stay, and only new ones are added.
UPGRADE ?= --upgrade
lock: $(VENV)/bin/uv
	UV=$(VENV)/bin/uv .ci/renew_lock $(UPGRADE)

# Checks the version, builds wheel and source archive into dist/, tries the wheel in a bare
# environment, and tags the commit. Publishes nothing. RELEASE= takes options of .ci/release.py.
RELEASE ?=
release: $(VENV)/.run
	$(VENV)/bin/python .ci/release.py $(VERSION) $(RELEASE)

# Debian packages for the tests. Without the right to install them, the tests that need them are
# left out by name; with CI=true that is a failure.
debian:
	@missing=""; for package in $(DEBIAN); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q "ok installed" || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  ($(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing) >/dev/null \
	    || echo "cannot install$$missing here: tests that need it will be left out"; \
	fi

clean:
	rm -rf $(VENV) demo site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
