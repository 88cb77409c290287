"""What a machine that loses its power leaves of a directory: nothing but what was flushed (fsync, fdatasync), files by their
bytes and directories by their names. Contents that were overwritten in place are not modelled: the audit log appends."""
import os
import pathlib
import shutil
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent / "power_journal.c"


class PowerLoss:
    """Programs with environment() note what they have made durable below `root`; strike() takes the rest away. By chance
    (`random`), half of the time everything goes that is not durable, and half of the time some of it has reached the disk."""

    def __init__(self, scratch, root, random):
        self.library, self.root, self.random = pathlib.Path(scratch) / "power_journal.so", pathlib.Path(root), random
        self.journal = pathlib.Path(f"{root}.journal")
        self.inodes = pathlib.Path(f"{root}.inodes")
        self.lost_bytes = self.lost_names = self.strikes = 0
        self.inodes.mkdir(parents=True)
        subprocess.run(["clang-16", "-shared", "-fPIC", "-O1", str(SOURCE), "-o", str(self.library)], check=True)

    def environment(self):
        return {**os.environ, "LD_PRELOAD": str(self.library), "DBGATE_POWER_ROOT": str(self.root)}

    def strike(self):
        """The power goes; what is left is durable from then on."""
        self.strikes += 1
        sizes, names = self._durable()
        everything = self.random.random() < 0.5
        for directory in [self.root, *(path for path in self.root.rglob("*") if path.is_dir())]:
            self._cut_names(directory, names.get(str(directory), {}), everything)
        for path in self.root.rglob("*"):
            if path.is_file():
                self._cut_bytes(path, sizes.get(path.stat().st_ino, 0), everything)
        self._settle()

    def _durable(self):
        sizes, names = {}, {}
        lines = self.journal.read_text(encoding="utf-8").splitlines() if self.journal.exists() else []
        for line in sorted(lines, key=lambda line: int(line.split(" ", 2)[1])):
            kind, _, first, rest = line.split(" ", 3)
            if kind == "F":
                sizes[int(first)] = int(rest)
            else:
                parts = rest.split("/")
                names[first] = {name: int(inode) for inode, name in zip(parts[0::2], parts[1::2])}
        return sizes, names

    def _cut_names(self, directory, durable, everything):
        now = {path.name: path.stat().st_ino for path in directory.iterdir() if path.is_file()}
        changed = sorted(name for name in {*now, *durable} if now.get(name) != durable.get(name))
        lost = [name for name in changed if everything or self.random.random() < 0.5]
        # A rename is lost as a whole: its file has one name.
        while more := [name for name in changed if name not in lost and now.get(name) in {durable[other] for other in lost if other in durable}]:
            lost += more
        for name in lost:
            self.lost_names += 1
            (directory / name).unlink(missing_ok=True)
            if name in durable:
                os.link(self.inodes / str(durable[name]), directory / name)

    def _cut_bytes(self, path, durable, everything):
        size = path.stat().st_size
        kept = min(size, durable) if everything else self.random.randint(min(size, durable), size)
        self.lost_bytes += size - kept
        os.truncate(path, kept)

    def _settle(self):
        shutil.rmtree(self.inodes)
        self.inodes.mkdir()
        lines = []
        for directory in [self.root, *(path for path in self.root.rglob("*") if path.is_dir())]:
            files = [path for path in directory.iterdir() if path.is_file()]
            for path in files:
                os.link(path, self.inodes / str(path.stat().st_ino))
                lines.append(f"F 0 {path.stat().st_ino} {path.stat().st_size}")
            lines.append(f"D 0 {directory} " + "".join(f"{path.stat().st_ino}/{path.name}/" for path in files))
        self.journal.write_text("\n".join(lines) + "\n", encoding="utf-8")
