"""A TCP proxy that spoils what it passes: one fault at a time, at one byte of one direction.

    proxy = fault_proxy.Proxy(port)
    proxy.arm(fault_proxy.Fault("flip", "down", 17, seed))   # the 18th byte from now on that comes from the server
    … connections to proxy.port …
    proxy.disarm()
"""
import contextlib
import random
import socket
import struct
import threading
import time

# What arrives is right, only later or in other pieces.
HARMLESS = ("delay", "drip", "coalesce")
# What arrives is right up to some byte, and nothing comes behind it.
CUTS = ("rst", "fin", "half_close", "stall", "rst_after", "one_side_rst")
# Something else arrives.
CORRUPTIONS = ("flip", "flips", "duplicate", "reorder", "drop", "garbage", "length", "flood", "zeros")
KINDS = (*HARMLESS, *CUTS, *CORRUPTIONS)
FLOOD_BYTES = 4 << 20


class Fault:
    """`direction`: "up", from whoever connects to where the proxy leads, or "down"."""

    def __init__(self, kind, direction, offset, seed=0):
        self.kind, self.direction, self.left, self.random = kind, direction, offset, random.Random(seed)
        self.pair = None  # the connection that it has struck

    @property
    def struck(self):
        return self.pair is not None

    def __repr__(self):
        return f"{self.kind} {self.direction}, {'struck' if self.struck else f'{self.left} bytes away'}"


