#!/usr/bin/env bash
# Makes the Debian packages dbgate-gateway and dbgate of a finished build, reproducibly.
# Usage: scripts/package.sh [--build DIR] [--out DIR] [--version VERSION] [--debug-symbols]
#   --build DIR        a build with its programs made (default: build/release)
#   --out DIR          where packages are put (default: build/packages)
#   --version VERSION  another than that of deploy/debian/changelog, such as 0.1.0+local1
#   --debug-symbols    also packages with what debuggers need
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

build=$root/build/release
out=$root/build/packages
version=
options=noautodbgsym
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$(realpath "${2:?"--build needs a folder"}"); shift 2 ;;
    --out) out=${2:?"--out needs a folder"}; shift 2 ;;
    --version) version=${2:?"--version needs one"}; shift 2 ;;
    --debug-symbols) options=; shift ;;
    --help) sed -n '2,7s/^# //p' "$0"; exit 0 ;;
    *) echo "package.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
done

for tool in dpkg-buildpackage dh ninja; do
  command -v "$tool" >/dev/null || { echo "package.sh: there is no $tool here: scripts/setup.sh deploy" >&2; exit 1; }
done
for program in gateway/app/dbgate-gateway gateway/app/dbgate-gateway.8 cli/dbgate cli/generated/dbgate.1; do
  [ -e "$build/$program" ] || { echo "package.sh: $build/$program is not there: cmake --preset release && cmake --build --preset release" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/dbgate"
cd "$work/dbgate"
cp -r "$root/deploy/debian" debian
ln -s "$root" source
ln -s "$build" built
if [ -n "$version" ]; then
  sed "1s/(.*)/($version)/" "$root/deploy/debian/changelog" >debian/changelog
  printf '\n' >>debian/changelog
  cat "$root/deploy/debian/changelog" >>debian/changelog
fi

# What is in a package depends on the checkout and the build alone, also its times.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(dpkg-parsechangelog -S Timestamp)}
export SOURCE_DATE_EPOCH
umask 022
if ! DEB_BUILD_OPTIONS=$options dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary --no-check-builddeps >build.log 2>&1; then
  cat build.log >&2
  exit 1
fi

mkdir -p "$out"
for package in "$work"/*.deb; do
  install -m 0644 "$package" "$out"
  echo "$out/$(basename "$package")"
done
