# The project's commands. `make demo`, `make run` and `make test` install what they need into .venv first.
PYTHON ?= $(shell for python in python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo run test check format clean

demo: $(VENV)/web.stamp
	$(BIN)/python -m pipeline assets/photos/grace_hopper.jpg assets/voices/hibari.wav -o demo.mp4
	@echo "The video is $(CURDIR)/demo.mp4"

run: $(VENV)/web.stamp
	$(BIN)/python -m app

test: $(VENV)/test.stamp
	$(BIN)/python -m tests.app.ui.browser
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/test.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(BIN)/python:
	$(if $(PYTHON),,$(error Python 3.11 was not found. Install it (https://www.python.org/downloads/), or name it: make PYTHON=/path/to/python3.11))
	$(PYTHON) -m venv $(VENV)

$(VENV)/web.stamp: $(BIN)/python requirements/web.txt
	@echo "Installing what is needed into $(VENV) (a minute or two, once) ..."
	@start=$$(date +%s); $(BIN)/pip install --quiet --disable-pip-version-check -r requirements/web.txt \
		&& echo "Installed in $$(( $$(date +%s) - start )) seconds."
	@touch $@

$(VENV)/test.stamp: $(BIN)/python requirements/web.txt requirements/model.txt requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r requirements/model.txt -r requirements/dev.txt
	@# Compiled here, with all cores at once, but for what is hardly used; some packages bring files that are no Python 3.11.
	@$(BIN)/python -W ignore -m compileall -qq --workers 0 -x '/(tests|pip|setuptools)/|/transformers/models/' $(VENV)/lib || true
	@touch $(VENV)/web.stamp $@

clean:
	rm -rf $(VENV) demo.mp4 data
