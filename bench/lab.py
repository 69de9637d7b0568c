"""A private node, the floor beside it, and what the kernel says about both. Used by bench/run."""
import contextlib, http.client, json, os, pathlib, re, resource, select, shutil, signal, socket, statistics, subprocess, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("DUENDE_BUILD", ROOT / "build"))
BIN = BUILD / "bin"
TOOLS = BUILD / "bench"
WORKER = TOOLS / "bench_worker"
KEEP = TOOLS / "floor_keep"

# Every row watches up to 1,000 processes by pidfd.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


class Failed(Exception):
    pass


@contextlib.contextmanager
def scratch():
    path = pathlib.Path(tempfile.mkdtemp(prefix="duende-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Detached:
    """The keeper of `duende up --detach`, used as a subprocess.Popen is."""

    def __init__(self, pid):
        self.pid, self.fd = pid, os.pidfd_open(pid)

    def poll(self):
        return 0 if select.select([self.fd], [], [], 0)[0] else None

    def terminate(self):
        signal.pidfd_send_signal(self.fd, signal.SIGTERM)

    def wait(self, timeout=None):
        if not select.select([self.fd], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("duende-keeper", timeout)


class Node:
    """`duende up` on a stack; "@DIR@" and "@WORKER@" are replaced. Stops it at the end of the `with`. Where `detach` is set, no
    foreground command prints what the daemons write and what happens to them."""

    def __init__(self, stack, dir, detach=False):
        self.dir = dir
        (dir / "run").mkdir(parents=True)
        self.socket = dir / "run" / "api.sock"
        file = dir / "duende.toml"
        head = f'[node]\nname = "bench"\nstate_dir = "{dir}/state"\nmetrics = "off"\n'
        file.write_text(head + stack.replace("@DIR@", str(dir)).replace("@WORKER@", str(WORKER)))
        self.out = open(dir / "node.log", "w")
        self.begin = time.monotonic_ns()
        command = [BIN / "duende", "up", "-f", file] + (["--detach"] if detach else [])
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out,
                                        env=dict(os.environ, DUENDE_SOCKET=str(self.socket), NO_COLOR="1"), start_new_session=True)
        if detach:
            self.process.wait(60)
            found = re.search(r"pid (\d+)", (dir / "node.log").read_text())
            if not found:
                raise Failed((dir / "node.log").read_text()[-400:])
            self.process = Detached(int(found.group(1)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
        if self.process.poll() is None:
            for pid in tree(self.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
        self.out.close()

    def wait(self, condition, what, seconds=60, pause=0.005):
        end = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed(f"{what}: {(self.dir / 'node.log').read_text()[-400:]}")
            time.sleep(pause)

    def daemons(self):
        connection = http.client.HTTPConnection("localhost", timeout=30)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.socket))
        connection.request("GET", "/v1/daemons")
        return json.loads(connection.getresponse().read())

    def programs(self):
        """Pids of keeper and node."""
        found = [p for p in tree(self.process.pid) if exe(p) in ("duende-keeper", "duended")]
        if len(found) != 2:
            raise Failed(f"keeper and node expected, found {[exe(p) for p in found]}")
        return found


class Floor:
    """floor_keep with N workers; `result` is (restarts, CPU µs) after `stop`."""

    def __init__(self, count, *args):
        self.begin = time.monotonic_ns()
        self.process = subprocess.Popen([KEEP, str(count), WORKER, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def stop(self):
        self.process.terminate()
        self.result = tuple(map(int, self.process.communicate(timeout=60)[0].split()))
        return self.result


def exe(pid):
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    return None


def tree(root):
    children = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = open(f"/proc/{entry.name}/stat").read()
                children.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def records(path):
    """(pid, monotonic ns) of each start a worker wrote down."""
    with contextlib.suppress(OSError):
        return [tuple(map(int, line.split())) for line in path.read_text().splitlines()]
    return []


def pss(pid):
    return int(re.search(r"^Pss:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup").read(), re.M).group(1)) * 1024


def cpu_ns(pid):
    """CPU time of all its threads that live, from the scheduler: ns, not ticks."""
    return sum(int(open(f"/proc/{pid}/task/{t}/schedstat").read().split()[0]) for t in os.listdir(f"/proc/{pid}/task"))


def wakeups(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", open(f"/proc/{pid}/task/{task}/status").read(), re.M).group(1))
    return total


def wait_gone(pids, seconds=120):
    """The monotonic time (ns) at which the last of the processes was gone."""
    poll = select.epoll()
    waiting = {}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            fd = os.pidfd_open(pid)
            poll.register(fd, select.EPOLLIN)
            waiting[fd] = pid

    def finish():
        end = time.monotonic() + seconds
        while waiting:
            if time.monotonic() > end:
                raise Failed(f"{len(waiting)} processes still live after {seconds} s")
            for fd, _ in poll.poll(1):
                poll.unregister(fd)
                os.close(fd)
                del waiting[fd]
        return time.monotonic_ns()

    return finish


def stack(count, args="", more=""):
    return "".join(f'[[daemon]]\nname = "w{i}"\ncommand = "@WORKER@ @DIR@/records{args}"\n{more}' for i in range(count))


median = statistics.median
