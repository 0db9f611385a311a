# make run [PORT=8000]   install into .venv and serve the shipped reader on http://127.0.0.1:PORT
# make test              install and run the tests (make test-slow: the long ones)
# make check             ruff, mypy and the import rules
# make check-page        the page's scripts: tsc and eslint, installed by npm into node_modules
# make lock              write dependencies/*.lock anew from the requirements files
# make sbom, licences    what is installed with the server, as build/sbom.cdx.json (CycloneDX) and docs/licences.md
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-slow check check-page format install lock sbom licences

run: .venv/installed
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

check-page: node_modules/.package-lock.json
	npm run --silent check

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund
	touch $@

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: .venv/installed-dev

# Every package, and what it needs, in one version and with the hash of its file (dependencies/). torch is fetched as pip is set up to:
# where it finds a CPU build, that saves gigabytes; a CUDA build gets the libraries that it needs.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
LOCKED := $(PIP) --require-hashes
TORCH := $$(grep -o '^torch==[^ ]*' dependencies/torch.lock)
NEEDS_NO_CUDA := import importlib.metadata as m, sys; sys.exit("nvidia" in " ".join(m.requires("torch")))

.venv/installed: dependencies/torch.lock dependencies/runtime.lock dependencies/cuda.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest build/torch $(TORCH)
	$(LOCKED) --no-index --find-links build/torch -r dependencies/torch.lock
	rm -r build/torch
	$(LOCKED) -r dependencies/runtime.lock
	$(BIN)/python -c '$(NEEDS_NO_CUDA)' || $(LOCKED) -r dependencies/cuda.lock
	$(PIP) --no-build-isolation --editable .
	touch $@

.venv/installed-dev: .venv/installed dependencies/signing.lock dependencies/dev.lock
	$(LOCKED) -r dependencies/signing.lock -r dependencies/dev.lock
	touch $@

lock:
	$(PYTHON) -m dependencies.lock $(UPGRADE)

sbom: .venv/installed-dev
	$(BIN)/python -m dependencies.sbom --out build/sbom.cdx.json

licences: .venv/installed-dev
	$(BIN)/python -m dependencies.licences
