# The project's commands. Each installs what it needs first, as locked in requirements/: the app into .venv, with the
# newest Python that is there, and all tests and checks into .venv-test, with the oldest.
PYTHON ?=
NEWEST = $(or $(PYTHON),$(shell sh requirements/find_python.sh newest))
OLDEST = $(or $(PYTHON),$(shell sh requirements/find_python.sh oldest))
APP := .venv
TESTS := .venv-test
INSTALL := install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps
# Packages are compiled with all cores at once. At the first use, if ever: a quarter of all their code.
RARE := tests|pip|setuptools|mypyc?|networkx|pygments|torch/(testing|_inductor)|transformers/models|diffusers/pipelines
COMPILE := -W ignore -m compileall -qq --workers 0 -x '/($(RARE))/'
NO_PYTHON = No Python from 3.11 to 3.13 was found. Install one (https://www.python.org/downloads/) or uv, which fetches \
one, or name it: make PYTHON=/path/to/python

# The tests start hundreds of processes: each would compile the project anew where Python was told to keep nothing.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo run test thorough app-tests other-tests newest fast check quick format lock clean

demo: $(APP)/app.stamp
	$(APP)/bin/video-lab assets/photos/grace_hopper.jpg assets/voices/hibari.wav -o demo.mp4
	@echo "The video is $(CURDIR)/demo.mp4"

run: $(APP)/app.stamp
	$(APP)/bin/python -m app

# On the oldest Python, all but what takes long for what it shows.
test: $(TESTS)/test.stamp
	$(TESTS)/bin/python -m tests.app.ui.browser
	$(MAKE) --jobs 2 app-tests other-tests

# The app's tests mostly wait, for browsers and servers, and need no torch, which takes each process seconds to import.
app-tests: $(TESTS)/test.stamp
	$(TESTS)/bin/python -m pytest -n 4 --no-loadscope-reorder $(OPTIONS) tests/app

# These mostly compute.
other-tests: $(TESTS)/test.stamp
	$(TESTS)/bin/python -m pytest -n 2 --no-loadscope-reorder $(OPTIONS) --ignore tests/app

# Everything, and on the newest Python what people begin with: before a release, and after changes of deploy.py,
# app/remote, several GPUs, compilation, live videos or dialogues on the page.
thorough:
	$(MAKE) --jobs 2 check test newest OPTIONS=--thorough

# The demo's first second, and the app with its page up to where it would listen.
newest: $(APP)/app.stamp
	$(APP)/bin/video-lab assets/photos/grace_hopper.jpg assets/voices/hibari.wav --seconds 1 -o $(APP)/demo.mp4
	VIDEO_LAB_DATA_DIR=$(APP)/data $(APP)/bin/python -W error::DeprecationWarning -c "from app.main import create_app; \
		from app.settings import load_settings; create_app(load_settings())"

fast: $(APP)/fast.stamp
	$(APP)/bin/python -m pytest -n 2 --no-loadscope-reorder --fast

check: $(TESTS)/test.stamp
	$(TESTS)/bin/ruff format --check .
	$(TESTS)/bin/ruff check .
	$(TESTS)/bin/mypy
	$(TESTS)/bin/lint-imports

# For every day: what finds most mistakes in under two minutes.
quick:
	$(MAKE) --jobs 2 check fast

format: $(TESTS)/test.stamp
	$(TESTS)/bin/ruff format .
	$(TESTS)/bin/ruff check --fix .

lock:
	sh requirements/lock.sh $(UPGRADE)

clean:
	rm -rf $(APP) $(TESTS) demo.mp4 data

$(APP)/bin/python:
	$(if $(NEWEST),,$(error $(NO_PYTHON)))
	$(NEWEST) -m venv $(APP)

$(TESTS)/bin/python:
	$(if $(OLDEST),,$(error $(NO_PYTHON)))
	$(OLDEST) -m venv $(TESTS)

$(APP)/app.stamp: $(APP)/bin/python requirements/web.txt requirements/build.txt
	@echo "Installing what is needed into $(APP) (a minute or two, once) ..."
	@start=$$(date +%s); $(APP)/bin/pip $(INSTALL) -r requirements/web.txt -r requirements/build.txt \
		&& $(APP)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . \
		&& echo "Installed in $$(( $$(date +%s) - start )) seconds."
	@touch $@

$(APP)/fast.stamp: $(APP)/app.stamp requirements/fast.txt
	$(APP)/bin/pip $(INSTALL) -r requirements/fast.txt
	@$(APP)/bin/python $(COMPILE) $(APP)/lib || true
	@touch $@

$(TESTS)/test.stamp: $(TESTS)/bin/python requirements/dev.txt requirements/torch.txt
	$(TESTS)/bin/pip $(INSTALL) -r requirements/dev.txt
	$(TESTS)/bin/pip install --quiet --disable-pip-version-check --no-compile -r requirements/torch.txt
	@# Some packages bring files that are no Python 3.11.
	@$(TESTS)/bin/python $(COMPILE) $(TESTS)/lib app pipeline || true
	@touch $@
