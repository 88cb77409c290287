#!/usr/bin/env bash
# Builds the images of the gateway and of the command line from their Debian packages, with a bill of materials beside each.
# Usage: scripts/images.sh [--packages DIR] [--base IMAGE] [--out DIR] [--tag TAG]
#   --packages DIR  what scripts/package.sh has made (default: build/packages)
#   --base IMAGE    a Debian 12 to take libraries from (default: that of deploy/docker/Dockerfile)
#   --out DIR       where NAME.oci.tar and NAME.cdx.json are put (default: build/images)
#   --tag TAG       default: the version of the package
# BUILDAH is the command to use, with its global options; SOURCE_DATE_EPOCH the time of all files, by default that of the package.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

packages=$root/build/packages
out=$root/build/images
base=()
tag=
while [ $# -gt 0 ]; do
  case $1 in
    --packages) packages=${2:?"--packages needs a folder"}; shift 2 ;;
    --base) base=(--build-arg "BASE=${2:?"--base needs an image"}"); shift 2 ;;
    --out) out=${2:?"--out needs a folder"}; shift 2 ;;
    --tag) tag=${2:?"--tag needs one"}; shift 2 ;;
    --help) sed -n '2,8s/^# //p' "$0"; exit 0 ;;
    *) echo "images.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
done
read -ra buildah <<<"${BUILDAH:-buildah}"
command -v "${buildah[0]}" >/dev/null || { echo "images.sh: there is no ${buildah[0]} here: scripts/setup.sh deploy" >&2; exit 1; }

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
for package in dbgate-gateway dbgate; do
  found=("$packages/${package}"_*.deb)
  [ "${#found[@]}:$([ -e "${found[0]}" ] && echo there)" = 1:there ] || { echo "images.sh: one ${package}_*.deb has to be in $packages: scripts/package.sh" >&2; exit 1; }
  cp "${found[0]}" "$context"
done
cp "$root/deploy/docker/assemble.sh" "$context"
version=$(dpkg-deb --field "$context"/dbgate-gateway_*.deb Version)
# Times in an archive of a package are those of its last change.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date -ud "$(tar --utc --full-time -tvf <(dpkg-deb --fsys-tarfile "$context"/dbgate-gateway_*.deb) ./usr/bin/dbgate-gateway | awk '{print $4, $5}')" +%s)}
export SOURCE_DATE_EPOCH
# A tag may not have all that a version may.
tag=${tag:-${version//[^A-Za-z0-9_.-]/-}}
mkdir -p "$out"

for target in gateway cli; do
  name=dbgate-gateway
  [ "$target" = gateway ] || name=dbgate
  "${buildah[@]}" build --quiet --format oci --file "$root/deploy/docker/Dockerfile" --target "$target" --timestamp "$SOURCE_DATE_EPOCH" \
    "${base[@]}" --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" --build-arg "VERSION=$version" \
    --build-arg "REVISION=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)" \
    --build-arg "CREATED=$(date -ud "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" --tag "localhost/$name:$tag" "$context" >/dev/null
  container=$("${buildah[@]}" from --pull-never "localhost/$name:$tag")
  python3 "$root/scripts/sbom.py" --root "$("${buildah[@]}" mount "$container")" --name "$name" --version "$version" --out "$out/$name.cdx.json"
  "${buildah[@]}" rm "$container" >/dev/null
  rm -f "$out/$name.oci.tar"
  "${buildah[@]}" push --quiet "localhost/$name:$tag" "oci-archive:$out/$name.oci.tar:$name:$tag" >/dev/null
  echo "localhost/$name:$tag $(stat -c %s "$out/$name.oci.tar") bytes, $out/$name.cdx.json"
done
