"""The row `requests`: a web daemon of two instances under wrk(1) while it is rolled, killed, and its supervisor upgraded."""
import os, re, shutil, signal, subprocess, time

STACK = '''[[daemon]]
name = "web"
command = "@SERVER@ @DIR@/web serve"
instances = 2
restart = { policy = "always", initial_delay = "0s", next_delay = "0s" }
ready = { type = "tcp", address = "127.0.0.1:@PORT@" }
  [[daemon.socket]]
  listen = "127.0.0.1:@PORT@"
'''
ROLLS, CRASHES, UPGRADES = 20, 5, 2


def measure(lab, port):
    """Requests answered, connections refused, requests that failed otherwise, and what was done meanwhile in seconds."""
    if not shutil.which("wrk"):
        raise lab.Failed("wrk is not installed; ./dev bench installs it")
    server = lab.BUILD / "tests" / "system_worker"
    stack = STACK.replace("@SERVER@", str(server)).replace("@PORT@", str(port))
    with lab.scratch() as dir, lab.Node(stack, dir / "node", detach=True) as node:
        environment = dict(os.environ, DUENDE_SOCKET=str(node.socket), NO_COLOR="1")

        def duende(*words):
            done = subprocess.run([lab.BIN / "duende", *words], env=environment, capture_output=True, text=True, timeout=120)
            if done.returncode:
                raise lab.Failed(f"duende {' '.join(words)}: {done.stderr[-300:]}")

        def instances():
            return [d["pid"] for d in node.daemons() if d["state"] == "running"]

        node.wait(lambda: len(instances()) == 2, "both instances")
        wrk = subprocess.Popen(["wrk", "-t1", "-c8", "-d600s", f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, text=True)
        begin = time.monotonic()
        try:
            for step in range(ROLLS):
                duende("restart", "--rolling", "web")
                if step % (ROLLS // CRASHES) == 1:
                    os.kill(instances()[0], signal.SIGKILL)
                    node.wait(lambda: len(instances()) == 2, "the successor")
                if step % (ROLLS // UPGRADES) == 5:
                    duende("upgrade")
            seconds = time.monotonic() - begin
        finally:
            wrk.send_signal(signal.SIGINT)  # it prints what it has
            text, _ = wrk.communicate(timeout=30)
    answered = int(re.search(r"(\d+) requests in", text).group(1))
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused, *others = map(int, errors.groups()) if errors else (0, 0, 0, 0)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return answered, refused, sum(others) + int(wrong.group(1) if wrong else 0), seconds
