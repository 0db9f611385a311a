# make run [PORT=8000]   install into .venv and serve the shipped reader on http://127.0.0.1:PORT
# make test              install and run the tests (make test-slow: the long ones)
# make check             ruff, mypy and the import rules
# make lock              write dependencies/*.lock anew from pyproject.toml
# make wheelhouse        all that a machine without a network needs, in build/wheelhouse
# make sbom, licences    what is installed with the server, as build/sbom.cdx.json (CycloneDX) and docs/licences.md
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run wheelhouse test test-slow check format install lock sbom licences

run: .venv/served
	$(BIN)/python run_server.py --port $(PORT)

test: .venv/installed-dev
	$(BIN)/python -m pytest -q

test-slow: .venv/installed-dev
	$(BIN)/python -m pytest -q -m slow

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: .venv/installed-dev

# Every package, and what it needs, in one version and with the hash of its file (dependencies/). torch is fetched as pip is set up to:
# where it finds a CPU build, that saves gigabytes; a CUDA build gets the libraries that it needs. `make run` needs none.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --no-deps
LOCKED := $(PIP) --require-hashes
TORCH := $$(grep -o '^torch==[^ ]*' dependencies/torch.lock)
NEEDS_NO_CUDA := import importlib.metadata as m, sys; sys.exit("nvidia" in " ".join(m.requires("torch")))

.venv/served: dependencies/serve.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(LOCKED) -r dependencies/serve.lock
	$(PIP) --no-build-isolation --editable .
	touch $@

.venv/installed: .venv/served dependencies/signing.lock dependencies/torch.lock dependencies/all.lock dependencies/cuda.lock
	$(BIN)/python -m pip download --disable-pip-version-check --no-deps --dest build/torch $(TORCH)
	$(LOCKED) --no-index --find-links build/torch -r dependencies/torch.lock
	rm -r build/torch
	$(LOCKED) -r dependencies/signing.lock -r dependencies/all.lock
	$(BIN)/python -c '$(NEEDS_NO_CUDA)' || $(LOCKED) -r dependencies/cuda.lock
	touch $@

.venv/installed-dev: .venv/installed dependencies/dev.lock
	$(LOCKED) -r dependencies/dev.lock
	touch $@

# What a machine without a network needs for reading and serving; its README.txt says how to install from it.
wheelhouse: .venv/served
	$(BIN)/python -m dependencies.wheelhouse --out build/wheelhouse

lock:
	$(PYTHON) -m dependencies.lock $(UPGRADE)

sbom: .venv/installed-dev
	$(BIN)/python -m dependencies.sbom --out build/sbom.cdx.json

licences: .venv/installed-dev
	$(BIN)/python -m dependencies.licences
