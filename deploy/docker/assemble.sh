#!/bin/sh
# Assembles the files of an image: a program, the shared libraries that it is linked with, certificates, time zones, and what
# says where they come from. Runs as root in a Debian that may be thrown away.
# Usage: assemble.sh PACKAGE FOLDER    (PACKAGE: dbgate-gateway or dbgate, its .deb beside this file)
# Makes FOLDER/root, owned by root, and FOLDER/own/{lib,run}, for the user of the image. SOURCE_DATE_EPOCH: the time of all of it.
set -eu
package=$1
root=$2/root
own=$2/own
context=$(cd "$(dirname "$0")" && pwd)
uid=65532
export DEBIAN_FRONTEND=noninteractive

# With everything that it needs, from the network where that is not there yet.
set -- "$context/${package}_"*.deb
if ! dpkg --install "$@" >/tmp/install.log 2>&1; then
  { apt-get update && apt-get install -y --no-install-recommends "$@"; } >/tmp/install.log 2>&1 || { cat /tmp/install.log >&2; exit 1; }
fi

# keep PATH: the file, under the name that it really has.
keep() {
  real=$(readlink -f "$1")
  mkdir -p "$root$(dirname "$real")"
  [ -e "$root$real" ] || cp -p "$real" "$root$real"
}

# owner PATH: the package that it comes from. Of a path below /lib dpkg may know either name.
owner() {
  found=$(dpkg-query --search "$1" 2>/dev/null || dpkg-query --search "/usr$1" 2>/dev/null || dpkg-query --search "${1#/usr}" 2>/dev/null)
  echo "$found" | sed -n '1s/: .*//p'
}

# As in Debian: what is known by /lib is in /usr/lib.
mkdir -p "$root/usr/lib" "$root/usr/lib64" "$root/etc/ssl/certs" "$root/var/lib" "$root/run"
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"

program=/usr/bin/$package
keep "$program"
packages=$(mktemp)
printf '%s\n' "$package" ca-certificates >"$packages"
for library in $(ldd "$program" | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p'); do
  keep "$library"
  # The name that programs ask for.
  name=$root$(readlink -f "$(dirname "$library")")/$(basename "$library")
  [ "$(dirname "$library")" != /lib64 ] || name=$root/usr/lib64/$(basename "$library")
  [ -e "$name" ] || ln -s "$(readlink -f "$library")" "$name"
  owner "$library" >>"$packages"
done

# Other people's certificates, where OpenSSL and libcurl look for them.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
mkdir -p "$root/usr/lib/ssl"
ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
# Time zones of policies' windows.
if [ "$package" = dbgate-gateway ]; then
  echo tzdata >>"$packages"
  mkdir -p "$root/usr/share/zoneinfo"
  (cd /usr/share/zoneinfo && tar -c --exclude=./posix --exclude=./right --exclude=./posixrules --exclude=./localtime .) | tar -x -C "$root/usr/share/zoneinfo"
fi

echo "root:x:0:0:root:/:/sbin/nologin
dbgate:x:$uid:$uid:dbgate:/var/lib/dbgate:/sbin/nologin" >"$root/etc/passwd"
echo "root:x:0:
dbgate:x:$uid:" >"$root/etc/group"
echo "hosts: files dns" >"$root/etc/nsswitch.conf"
cp /usr/lib/os-release "$root/usr/lib/os-release"
ln -s ../usr/lib/os-release "$root/etc/os-release"

# Scanners and scripts/sbom.py read here which packages the files come from.
mkdir -p "$root/var/lib/dpkg/status.d" "$root/usr/share/doc"
sed 's/:.*//' "$packages" | sort -u | while read -r name; do
  dpkg-query --status "$name" | sed '/^Conffiles:/,/^[^ ]/{/^Conffiles:/d;/^ /d}' >"$root/var/lib/dpkg/status.d/$name"
  dpkg-query --listfiles "$name" | while read -r path; do
    real=$(readlink -f "$path")
    if [ -f "$real" ] && [ -f "$root$real" ]; then (cd / && md5sum "${real#/}"); fi
  done | sort -u -k 2 >"$root/var/lib/dpkg/status.d/$name.md5sums"
  copyright=/usr/share/doc/$name/copyright
  if [ -e "$copyright" ]; then
    # Once for all packages of a source: that of Boost has 2 MB.
    same=$(cd "$root/usr/share/doc" && for other in */copyright; do if cmp -s "$copyright" "$other"; then echo "$other"; break; fi; done)
    mkdir -p "$root/usr/share/doc/$name"
    if [ -n "$same" ]; then ln -s "../$same" "$root$copyright"; else cp -L "$copyright" "$root$copyright"; fi
  fi
done

mkdir -p "$own/lib/dbgate" "$own/run/dbgate"
chmod 0700 "$own/lib/dbgate" "$own/run/dbgate"
find "$root" -type d -exec chmod 0755 {} +
find "$root" "$own" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
