"""Draws docs/images again: the page, light and dark, and `duende top`, all of them of stack.toml after some minutes.

usage: shots.py [SECONDS]
"""
import base64
import html
import os
import shutil
import subprocess
import sys

from browser import Browser
from node import Node
from terminal import Terminal

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = os.path.join(HERE, "../../docs/images")
BASIC = ["#1c1c28", "#ff7b7b", "#5fd699", "#f2bd62", "#83b1f5", "#c79bff", "#4fc7d6", "#e9e9f2"]


def color(index):
    """One of the 256 colours of a terminal."""
    if index < 16:
        return BASIC[index % 8]
    if index >= 232:
        return "#" + f"{8 + 10 * (index - 232):02x}" * 3
    index -= 16
    return "#" + "".join(f"{level * 40 + 55 if level else 0:02x}" for level in (index // 36, index // 6 % 6, index % 6))


def css(style):
    rules, codes = [], [int(code) for code in style.split(";") if code]
    while codes:
        code = codes.pop(0)
        if code == 1:
            rules.append("font-weight:700")
        elif code == 2:
            rules.append("opacity:.6")
        elif code in (38, 48) and len(codes) > 1:
            rules.append(f"{'color' if code == 38 else 'background'}:{color(codes[1])}")
            del codes[:2]
        elif 30 <= code < 38:
            rules.append(f"color:{BASIC[code - 30]}")
    return ";".join(rules)


def as_html(terminal):
    lines = []
    for row in terminal.grid:
        pieces, last = [], None
        for character, style in row:
            if style != last:
                pieces.append(f'{"</span>" if last is not None else ""}<span style="{css(style)}">')
                last = style
            pieces.append(html.escape(character))
        lines.append("".join(pieces) + "</span>")
    return ("<!doctype html><meta charset=utf-8><style>body{margin:0;background:#12121a;padding:14px 16px;width:max-content}"
            "pre{margin:0;font:15px/19px 'DejaVu Sans Mono',monospace;color:#d7d7e2}pre span{display:inline-block;height:19px;white-space:pre}</style>"
            "<pre>" + "\n".join(lines) + "</pre>")


def save(browser, name):
    path = os.path.join(IMAGES, name)
    browser.screenshot(path)
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--speed", "1", "--output", path, "128", path], check=True)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 200
    os.makedirs(IMAGES, exist_ok=True)
    with open(os.path.join(HERE, "stack.toml")) as stack, Node(stack.read()) as node, Browser(1400, 880) as browser:
        env = dict(node.env, TERM="xterm-256color", LANG="C.UTF-8")
        with Terminal([node.program("duende"), "top"], env, 80, 24) as terminal:
            browser.resize(1400, 880, 1.5)
            browser.go(node.url)
            for second in range(int(seconds)):
                browser.pump(0.9)
                terminal.pump(0.1)
                if second == 30:
                    browser.js("document.querySelector('tr[data-name=web]').click()")
            save(browser, "page-light.png")
            browser.color(True)
            browser.js("document.querySelector('tr[data-name=importer]').click()")
            browser.pump(4)
            save(browser, "page-dark.png")
            terminal.pump(1)
            terminal.press("\x1b[B" * 3)
            terminal.pump(2)
            browser.go("data:text/html;base64," + base64.b64encode(as_html(terminal).encode()).decode())
            browser.pump(1)
            size = browser.js("[document.body.offsetWidth, document.body.offsetHeight]")
            browser.resize(*size, 1.5)
            browser.pump(1)
            save(browser, "top.png")


if __name__ == "__main__":
    main()
