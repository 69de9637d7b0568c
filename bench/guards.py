"""Health checks of many daemons at once, and decisions of the circuit breaker."""
import http.client, re, socket, subprocess, threading, time

COUNT, SECONDS = 1000, 20


def listener():
    """A socket that accepts whoever comes and closes again; its address."""
    waiting = socket.create_server(("127.0.0.1", 0), backlog=4096)

    def serve():
        while True:
            try:
                waiting.accept()[0].close()
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    return waiting, "127.0.0.1:%d" % waiting.getsockname()[1]


def checks_made(node):
    """Checks by outcome, over all daemons."""
    connection = http.client.HTTPConnection("localhost", timeout=30)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(node.socket))
    connection.request("GET", "/metrics")
    made = {"passed": 0, "failed": 0}
    for outcome, count in re.findall(r'duende_health_check_seconds_count\{.*?outcome="(\w+)"\} (\d+)', connection.getresponse().read().decode()):
        made[outcome] = made.get(outcome, 0) + int(count)
    return made


def health(lab):
    waiting, address = listener()
    keys = f'[daemon.health_check]\ntype = "tcp"\naddress = "{address}"\ninterval = "1s"\n'
    try:
        with lab.scratch() as dir, lab.Node(lab.stack(COUNT, more=keys), dir / "node", detach=True) as node:
            node.wait(lambda: sum(d["health"] == "healthy" for d in node.daemons()) == COUNT, "1,000 healthy")
            time.sleep(3)
            programs = node.programs()
            before, used, begin = checks_made(node), sum(map(lab.cpu_ns, programs)), time.monotonic()
            time.sleep(SECONDS)
            seconds = time.monotonic() - begin
            share = (sum(map(lab.cpu_ns, programs)) - used) / 1e9 / seconds
            after = checks_made(node)
    finally:
        waiting.close()
    return (after["passed"] - before["passed"]) / seconds, after["failed"] - before["failed"], share


def breaker(tools):
    done = subprocess.run([tools / "breaker_bench"], capture_output=True, text=True, timeout=300)
    figure = dict(line.split("=", 1) for line in done.stdout.split())
    return float(figure["decision_ns"]), float(figure["locked_ns"])
