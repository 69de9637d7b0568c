"""What a trace costs the daemon that is traced: the same work with and without, in turns."""
import http.client, json, socket, subprocess, time

PAIRS, SECONDS = 9, 1.5


def traced(node, seconds):
    connection = http.client.HTTPConnection("localhost", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(node.socket))
    connection.request("POST", "/v1/daemons/heavy/trace", json.dumps({"seconds": seconds, "method": "bpf"}))
    return json.loads(connection.getresponse().read())


def rounds(path):
    """Nanoseconds of CPU and of time that each round of 8,000 calls took."""
    return [tuple(map(int, line.split())) for line in path.read_text().splitlines() if line.count(" ") == 1]


def during(path, act):
    """Means over the rounds that began and ended while `act` ran: CPU and time. No medians: a trace looks away for a part of the time."""
    before = len(rounds(path)) + 1
    act()
    return [sum(x) / len(x) for x in zip(*rounds(path)[before:-1])]


def costs(lab):
    """CPU time with a trace to that without, median of the pairs; likewise the time that a loop of ptrace(2) takes; calls a second."""
    subject = lab.BUILD / "tests" / "trace_subject"
    if not subject.exists():
        raise lab.Failed(f"no '{subject}' in the build")
    stack = f'[[daemon]]\nname = "heavy"\ncommand = "{subject} heavy @DIR@/rounds"\n'
    with lab.scratch() as dir, lab.Node(stack, dir / "node") as node:
        path = node.dir / "rounds"
        node.wait(lambda: path.exists() and len(rounds(path)) > 3, "first rounds")
        pid = node.daemons()[0]["pid"]
        cpu, stopped, plain = [], [], []
        for _ in range(PAIRS):
            without = during(path, lambda: time.sleep(SECONDS))
            report = []
            with_it = during(path, lambda: report.append(traced(node, SECONDS)))
            if report[0].get("method") != "bpf":
                raise lab.Failed(report[0].get("detail") or report[0].get("note", "not traced by BPF"))
            cpu.append(with_it[0] / without[0])
            plain.append(without[1])
        for _ in range(3):
            slow = during(path, lambda: subprocess.run([lab.TOOLS / "floor_ptrace", str(pid), str(2 * SECONDS)], check=True,
                                                       stdout=subprocess.DEVNULL, timeout=60))
            stopped.append(slow[1] / lab.median(plain))
    return lab.median(cpu), lab.median(stopped), 8000 / (lab.median(plain) / 1e9)
