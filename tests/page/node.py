"""A private node for these tests: the built programs on a stack of their own, gone at the end with all they started."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BIN = os.environ.get("DUENDE_BIN", os.path.join(os.path.dirname(__file__), "../../build/bin"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(what, condition, seconds=20):
    """Asks until it is so; fails with `what` where it does not become so in time."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = condition()
        except (OSError, KeyError, ValueError, IndexError):
            value = None
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not in {seconds} s: {what}")
        time.sleep(0.02)


class Node:
    def __init__(self, stack, name="web-1"):
        self.dir = tempfile.mkdtemp(prefix="duende-page-")
        self.socket = os.path.join(self.dir, "run/api.sock")
        os.mkdir(os.path.join(self.dir, "run"), 0o700)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.file = os.path.join(self.dir, "duende.toml")
        with open(self.file, "w") as out:
            out.write(f'[node]\nname = "{name}"\nstate_dir = "{self.dir}/state"\nmetrics = "off"\napi = "127.0.0.1:{self.port}"\n')
            out.write(stack.replace("@DIR@", self.dir).replace("@HERE@", os.path.dirname(os.path.abspath(__file__))))
        self.env = dict(os.environ, DUENDE_SOCKET=self.socket)
        self.log = open(os.path.join(self.dir, "node.log"), "wb")
        self.process = subprocess.Popen([self.program("duende"), "up", "-f", self.file], env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            eventually("the node answers", lambda: self.get("/v1/daemons") is not None, 40)
        except AssertionError:
            with open(os.path.join(self.dir, "node.log")) as log:
                print(log.read()[-3000:])
            self.close()
            raise

    @staticmethod
    def program(name):
        return os.path.join(BIN, name)

    def cli(self, *arguments, check=True):
        done = subprocess.run([self.program("duende"), *arguments], env=dict(self.env, NO_COLOR="1"), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"duende {' '.join(arguments)}: {done.returncode} {done.stderr}")
        return done

    def raw(self, request):
        """One request over TCP as it stands; the whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            s.sendall(request)
            answer = b""
            while piece := s.recv(65536):
                answer += piece
        return answer.decode()

    def get(self, path):
        answer = self.raw(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head, _, body = answer.partition("\r\n\r\n")
        return json.loads(body) if head.split()[1] == "200" else None

    def daemon(self, name):
        return self.get(f"/v1/daemons/{name}")

    def until_state(self, name, state, seconds=30):
        eventually(f"{name} is {state}", lambda: self.daemon(name)["state"] == state, seconds)

    def pid(self):
        return self.get("/v1/node")["pid"]

    def crash(self):
        """Kills the node process; the keeper starts it again."""
        before = self.pid()
        os.kill(before, signal.SIGKILL)
        return before

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
