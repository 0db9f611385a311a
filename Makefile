# make run [PORT=8000]   install into .venv and serve the shipped reader on http://127.0.0.1:PORT
# make test              install and run the tests: fast, contracts, browser (make test-slow: the long ones)
# make check             ruff, mypy and the import rules
# make docs              this documentation as a site, in build/site; a warning is an error
# make lock              write dependencies/*.lock anew from pyproject.toml
# make wheelhouse        all that a machine without a network needs, in build/wheelhouse
# make sbom, licences    what is installed with the server, as build/sbom.cdx.json (CycloneDX) and docs/licences.md
PORT ?= 8000
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run wheelhouse test test-slow check check-page docs format install lock sbom licences

run: .venv/served
	$(BIN)/heart-reader serve --port $(PORT)

# The fast ones first: what is wrong is known soon. All cores take part; the slow ones measure times, so they run one after the other.
test: .venv/installed-dev
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow and not contract and not browser"
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "contract and not slow" tests
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "browser and not slow" tests/browser

test-slow: .venv/installed-dev
	$(BIN)/python -m pytest -q -m slow

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pip check

docs: .venv/installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

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
# where it finds a CPU build, that saves gigabytes; a CUDA build gets the libraries that it needs. `make run` needs none.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-deps
LOCKED := $(PIP) --require-hashes
TORCH := $$(grep -o '^torch==[^ ]*' dependencies/torch.lock)
NEEDS_NO_CUDA := import importlib.metadata as m, sys; sys.exit("nvidia" in " ".join(m.requires("torch")))
# Each step says which of how many it is; pip shows what it downloads.
STEP = @echo "== $@, step $(1)"

.venv/served: dependencies/serve.lock pyproject.toml $(wildcard heart_reader/kernels/*.[ch])
	$(call STEP,1 of 3: an environment in .venv)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(call STEP,2 of 3: $$(grep -c == dependencies/serve.lock) packages to read and serve (no torch))
	$(LOCKED) -r dependencies/serve.lock
	$(call STEP,3 of 3: heart-reader itself)
	$(PIP) --no-build-isolation --editable .
	touch $@

.venv/installed: .venv/served dependencies/signing.lock dependencies/torch.lock dependencies/all.lock dependencies/cuda.lock
	$(call STEP,1 of 3: torch (by far the largest))
	$(BIN)/python -m pip download --disable-pip-version-check --no-deps --dest build/torch $(TORCH)
	$(LOCKED) --no-index --find-links build/torch -r dependencies/torch.lock
	rm -r build/torch
	$(call STEP,2 of 3: $$(cat dependencies/signing.lock dependencies/all.lock | grep -c ==) packages to train and export and explain)
	$(LOCKED) -r dependencies/signing.lock -r dependencies/all.lock
	$(call STEP,3 of 3: the libraries of a CUDA build of torch)
	$(BIN)/python -c '$(NEEDS_NO_CUDA)' || $(LOCKED) -r dependencies/cuda.lock
	touch $@

.venv/installed-dev: .venv/installed dependencies/dev.lock
	$(call STEP,1 of 1: $$(grep -c == dependencies/dev.lock) packages to test and check)
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
