#!/usr/bin/env bash
# Runs PostgreSQL's own suites directly and through dbgate, and compares (docs/regress.md): by default the regression
# suite and libpq_pipeline.
# The suite comes from Debian's source package, kept in build/postgresql-source.
# Usage: scripts/regress.sh [--fetch-only] [arguments of tests/regress/run.py]
set -euo pipefail
cd "$(dirname "$0")/.."

source=build/postgresql-source
if [ ! -e "$source/src/test/regress/parallel_schedule" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/lists/partial" "$work/archive"
  # Source packages are often switched off: a list of our own, for the archive that this machine installs from.
  # shellcheck disable=SC2016  # apt's own variables
  archive=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | grep ' bookworm$' | head -n 1)
  [ -n "$archive" ] || { echo "regress.sh: no Debian 12 archive is configured; run apt-get update first" >&2; exit 1; }
  echo "deb-src $archive main" >"$work/sources.list"
  options=(-q -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=/dev/null"
    -o "Dir::State::lists=$work/lists" -o "APT::Sandbox::User=root")
  apt-get "${options[@]}" update >/dev/null
  (cd "$work/archive" && apt-get "${options[@]}" --download-only source postgresql-15 >/dev/null)
  mkdir -p "$source"
  tar -xjf "$work"/archive/postgresql-15_*.orig.tar.bz2 -C "$source" --strip-components=1
fi
[ "${1:-}" != --fetch-only ] || exit 0
exec /usr/bin/python3 tests/regress/run.py "$source" "$@"
