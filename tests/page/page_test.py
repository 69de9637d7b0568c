"""The web page in a headless Chromium on a real node."""
import os
import subprocess
import sys
import time

import case
from browser import PROGRAM, Browser
from node import Node, eventually

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
# A daemon whose every word is an attack: what it prints, its description, its status text.
STACK = """
[[supervisor]]
name = "shop"
[[daemon]]
name = "db"
description = "orders <script>window.owned=1</script><img src=x onerror='window.owned=2'>"
version = "<b onmouseover=window.owned=3>15"
supervisor = "shop"
binary_path = "/bin/sh"
args = ["-c", "i=0; while :; do i=$((i+1)); echo \\"line $i <script>window.owned=4</script> <img src=x onerror=window.owned=5>\\"; printf '\\\\033[31mred\\\\033[0m \\\\302\\\\23331m\\\\n' >&2; sleep 0.3; done"]
[[daemon]]
name = "web"
supervisor = "shop"
binary_path = "sleep"
args = ["100000"]
restart = { policy = "always" }
[[daemon]]
name = "bad"
binary_path = "/bin/sh"
args = ["-c", "exit 3"]
restart = { policy = "never" }
"""
STATE = "document.querySelector('tr[data-name={}] .state').textContent"
LIVE = "document.getElementById('link').textContent === 'live' && document.querySelectorAll('tr.daemon').length === 3"


def open_page(browser, node):
    browser.go(node.url)
    browser.until(LIVE)


def no_complaints(browser, but=()):
    left = [text for text in browser.messages if not any(word in text for word in but)]
    assert not left, left