def reset(end):
    """Closes with RST. A thread that reads from it wakes up."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RD)
    end.close()


def hang_up(end):
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


class Pair:
    """One connection on either side."""

    def __init__(self, proxy, near, far):
        self.proxy, self.near, self.far = proxy, near, far
        self.released = threading.Event()  # what stalls goes on, to its end
        self.over = threading.Event()
        self._open = 2
        self._lock = threading.Lock()
        for source, sink, direction in ((near, far, "up"), (far, near, "down")):
            threading.Thread(target=self._pump, args=(source, sink, direction), daemon=True).start()

    def _pump(self, source, sink, direction):
        try:
            while data := source.recv(65536):
                at, fault = self.proxy.due(direction, len(data), self)
                if fault is None:
                    sink.sendall(data)
                elif not getattr(self, "_" + fault.kind)(fault, source, sink, data, at):
                    break
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            self.close()
        with self._lock:
            self._open -= 1
        if self._open == 0:
            self.close()

    def close(self, how=hang_up):
        self.released.set()
        how(self.near)
        how(self.far)
        self.over.set()
        self.proxy.forget(self)

    # Each fault: what is done with `data`, in which it strikes at byte `at`. Returns whether the direction goes on.

    def _delay(self, fault, _, sink, data, at):
        sink.sendall(data[:at])
        time.sleep(fault.random.uniform(0.001, 0.05))
        sink.sendall(data[at:])
        return True

    def _drip(self, fault, _, sink, data, at):
        sink.sendall(data[:at])
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        count = fault.random.randint(1, 200)
        for byte in data[at:at + count]:
            sink.sendall(bytes((byte,)))
        sink.sendall(data[at + count:])
        return True

    def _coalesce(self, fault, source, sink, data, at):
        sink.sendall(data[:at])
        held, until = data[at:], time.monotonic() + fault.random.uniform(0.005, 0.05)
        while (left := until - time.monotonic()) > 0:
            source.settimeout(left)
            with contextlib.suppress(TimeoutError):
                more = source.recv(65536)
                held += more
                if not more:
                    break
        source.settimeout(None)
        sink.sendall(held)
        return True

    def _rst(self, _fault, _source, sink, data, at):
        sink.sendall(data[:at])
        self.close(reset)
        return False

    def _fin(self, _fault, _source, sink, data, at):
        sink.sendall(data[:at])
        self.close()
        return False

    def _rst_after(self, fault, _source, sink, data, at):
        sink.sendall(data[:at])
        time.sleep(fault.random.uniform(0, 0.03))
        self.close(reset)
        return False

    # Only the receiver hears of it; the sender does when it sends more.
    def _one_side_rst(self, _fault, source, sink, data, at):
        sink.sendall(data[:at])
        reset(sink)
        self.released.wait()
        source.close()
        return False

    def _half_close(self, _fault, source, sink, data, at):
        sink.sendall(data[:at])
        sink.shutdown(socket.SHUT_WR)
        while source.recv(65536):
            pass
        return False

    def _stall(self, _fault, _source, sink, data, at):
        sink.sendall(data[:at])
        self.released.wait()
        return False

    @staticmethod
    def _flip(fault, _, sink, data, at):
        sink.sendall(data[:at] + bytes((data[at] ^ (1 << fault.random.randrange(8)),)) + data[at + 1:])
        return True

    @staticmethod
    def _flips(fault, _, sink, data, at):
        spoilt = bytearray(data)
        for place in range(at, min(len(data), at + fault.random.randint(2, 64))):
            spoilt[place] ^= fault.random.randrange(256)
        sink.sendall(spoilt)
        return True

    @staticmethod
    def _duplicate(fault, _, sink, data, at):
        size = fault.random.choice((1, 5, fault.random.randint(1, 200), len(data)))
        sink.sendall(data[:at] + data[at:at + size] * fault.random.randint(2, 4) + data[at + size:])
        return True

    @staticmethod
    def _reorder(fault, _, sink, data, at):
        size = fault.random.randint(1, 64)
        sink.sendall(data[:at] + data[at + size:at + 2 * size] + data[at:at + size] + data[at + 2 * size:])
        return True

    @staticmethod
    def _drop(fault, _, sink, data, at):
        sink.sendall(data[:at] + data[at + fault.random.choice((1, 4, 5, fault.random.randint(1, 500))):])
        return True

    @staticmethod
    def _garbage(fault, _, sink, data, at):
        sink.sendall(data[:at] + fault.random.randbytes(fault.random.randint(1, 300)) + data[at:])
        return True

    # A header that promises: nothing, too little, a little more than there is, or no end.
    @staticmethod
    def _length(fault, _, sink, data, at):
        size = fault.random.choice((0, 1, 3, 4, 5, len(data) + 100, 1 << 20, 1 << 30, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
        kind = fault.random.choice((b"D", b"Z", b"T", b"E", b"S", b"Q", b"P", b"d", b"K", b"R", b"\0", b"\xff"))
        sink.sendall(data[:at] + kind + struct.pack("!I", size) + data[at:])
        return True

    @staticmethod
    def _flood(fault, _, sink, data, at):
        piece = fault.random.choice((fault.random.randbytes(65536), b"N\0\0\0\x0cSINFO\0\0\0" * 5000, b"Z\0\0\0\x05I" * 10000,
                                     b"S\0\0\0\4" * 13000, b"\0" * 65536))
        sink.sendall(data[:at])
        for _ in range(FLOOD_BYTES // len(piece)):
            sink.sendall(piece)
        sink.sendall(data[at:])
        return True

    @staticmethod
    def _zeros(fault, _, sink, data, at):
        size = fault.random.randint(1, 32)
        sink.sendall(data[:at] + b"\0" * len(data[at:at + size]) + data[at + size:])
        return True


class Proxy:
    """Listens on `port` and leads to `to` on this machine."""

    def __init__(self, to):
        self.to, self._lock, self._fault, self._pairs, self._closed = to, threading.Lock(), None, set(), False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self._closed:
            try:
                near = self._listener.accept()[0]
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.to), 10)
            except OSError:
                reset(near)
                continue
            far.settimeout(None)
            with self._lock:
                self._pairs.add(Pair(self, near, far))

    def due(self, direction, size, pair):
        """(where, fault) if it strikes in the next `size` bytes of that direction; it does once."""
        with self._lock:
            fault = self._fault
            if fault is None or fault.direction != direction:
                return 0, None
            if fault.left >= size:
                fault.left -= size
                return 0, None
            self._fault, fault.pair = None, pair
            return fault.left, fault

    def arm(self, fault):
        with self._lock:
            self._fault = fault

    def disarm(self):
        self.arm(None)

    def forget(self, pair):
        with self._lock:
            self._pairs.discard(pair)

    def pairs(self):
        with self._lock:
            return list(self._pairs)

    def cut_all(self):
        for pair in self.pairs():
            pair.close()

    def close(self):
        self._closed = True
        hang_up(self._listener)
        self.cut_all()
