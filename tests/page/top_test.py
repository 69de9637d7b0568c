"""`duende top` in a pseudo-terminal, as somebody at a terminal of 80 columns meets it."""
import os
import signal
import sys
import time

import case
from node import Node, eventually
from terminal import Terminal

sys.dont_write_bytecode = True
STACK = """
[[supervisor]]
name = "shop"
[[daemon]]
name = "db"
supervisor = "shop"
binary_path = "/bin/sh"
args = ["-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.3; done"]
[[daemon]]
name = "web"
supervisor = "shop"
binary_path = "sleep"
args = ["100000"]
[[daemon]]
name = "rude"
binary_path = "/bin/sh"
args = ["-c", "printf '\\\\033[2J\\\\033]0;owned\\\\007\\\\302\\\\2335m rude\\\\n'; exec sleep 100000"]
"""


def top(node, width=80, height=24, **env):
    return Terminal([node.program("duende"), "top"], dict(node.env, TERM="xterm-256color", LANG="C.UTF-8", **env), width, height)


def row(text, name):
    """The words of a daemon's row: name, state, ..."""
    return next((line.split() for line in text.splitlines()[2:18] if line.strip().startswith(name + " ")), [])


def select(terminal, name):
    """Moves to a row: what is selected has a line of its own above the keys."""
    terminal.press("\x1b[H")
    for _ in range(12):
        terminal.pump(0.1)
        if terminal.lines()[-2].split()[:1] == [name]:
            return
        terminal.press("\x1b[B")
    raise AssertionError(f"no row {name}\n{terminal.text()}")


def test_keys_restart_stop_start_and_fold():
    with Node(STACK) as node, top(node) as t:
        t.until("the tree", lambda text: "shop" in text and row(text, "web")[1:2] == ["running"])
        assert t.alternate and not t.cursor
        t.until("history", lambda text: "▁" in text or "▂" in text or "▇" in text)
        before = node.daemon("web")["pid"]
        select(t, "web")
        t.press("r")
        t.until("a question", lambda text: "restart web?" in text)
        t.press("n")
        t.until("no question", lambda text: "restart web?" not in text)
        assert node.daemon("web")["pid"] == before
        t.press("ry")
        t.until("restarted", lambda text: "web: running" in text)
        assert node.daemon("web")["pid"] != before
        t.press("sy")
        t.until("stopped", lambda text: row(text, "web")[1:2] == ["stopped"])
        t.press("a")
        t.until("started", lambda text: row(text, "web")[1:2] == ["running"])
        t.press("k" * 10 + "j ")
        t.until("folded", lambda text: "▸ shop" in text and not row(text, "web"))
        t.press(" ")
        t.until("unfolded", lambda text: "▾ shop" in text and row(text, "web"))
        t.press("?")
        t.until("help", lambda text: "ctrl-z" in text)
        t.press("x")
        t.until("back", lambda text: row(text, "web"))
        t.press("q")
        assert t.wait() == 0


SLOW = """
[[daemon]]
name = "web"
instances = 2
binary_path = "/bin/sh"
args = ["-c", "sleep 4; echo up; exec sleep 100000"]
ready = { type = "log", pattern = "up", timeout = "30s" }
[[daemon]]
name = "other"
binary_path = "sleep"
args = ["100000"]
"""


def test_a_slow_rolling_restart_and_scale_leave_the_screen_alive():
    with Node(SLOW) as node, top(node) as t:
        t.until("the tree", lambda text: row(text, "web-2")[1:2] == ["running"])
        before = [node.daemon(f"web-{i}")["pid"] for i in (1, 2)]
        select(t, "web-1")
        assert "R roll" in t.lines()[-1] and "+ - scale" in t.lines()[-1]
        t.press("R")
        t.until("a question", lambda text: "restart all 2 instances of web, one after another?" in text)
        t.press("x")
        t.until("no question", lambda text: "restart all" not in text)
        t.press("Ry")
        t.until("it began", lambda text: row(text, "web-surge")[1:2] == ["starting"])
        # Some 12 s until the answer comes: figures go on, and so do the keys and other orders.
        select(t, "other")
        t.press("sy")
        t.until("another one stopped", lambda text: row(text, "other")[1:2] == ["stopped"], 3)
        drawn = [at for at, _ in t.written]
        t.pump(4)
        drawn = [at for at, _ in t.written][len(drawn):]
        assert len(drawn) >= 3, drawn
        t.until("both were replaced", lambda text: "web: 2 replaced" in text, 40)
        after = [node.daemon(f"web-{i}")["pid"] for i in (1, 2)]
        assert not set(before) & set(after), (before, after)
        select(t, "web-2")
        t.press("+++-")
        t.until("a question", lambda text: "scale web from 2 to 4?" in text)
        t.press("y")
        t.until("two more", lambda text: row(text, "web-4")[1:2] == ["running"], 30)
        assert [node.daemon(f"web-{i}")["pid"] for i in (1, 2)] == after
        select(t, "web-2")
        t.press("---y")
        t.until("one is left", lambda text: row(text, "web-1") and not row(text, "web-2"))
        t.press("\x1b[H" + "R")
        t.until("not of a supervisor", lambda text: "choose one of the daemons to restart" in text)
        select(t, "web-1")
        t.press("-")
        t.until("not below one", lambda text: "web has one instance" in text)
        t.press("Ry")
        t.until("it began", lambda text: row(text, "web-surge")[1:2] == ["starting"])
        began = time.monotonic()
        t.press("q")
        assert t.wait() == 0 and time.monotonic() - began < 2


