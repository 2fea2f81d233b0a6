#!/bin/sh
# Prints the newest or the oldest Python that the project runs on: `sh requirements/find_python.sh newest|oldest`.
# A Python counts once it has run and can make an environment: pyenv puts shims on the path for versions that do not
# run, and Debian leaves `ensurepip` out. Where none does, uv fetches one, if it is there.
case $1 in
newest) versions="3.13 3.12 3.11" ;;
oldest) versions="3.11 3.12 3.13" ;;
esac

for version in $versions; do
  for python in "python$version" python3 python "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
    "$python" -c "import ensurepip, sys
sys.version_info[:2] == tuple(map(int, '$version'.split('.'))) or sys.exit(1)
print(sys.executable)" 2>/dev/null && exit
  done
done
command -v uv >/dev/null || exit
uv python install --quiet "${versions%% *}" >&2 && uv python find "${versions%% *}"
