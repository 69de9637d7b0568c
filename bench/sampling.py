"""The /proc observer: what a look at a process costs beside pread(2) of the same files, and what a node spends that looks each second."""
import json, socket, subprocess, time, http.client


def looks(lab, count):
    """Nanoseconds of CPU for a process (medians of 20 rounds): ours, of one that has not run since, the floor's; and allocations by all."""
    done = subprocess.run([lab.TOOLS / "sampling_bench", str(count), "20"], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise lab.Failed(done.stderr[-300:])
    lines = [line.split() for line in done.stdout.splitlines()]
    rounds = [tuple(map(float, x[1::2])) for x in lines if x[0] == "ours"]
    return *(lab.median(each) for each in zip(*rounds)), int(lines[-1][1])


def share_of_core(lab, count, seconds=20):
    """Of a node that samples `count` idle daemons each second; and the samples that it then has of one."""
    with lab.scratch() as dir:
        with lab.Node('sample_interval = "1s"\n' + lab.stack(count), dir / "node") as node:
            node.wait(lambda: len(lab.records(node.dir / "records")) >= count, "all starts")
            node.wait(lambda: sum(d["state"] == "running" for d in node.daemons()) == count, "all running")
            time.sleep(3)
            programs = node.programs()
            before = sum(map(lab.cpu_ns, programs))
            time.sleep(seconds)
            used = (sum(map(lab.cpu_ns, programs)) - before) / 1e9 / seconds
            connection = http.client.HTTPConnection("localhost", timeout=30)
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(str(node.socket))
            connection.request("GET", f"/v1/daemons/w0/samples?last={seconds}s")
            samples = json.loads(connection.getresponse().read())["samples"]
    if abs(len(samples) - seconds) > 1:
        raise lab.Failed(f"{len(samples)} samples in {seconds} s")
    return used
