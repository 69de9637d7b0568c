"""The web page with 1,000 daemons: what one update costs the browser's main thread, and how soon a key shows. Prints the figures."""
import os
import subprocess
import sys
import time

import case
from browser import PROGRAM, Browser
from node import Node, eventually

sys.dont_write_bytecode = True
COUNT = 1000
GROUPS = 10


def stack():
    parts = [f'[[supervisor]]\nname = "group-{i}"\n' for i in range(GROUPS)]
    for i in range(COUNT):
        parts.append(f'[[daemon]]\nname = "daemon-{i:04}"\nsupervisor = "group-{i % GROUPS}"\nbinary_path = "sleep"\nargs = ["100000"]\n'
                     'restart = { policy = "always" }\n')
    return "".join(parts)


def metrics(browser):
    return {each["name"]: each["value"] for each in browser.call("Performance.getMetrics")["metrics"]}


def looks(browser):
    return sum(url.endswith("/v1/daemons") for _, url, _ in browser.requests)


FOCUS = "document.activeElement.closest('tr')?.dataset.name"


def press(browser, key, name):
    """Milliseconds until the row of that name has the focus and was drawn."""
    began = time.monotonic()
    browser.key(key)
    eventually(name, lambda: browser.js(f"new Promise((r) => requestAnimationFrame(() => r({FOCUS} === '{name}')))"), 10)
    return (time.monotonic() - began) * 1000


def test_a_thousand_daemons_leave_the_page_responsive():
    with Node(stack()) as node, Browser() as b:
        eventually("all run", lambda: sum(each["state"] == "running" for each in node.get("/v1/daemons")) == COUNT, 120)
        b.call("Performance.enable")
        b.go(node.url)
        b.until("document.querySelector('#counts li')?.textContent === '1000 running'", 60)
        b.js("window.longest = 0; new PerformanceObserver((list) => list.getEntries().forEach((each) => { window.longest = Math.max(window.longest, each.duration); }))"
             ".observe({type: 'longtask'})")
        b.pump(3)
        b.requests.clear()
        before = metrics(b)
        b.pump(15)
        after, count = metrics(b), looks(b)
        one = {name: (after[name] - before[name]) * 1000 / count for name in ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")}
        print(f"{count} updates in 15 s, each {one['TaskDuration']:.1f} ms of the main thread (script {one['ScriptDuration']:.1f}, "
              f"style {one['RecalcStyleDuration']:.1f}, layout {one['LayoutDuration']:.1f}); longest task {b.js('window.longest'):.0f} ms; "
              f"{after['Nodes']:.0f} nodes", flush=True)
        b.js("document.querySelector('#rows tr').focus()")
        steps = [press(b, "End", f"daemon-{COUNT - 1:04}"), press(b, "ArrowUp", f"daemon-{COUNT - 1 - GROUPS:04}"), press(b, "Home", "root"),
                 press(b, "ArrowDown", "group-0"), press(b, "ArrowDown", "daemon-0000")]
        print("a key shows after " + ", ".join(f"{step:.0f}" for step in steps) + " ms", flush=True)
        # Scrolled to the middle, by hand: rows are there, and what happens to one of them shows.
        b.js("{ const p = document.querySelector('.tree-panel'); p.scrollTop = p.scrollHeight / 2; }")
        middle = b.until("(() => { const p = document.querySelector('.tree-panel').getBoundingClientRect();"
                         "return document.elementFromPoint(p.x + 80, p.y + p.height / 2)?.closest('tr.daemon')?.dataset.name; })()")
        os.kill(node.daemon(middle)["pid"], 9)
        b.until(f"document.querySelector('tr[data-name={middle}] .number').textContent === '1'", 10)
        assert b.js(FOCUS) == "daemon-0000"  # still in the document, though out of sight
        b.js(f"document.querySelector('tr[data-name={middle}]').click()")
        b.until(f"document.querySelector('#detail h2').textContent === '{middle}'")
        b.key("/")
        for letter in "0777":
            b.key(letter)
        b.until("document.querySelectorAll('tr.daemon').length === 1")
        # All of a group at once: many events, and the page still answers.
        b.key("Escape")
        b.js("window.longest = 0")
        for daemon in node.get("/v1/daemons"):
            if daemon["supervisor"] == "group-3":
                os.kill(daemon["pid"], 9)
        stir = press(b, "Escape", "root") if b.js(FOCUS) == "root" else 0
        b.pump(5)
        print(f"100 killed at once: longest task {b.js('window.longest'):.0f} ms", flush=True)
        b.until("document.querySelector('#counts li')?.textContent === '1000 running'", 60)
        assert one["TaskDuration"] < 100, one
        assert max(steps) < 1000 and stir < 1000, steps
        left = [text for text in b.messages]
        assert not left, left


if __name__ == "__main__":
    if not PROGRAM:
        case.skip("no chromium on this machine (Debian: apt-get install chromium)")
    try:
        with Browser() as probe:
            probe.js("1 + 1")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        case.skip(f"{PROGRAM} does not run here: {error}")
    case.run(globals())
