#!/usr/bin/python3
"""What becomes part of a program without being a shared library: sources of Debian packages whose headers or archives it is made of.

Usage: built_using.py BUILD PROGRAM    (BUILD: a build by Ninja; PROGRAM: its target, such as dbgate-gateway)

Prints the value of a package's Static-Built-Using. Sources that a shared library of the program comes from are left out: its
dependencies name them. So are those of the compiler and of the kernel's headers, as they are in everything.
"""
import pathlib
import re
import subprocess
import sys

EVERYWHERE = re.compile(r"(gcc-\d+|glibc|llvm-toolchain-\d+|linux)$")


def output(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **more).stdout


def made_of(build, program):
    """Files outside of the checkout: archives that are linked, headers that were compiled."""
    ninja = ("ninja", "-n", "-C", build, "-t")
    inputs = output(*ninja, "inputs", program).split()
    objects = [path for path in inputs if path.endswith(".o")]
    headers = {line.strip() for line in output(*ninja, "deps", *objects).splitlines() if line.startswith("    /usr/")}
    return {str(pathlib.Path(path).resolve()) for path in headers} | {path for path in inputs if re.match(r"/usr/.*\.a$", path)}


def owners(paths):
    """Packages that the paths come from; what no package knows is left out."""
    found = subprocess.run(["dpkg-query", "--search", *paths], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    return {package for line in found.splitlines() if not line.startswith("diversion ") for package in line.rpartition(": ")[0].split(", ")}


def sources(packages):
    """name → version of the source packages."""
    if not packages:
        return {}
    return dict(line.split() for line in output("dpkg-query", "--show", "--showformat=${source:Package} ${source:Version}\n", *packages).splitlines())


def shared_libraries(program):
    """By both names that a file has where /lib is a link to /usr/lib: dpkg knows one."""
    paths = re.findall(r"(/\S+) \(0x", output("ldd", str(program)))
    return {name for path in paths for name in (path, str(pathlib.Path(path).resolve()), "/usr" + path)}


def main():
    build, program = sys.argv[1:]
    file = next(path for path in (pathlib.Path(build) / "gateway" / "app" / program, pathlib.Path(build) / "cli" / program) if path.exists())
    shared = sources(owners(shared_libraries(file)))
    static = sources(owners(made_of(build, program)))
    print(", ".join(f"{name} (= {version})" for name, version in sorted(static.items())
                    if name not in shared and not EVERYWHERE.match(name)))


if __name__ == "__main__":
    main()
