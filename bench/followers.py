"""The row `followers`: 200 streams of events while daemons restart; also a program of its own, which only reads streams."""
import select, socket, subprocess, sys, time


def read_streams(path, count, seconds):
    """Follows events `count` times and reads for so long; events that each got, the fewest and the most."""
    poll, streams, got = select.epoll(), {}, {}
    for _ in range(count):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        s.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
        streams[s.fileno()], got[s.fileno()] = s, b""
        poll.register(s.fileno(), select.EPOLLIN)
    counts = dict.fromkeys(streams, 0)
    print("following", flush=True)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for fd, _ in poll.poll(left):
            data = streams[fd].recv(65536)
            if not data:
                raise SystemExit("a follower was dropped")
            counts[fd] += data.count(b"\ndata: ")
    print(min(counts.values()), max(counts.values()))


if __name__ == "__main__":
    read_streams(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))


def measure(lab, fast):
    """CPU of node and keeper over 20 s as a share of a core, restarts per second, and events each follower got."""
    seconds, count = 20, 200
    keys = f'''[[daemon]]
name = "beat"
command = "@WORKER@ @DIR@/records exit 100"
supervisor = "fast"
restart = {{ policy = "always", initial_delay = "0s", next_delay = "0s", max_delay = "0s", jitter = 0.0 }}
'''
    with lab.scratch() as dir, lab.Node(fast + keys, dir / "node", detach=True) as node:
        node.wait(lambda: len(lab.records(node.dir / "records")) > 3, "first restarts")
        programs = node.programs()

        def used(span):
            before = len(lab.records(node.dir / "records")), sum(map(lab.cpu_ns, programs))
            time.sleep(span)
            return (sum(map(lab.cpu_ns, programs)) - before[1]) / 1e9 / span, (len(lab.records(node.dir / "records")) - before[0]) / span

        alone, _ = used(5)
        reader = subprocess.Popen([sys.executable, __file__, node.socket, str(count), str(seconds + 5)], stdout=subprocess.PIPE, text=True)
        reader.stdout.readline()
        time.sleep(2)
        share, rate = used(seconds)
        rest, _ = reader.communicate(timeout=60)
        if reader.returncode:
            raise lab.Failed("a follower was dropped")
        fewest, most = map(int, rest.split())
        return share, alone, rate, fewest, most
