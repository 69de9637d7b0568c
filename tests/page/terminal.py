"""A program in a pseudo-terminal, and the little of a terminal that `duende top` uses: a grid of characters with colours."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from node import eventually

SEQUENCE = re.compile(rb"\x1b\[([?0-9;]*)([A-Za-z])")


class Terminal:
    def __init__(self, argv, env, width=80, height=24):
        self.resize_grid(width, height)
        self.alternate = False
        self.cursor = True
        self.bytes = b""
        self.rest = b""
        self.written = []  # (time, bytes): when it drew
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, env)
        self.set_size(width, height)

    def set_size(self, width, height):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def resize(self, width, height):
        self.resize_grid(width, height)
        self.set_size(width, height)

    def resize_grid(self, width, height):
        self.width, self.height = width, height
        self.grid = [[(" ", "")] * width for _ in range(height)]
        self.row = self.column = 0
        self.style = ""

    def pump(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) >= 0:
            if not select.select([self.fd], [], [], left)[0]:
                return True
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                piece = b""
            if not piece:
                return False
            self.bytes += piece
            self.written.append((time.monotonic(), piece))
            self.feed(piece)
        return True

    def feed(self, piece):
        data = self.rest + piece
        self.rest = b""
        while data:
            if data[0] == 0x1b:
                found = SEQUENCE.match(data)
                if not found:
                    self.rest = data
                    return
                self.control(found[1].decode(), found[2].decode())
                data = data[found.end():]
                continue
            if data[0] in (10, 13):
                self.column = 0 if data[0] == 13 else self.column
                self.row = min(self.height - 1, self.row + (data[0] == 10))
                data = data[1:]
                continue
            size = 1 if data[0] < 0x80 else 2 if data[0] < 0xe0 else 3 if data[0] < 0xf0 else 4
            if len(data) < size:
                self.rest = data
                return
            if self.column >= self.width:
                raise AssertionError(f"line {self.row} is wider than {self.width} columns: {self.text()}")
            self.grid[self.row][self.column] = (data[:size].decode(), self.style)
            self.column += 1
            data = data[size:]

    def control(self, numbers, what):
        if what == "H":
            row, _, column = (numbers or "1;1").partition(";")
            self.row, self.column = int(row) - 1, int(column or 1) - 1
            assert self.row < self.height, f"row {self.row} of {self.height}"
        elif what == "K":
            self.grid[self.row][self.column:] = [(" ", "")] * (self.width - self.column)
        elif what == "J":
            self.grid = [[(" ", "")] * self.width for _ in range(self.height)]
        elif what == "m":
            self.style = numbers
        elif numbers in ("?1049", "?25"):
            value = what == "h"
            if numbers == "?1049":
                self.alternate = value
            else:
                self.cursor = value
        else:
            assert numbers == "?7", f"unknown sequence {numbers}{what}"

    def lines(self):
        return ["".join(character for character, _ in row).rstrip() for row in self.grid]

    def text(self):
        return "\n".join(self.lines())

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def until(self, what, condition, seconds=20):
        def look():
            self.pump(0.05)
            return condition(self.text())
        try:
            return eventually(what, look, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def attributes(self):
        return termios.tcgetattr(self.fd)

    def wait(self, seconds=10):
        """The exit code, or minus the signal."""
        def ended():
            self.pump(0)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            return pid
        eventually("the program ends", ended, seconds)
        self.pump(0.1)
        return self.status

    def kill(self, number):
        os.kill(self.pid, number)

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
