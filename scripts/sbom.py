#!/usr/bin/python3
"""Writes the bill of materials of an image (CycloneDX 1.5, JSON) from what is in it.

Usage: scripts/sbom.py --root DIR --name NAME --version VERSION [--out FILE]

DIR is the image's root. Its packages are those of var/lib/dpkg/status.d, as deploy/docker/assemble.sh writes them; what is part of
a program without being a shared library is named by the field Static-Built-Using. Every file belongs to a package, or is one of
those that the image is given itself; another one is an error. Times are those of SOURCE_DATE_EPOCH, so the same image has the same bill.
"""
import argparse
import datetime
import email.parser
import hashlib
import json
import os
import pathlib
import re
import sys
import urllib.parse
import uuid

STATUS = "var/lib/dpkg/status.d"
# What assemble.sh makes itself, and what says where the rest is from.
GIVEN = re.compile(r"(etc/(passwd|group|nsswitch\.conf|ssl/certs/ca-certificates\.crt)|usr/lib/os-release|usr/share/doc/[^/]+/copyright|"
                   + re.escape(STATUS) + r"/[^/]+)$")


def digest(path):
    return {"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}


def purl(name, version, architecture=None):
    quoted = urllib.parse.quote(version, safe="")
    kind = f"arch={urllib.parse.quote(architecture)}" if architecture else "arch=source"
    return f"pkg:deb/debian/{urllib.parse.quote(name, safe='')}@{quoted}?{kind}&distro=debian-12"


def licences(root, package):
    """Short names of a copyright file that is written for machines; none of others."""
    file = root / "usr" / "share" / "doc" / package / "copyright"
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    names = re.findall(r"^License:[ \t]*(\S[^\n]*?)\s*$", text, re.MULTILINE) if text.startswith("Format:") else []
    return [{"license": {"name": name}} for name in sorted(set(names))]


def package_of(root, status):
    """A package as a component, and the files that are its own."""
    fields = email.parser.Parser().parsestr(status.read_text(encoding="utf-8"), headersonly=True)
    name, version = fields["Package"], fields["Version"]
    lines = status.with_name(f"{status.name}.md5sums").read_text(encoding="utf-8").splitlines()
    files = [line.split(maxsplit=1)[1] for line in lines]
    source = (fields["Source"] or name).split()[0]
    own = source == "dbgate"
    component = {
        "type": "application" if own else "library", "bom-ref": purl(name, version, fields["Architecture"]), "name": name, "version": version,
        "supplier": {"name": fields["Maintainer"].partition(" <")[0]}, "purl": purl(name, version, fields["Architecture"]),
        "licenses": licences(root, name), "properties": [{"name": "debian:source", "value": source}],
        "components": [{"type": "file", "bom-ref": f"file:/{path}", "name": f"/{path}", "hashes": [digest(root / path)]}
                       for path in files],
    }
    if not component["licenses"]:
        del component["licenses"]
    parts = re.findall(r"(\S+) \(= ([^)]+)\)", fields["Static-Built-Using"] or "")
    return component, set(files), parts


def bill(root, name, version):
    components, known, static = [], set(), {}
    for status in sorted((root / STATUS).iterdir()):
        if status.suffix != ".md5sums":
            component, files, parts = package_of(root, status)
            components.append(component)
            known |= files
            static.update(dict.fromkeys(parts, component["bom-ref"]))
    unknown = [str(path) for path in sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file() and not path.is_symlink())
               if str(path) not in known and not GIVEN.match(str(path))]
    if unknown:
        raise SystemExit(f"sbom.py: no package has these files: {', '.join(unknown)}")
    for (source, built), _ in sorted(static.items()):
        components.append({"type": "library", "bom-ref": purl(source, built), "name": source, "version": built, "purl": purl(source, built),
                           "properties": [{"name": "dbgate:linked", "value": "statically"}]})
    programs = [component["bom-ref"] for component in components if component["type"] == "application"]
    needed = sorted(component["bom-ref"] for component in components if component["type"] != "application")
    image = {"type": "container", "bom-ref": f"image:{name}", "name": name, "version": version}
    made = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    found = {"components": components,
             "dependencies": [{"ref": image["bom-ref"], "dependsOn": programs}, *({"ref": program, "dependsOn": needed} for program in programs)]}
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([image, found], sort_keys=True))
    return {"$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.5",
            "serialNumber": f"urn:uuid:{serial}", "version": 1,
            "metadata": {"timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": image,
                         "tools": {"components": [{"type": "application", "name": "scripts/sbom.py of dbgate"}]}}, **found}


def main():
    options = argparse.ArgumentParser()
    for option in ("--root", "--name", "--version"):
        options.add_argument(option, required=True)
    options.add_argument("--out")
    given = options.parse_args()
    text = json.dumps(bill(pathlib.Path(given.root), given.name, given.version), indent=1) + "\n"
    if given.out:
        pathlib.Path(given.out).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
