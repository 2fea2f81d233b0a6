#!/bin/sh
# Locks what pyproject.toml asks for, with hashes, for each system and each Python that the project runs on:
# `make lock`, or `make lock UPGRADE=--upgrade` for the newest releases of what the listed packages need in turn.
set -eu
cd "$(dirname "$0")/.."
folder=requirements
all=$(mktemp)
trap 'rm -f "$all"' EXIT

lock() {
  output=$1
  shift
  uv pip compile --quiet --override $folder/overrides.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
    --custom-compile-command "make lock" --output-file "$output" "$@"
}

# One resolution of everything comes first, so that a package has one version wherever it is locked. It begins with what
# is locked today.
cat $folder/gpu.txt $folder/dev.txt >"$all" 2>/dev/null || true
lock "$all" pyproject.toml --extra gpu --group dev "$@"

set -- --constraint "$all"
lock $folder/web.txt pyproject.toml "$@"
lock $folder/model.txt pyproject.toml --extra model "$@"
lock $folder/gpu.txt pyproject.toml --extra gpu "$@"
lock $folder/build.txt --group build "$@"
lock $folder/deploy.txt --group deploy "$@"
lock $folder/fast.txt pyproject.toml --group fast "$@"
lock $folder/dev.txt pyproject.toml --extra model --group dev --config-file $folder/uv.toml --no-emit-package torch "$@"