def test_headers_are_strict():
    with Node(STACK) as node:
        answer = node.raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        head = answer.partition("\r\n\r\n")[0].lower()
        assert head.startswith("http/1.1 200") and "content-type: text/html" in head
        policy = next(line for line in head.splitlines() if line.startswith("content-security-policy:"))
        for word in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"):
            assert word in policy, policy
        assert "unsafe" not in policy and "x-content-type-options: nosniff" in head and "x-frame-options: deny" in head
        assert "<script>" not in answer and "style=" not in answer and "http://" not in answer and "https://" not in answer
        assert " 403 " in node.raw(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").splitlines()[0]
        assert " 403 " in node.raw(b"POST /v1/daemons/web/stop HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\n"
                                   b"Content-Length: 0\r\n\r\n").splitlines()[0]
        link = b"Host: 127.0.0.1\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n"
        assert " 200 " in node.raw(b"GET / HTTP/1.1\r\n" + link).splitlines()[0]
        assert " 403 " in node.raw(b"GET /v1/daemons HTTP/1.1\r\n" + link).splitlines()[0]
        assert " 404 " in node.raw(b"GET /page/0/main.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").splitlines()[0]


def test_tree_is_live_and_buttons_ask_first():
    with Node(STACK) as node, Browser() as b:
        open_page(b, node)
        assert b.js(STATE.format("web")) == "running" and b.js(STATE.format("bad")) == "failed"
        assert b.js("document.querySelector('tr[data-name=shop]').getAttribute('aria-level')") == "2"
        pid = node.daemon("web")["pid"]
        b.js("document.querySelector('tr[data-name=web]').click()")
        b.until("!document.getElementById('detail').hidden")
        b.js("document.querySelector('[data-verb=restart]').click()")
        b.until("document.querySelector('dialog[open] h2')?.textContent === 'Restart web?'")
        b.key("Escape")
        b.until("!document.querySelector('dialog[open]')")
        assert node.daemon("web")["pid"] == pid
        b.js("document.querySelector('[data-verb=restart]').click()")
        b.until("document.querySelector('dialog[open] button[value=yes]')?.click() ?? true")
        eventually("another pid", lambda: node.daemon("web")["pid"] not in (None, pid))
        b.js("document.querySelector('[data-verb=stop]').click()")
        b.until("document.querySelector('dialog[open] button[value=yes]')?.click() ?? true")
        b.until(STATE.format("web") + " === 'stopped'")
        b.js("document.querySelector('[data-verb=start]').click()")
        b.until("document.querySelector('dialog[open] button[value=yes]')?.click() ?? true")
        b.until(STATE.format("web") + " === 'running'")
        # What happens elsewhere shows, too: an event, then the new state and the charts.
        node.cli("stop", "web")
        b.until(STATE.format("web") + " === 'stopped'")
        node.cli("start", "web")
        os.kill(node.daemon("web")["pid"], 9)
        b.until("[...document.querySelectorAll('#events li')].some((x) => x.textContent.includes('SIGKILL'))")
        b.until("document.querySelector('.chart.restarts .chart-area').getAttribute('d')?.length > 0")
        b.until("document.querySelector('.chart.memory .chart-line').getAttribute('d')?.length > 20")
        no_complaints(b)


def test_rolling_restart_and_scale_ask_first_and_block_nothing():
    slow = "".join(f'''
[[daemon]]
name = "{name}"
instances = 2
binary_path = "/bin/sh"
args = ["-c", "sleep 2; echo up; exec sleep 100000"]
ready = {{ type = "log", pattern = "up", timeout = "30s" }}
''' for name in ("app", "api", "job"))
    with Node(slow) as node, Browser() as b:
        b.go(node.url)
        b.until("document.querySelector('#counts li')?.textContent === '6 running'")
        before = {each["name"]: each["pid"] for each in node.get("/v1/daemons")}
        yes = "document.querySelector('dialog[open] button[value=yes]')?.click() ?? true"
        toast = "[...document.querySelectorAll('.toast')].some((x) => x.textContent.includes('{}'))"

        def roll(name, answer):
            b.js(f"document.querySelector('tr[data-name={name}-1]').click()")
            b.js("document.querySelector('[data-verb=roll]').click()")
            b.until(f"document.querySelector('dialog[open] h2')?.textContent === 'Rolling restart of {name}?'")
            b.key(answer)
            b.until("!document.querySelector('dialog[open]')")

        roll("app", "Escape")
        b.pump(0.3)
        assert not node.daemon("app-surge")
        roll("app", "Enter")
        roll("api", "Enter")
        b.until(STATE.format("app-surge") + " === 'starting'")
        # Two are waited for; a third one is refused, a simple order goes through at once, and the figures go on.
        roll("job", "Enter")
        b.until(toast.format("too much is under way"))
        b.requests.clear()
        b.js("document.querySelector('tr[data-name=job-2]').click()")
        b.js("document.querySelector('[data-verb=stop]').click()")
        b.until(yes)
        b.until(STATE.format("job-2") + " === 'stopped'", 3)
        b.until(toast.format("app: 2 replaced"), 30)
        b.until(toast.format("api: 2 replaced"), 30)
        assert sum(url.endswith("/v1/daemons") for _, url, _ in b.requests) >= 3
        assert node.daemon("app-1")["pid"] != before["app-1"] and node.daemon("job-1")["pid"] == before["job-1"]
        b.js("document.querySelector('tr[data-name=app-2]').click()")
        b.js("document.querySelector('tr[data-name=app-2]').focus()")
        b.key("+")
        b.until("document.querySelector('dialog[open] h2')?.textContent === 'Scale app?' && document.querySelector('dialog input').value === '2'")
        b.js("document.querySelector('dialog input').value = '4'")
        b.key("Enter")
        b.until(STATE.format("app-4") + " === 'running'")
        b.until(toast.format("app: scaled to 4"))
        assert len([each for each in node.get("/v1/daemons") if each.get("instance_of") == "app"]) == 4
        no_complaints(b)


def test_nothing_a_daemon_says_becomes_code():
    with Node(STACK) as node, Browser() as b:
        open_page(b, node)
        b.js("document.querySelector('tr[data-name=db]').click()")
        b.until("document.querySelectorAll('.log .line').length > 4")
        b.pump(1)
        assert b.js("document.querySelector('.log .line.stdout span').textContent.includes('<script>')")
        assert b.js("[...document.querySelectorAll('.log .line.stderr span')].some((x) => x.textContent === 'red \\ufffd31m')"), \
            b.js("document.querySelector('.log .line.stderr span').textContent")
        assert b.js("document.querySelector('.about').textContent").startswith("orders <script>")
        assert b.js("window.owned ?? null") is None
        assert b.js("document.querySelectorAll('main img, main script').length") == 0
        assert b.js("(() => { try { document.body.innerHTML = 'x'; return 'set'; } catch { return 'refused'; } })()") == "refused"
        assert b.js("(() => { try { return (0, eval)('1'); } catch { return 'refused'; } })()") == "refused"
        no_complaints(b, but=("TrustedHTML", "TrustedScript", "Content Security Policy"))
        assert all(url.startswith((node.url, "about:", "data:")) for _, url, _ in b.requests), b.requests


def test_keyboard_alone_is_enough():
    with Node(STACK) as node, Browser() as b:
        open_page(b, node)
        b.key("j")
        focus = "document.activeElement.closest('tr')?.dataset.name ?? document.activeElement.id"
        b.until(f"{focus} === 'root'")
        b.key("ArrowDown")
        b.until(f"{focus} === 'shop'")
        b.key("ArrowLeft")
        b.until("document.querySelector('tr[data-name=shop]').getAttribute('aria-expanded') === 'false' && !document.querySelector('tr[data-name=web]')")
        b.key("ArrowRight")
        b.until("!!document.querySelector('tr[data-name=web]')")
        b.key("End")
        b.until(f"{focus} === 'bad'")
        b.key("/")
        b.until("document.activeElement.id === 'filter'")
        for letter in "we":
            b.key(letter)
        b.until("document.querySelectorAll('tr.daemon').length === 1")
        b.key("Enter")
        b.key("End")
        b.until(f"{focus} === 'web'")
        b.key("Enter")
        b.until("document.querySelector('#detail h2').textContent === 'web' && !document.getElementById('detail').hidden")
        b.key("r")
        b.until("document.querySelector('dialog[open] h2')?.textContent === 'Restart web?'")
        pid = node.daemon("web")["pid"]
        b.key("Enter")
        eventually("another pid", lambda: node.daemon("web")["pid"] not in (None, pid))
        b.key("l")
        b.until("document.activeElement.classList.contains('log')")
        b.key("Escape")
        b.until("document.getElementById('detail').hidden")
        b.key("?")
        b.until("document.querySelector('dialog[open] h2')?.textContent === 'Keys'")
        b.key("Escape")
        no_complaints(b)


def test_no_column_is_cut_off_at_any_width():
    with Node(STACK) as node, Browser(1920, 900) as browser:
        open_page(browser, node)
        for opened in (False, True):
            if opened:
                browser.js("document.querySelector('tr[data-name=web]').click()")
                browser.until("document.body.hasAttribute('data-detail')")
            for width in (1920, 1600, 1440, 1400, 1280, 1100, 1020, 1000, 900, 800):
                browser.resize(width, 900)
                browser.until(f"innerWidth === {width}")
                wide, place = browser.js("(p => [p.scrollWidth, p.clientWidth])(document.querySelector('.tree-panel'))")
                assert wide <= place, f"{width}, details {opened}: {wide} in {place}"


def test_goes_on_after_a_crash_of_the_node_where_it_was():
    with Node(STACK) as node, Browser() as b:
        open_page(b, node)
        b.js("document.querySelector('tr[data-name=db]').click()")
        b.until("document.querySelectorAll('.log .line').length > 2")
        node.crash()
        eventually("the node is back", lambda: node.get("/v1/node"))
        node.cli("restart", "web")
        b.until(LIVE, 40)
        b.until("[...document.querySelectorAll('#events li')].some((x) => x.textContent.includes('generation 2'))", 40)
        ids = [headers.get("Last-Event-ID") for _, url, headers in b.requests if url.endswith("/v1/events")]
        assert len(ids) >= 2 and all(id and int(id) > 0 for id in ids), ids
        texts = b.js("[...document.querySelectorAll('#events li')].map((x) => x.querySelector('time').title + x.textContent)")
        assert len(texts) == len(set(texts)), "an event twice"
        lines = b.js("[...document.querySelectorAll('.log .line.stdout span')].map((x) => x.textContent.split(' ')[1])")
        assert len(lines) == len(set(lines)), "a line twice"
        no_complaints(b, but=("ERR_", "Failed to load"))


def test_does_not_hammer_a_node_that_is_down():
    with Node(STACK) as node, Browser() as b:
        open_page(b, node)
        node.cli("down")
        b.until("document.getElementById('link').textContent === 'reconnecting'")
        b.requests.clear()
        b.pump(10)
        print(f"{len(b.requests)} requests in 10 s")
        assert len(b.requests) < 25, len(b.requests)


def test_a_hidden_page_asks_nothing():
    with Node(STACK) as node, Browser() as b:
        open_page(b, node)
        b.js("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true}); document.dispatchEvent(new Event('visibilitychange'))")
        b.pump(2)
        b.requests.clear()
        b.pump(4)
        assert not b.requests, b.requests
        b.js("delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))")
        b.until(LIVE)
        node.cli("stop", "web")
        b.until(STATE.format("web") + " === 'stopped'")


def test_a_browser_that_reloads_in_a_loop_costs_the_node_nothing_that_stays():
    with Node(STACK) as node, Browser() as b:
        open_page(b, node)
        pid = node.pid()
        threads = lambda: len(os.listdir(f"/proc/{pid}/task"))
        files = lambda: len(os.listdir(f"/proc/{pid}/fd"))
        b.go("about:blank")
        b.pump(1)
        before = threads(), files()
        for _ in range(60):
            b.go(node.url)
            b.pump(0.05)
        open_page(b, node)
        b.go("about:blank")
        eventually("threads and files are back", lambda: threads() <= before[0] + 1 and files() <= before[1] + 1, 20)
        assert node.pid() == pid


if __name__ == "__main__":
    why = None if PROGRAM else "no chromium on this machine (Debian: apt-get install chromium)"
    try:
        if PROGRAM:
            with Browser() as probe:
                probe.js("1 + 1")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        why = f"{PROGRAM} does not run here: {error}"
    if why:
        test_headers_are_strict()
        case.skip(why)
    case.run(globals())
