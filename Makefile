# The project's commands. `make demo`, `make run` and `make test` install what they need into .venv first.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo run test check format clean

demo: $(VENV)/web.stamp
	$(BIN)/python -m pipeline assets/photos/grace_hopper.jpg assets/voices/joe.wav -o demo.mp4

run: $(VENV)/web.stamp
	$(BIN)/python -m app

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest

check: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/test.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/web.stamp: $(BIN)/python requirements/web.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/web.txt
	touch $@

$(VENV)/test.stamp: $(VENV)/web.stamp requirements/model.txt requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements/model.txt -r requirements/dev.txt
	touch $@

clean:
	rm -rf $(VENV) demo.mp4 data