def test_log_follows_and_scrolls():
    with Node(STACK) as node, top(node) as t:
        t.until("the tree", lambda text: row(text, "db"))
        select(t, "db")
        t.press("l")
        t.until("lines", lambda text: "line 3" in text and "following" in text)
        newest = max(int(line.split()[-1]) for line in t.lines() if " line " in line)
        t.until("more lines", lambda text: f"line {newest + 3}" in text)
        eventually("25 lines", lambda: t.pump(0.3) and any("line 25" in line for line in t.lines()), 30)
        t.press("\x1b[5~")
        t.until("scrolled", lambda text: "lines below" in text)
        t.press("\x1b[F")
        t.until("following again", lambda text: "following" in text)
        t.press("q")
        t.until("the tree again", lambda text: row(text, "db"))
        select(t, "rude")
        t.press("l")
        t.until("harmless", lambda text: "?5m rude" in text)
        assert b"\x1b]0" not in t.bytes and b"\xc2\x9b" not in t.bytes
        t.press("q")


def test_resizes_and_stays_within():
    with Node(STACK) as node, top(node) as t:
        t.until("the tree", lambda text: row(text, "db"))
        for width, height in ((132, 43), (40, 10), (20, 5), (1, 1), (80, 24)):
            t.resize(width, height)
            t.pump(0.5)
        t.until("the tree again", lambda text: row(text, "db"))


def test_restores_the_terminal_on_every_way_out():
    with Node(STACK) as node:
        for way in ("q", "\x03", signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGABRT):
            with top(node) as t:
                before = t.attributes()
                t.until("the tree", lambda text: row(text, "db"))
                assert t.attributes() != before
                if isinstance(way, str):
                    t.press(way)
                else:
                    t.kill(way)
                status = t.wait()
                assert status == (0 if isinstance(way, str) else -way), f"{way!r}: {status}"
                assert not t.alternate and t.cursor, way
                assert t.bytes.rstrip().endswith(b"\x1b[?1049l"), way
                assert t.attributes() == before, way


def test_ends_when_told_to_while_nobody_reads_the_terminal():
    with Node(STACK) as node, top(node, 400, 100) as t:
        before = t.attributes()
        t.until("the tree", lambda text: row(text, "db"))
        for _ in range(60):  # each makes it draw everything again
            t.set_size(400 + _ % 2, 100)
            time.sleep(0.02)
        time.sleep(1)
        t.kill(signal.SIGTERM)
        eventually("it ends", lambda: os.waitid(os.P_PID, t.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT), 5)
        assert t.attributes() == before
        t.resize_grid(500, 100)  # what is left may be of either width
        t.wait()


def test_suspends_and_comes_back():
    with Node(STACK) as node, top(node) as t:
        t.until("the tree", lambda text: row(text, "db"))
        t.press("\x1a")
        eventually("stopped", lambda: t.pump(0.05) and open(f"/proc/{t.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T")
        t.pump(0.2)
        assert not t.alternate and t.cursor
        t.kill(signal.SIGCONT)
        t.until("back", lambda text: t.alternate and row(text, "db"))
        t.press("q")
        assert t.wait() == 0


def test_goes_on_while_the_node_is_restarted():
    with Node(STACK) as node, top(node) as t:
        t.until("the tree", lambda text: row(text, "db"))
        for _ in range(2):
            node.crash()
            eventually("the node is back", lambda: node.get("/v1/node"))
        node.cli("restart", "web")
        t.until("live again", lambda text: "does not answer" not in text and row(text, "web")[1:2] == ["running"])
        t.until("its event", lambda text: any("web: running as pid" in line for line in text.splitlines()))
        node.cli("down")
        t.until("it says so", lambda text: "does not answer" in text and "trying again" in text)
        t.press("q")
        assert t.wait() == 0


def test_asks_no_more_often_than_it_draws():
    with Node(STACK) as node, top(node) as t:
        t.until("the tree", lambda text: row(text, "db"))
        t.pump(1)
        wakes = lambda: sum(int(line.split()[1]) for task in os.listdir(f"/proc/{t.pid}/task")
                            for line in open(f"/proc/{t.pid}/task/{task}/status") if line.startswith("voluntary"))
        before, began = wakes(), time.monotonic()
        t.pump(5)
        rate = (wakes() - before) / (time.monotonic() - began)
        print(f"{rate:.1f} wake-ups a second")
        assert rate < 20, rate  # a look is three requests and a drawing


def test_prints_once_where_there_is_no_terminal():
    with Node(STACK) as node:
        done = node.cli("top")
        assert "\x1b" not in done.stdout and "shop" in done.stdout and row(done.stdout, "db")[1] == "running", done.stdout
        node.cli("down")
        assert node.cli("top", check=False).returncode == 4


if __name__ == "__main__":
    case.run(globals())
