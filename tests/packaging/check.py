#!/usr/bin/env python3
"""What is packaged besides programs: rules and dashboard, manual pages, completions, units. check.py ROOT BUILD"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

root, build = sys.argv[1], sys.argv[2]
packaging = os.path.join(root, "packaging")
problems = []


def text_of(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **more)
    if done.returncode != 0:
        problems.append(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def tool(name):
    found = shutil.which(name)
    if not found:
        print(f"skipped: no {name}")
    return found


def expressions(dashboard):
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def check_monitoring():
    rules = os.path.join(packaging, "prometheus", "duende.rules.yml")
    dashboard = json.loads(text_of(packaging, "grafana", "duende.json"))
    known = set(re.findall(r'"(duende_[a-z_]+)"', text_of(root, "monitors/metrics/exposition.cpp")))
    used = set(re.findall(r"\b(duende_[a-z_]+)\b", text_of(rules) + " ".join(e for _, e in expressions(dashboard))))
    for name in used:
        if name not in known and re.sub(r"_(bucket|sum|count)$", "", name) not in known:
            problems.append(f"no metric is called {name}")
    if not tool("promtool"):
        return
    run("promtool", "check", "rules", rules)
    run("promtool", "test", "rules", "duende.rules.test.yml", cwd=os.path.dirname(rules))
    with tempfile.TemporaryDirectory() as folder:
        # The dashboard's expressions as rules, so that the same judge reads them.
        path = os.path.join(folder, "dashboard.yml")
        lines = ["groups:", "- name: dashboard", "  rules:"]
        for number, (_, expression) in enumerate(expressions(dashboard)):
            lines += [f"  - record: panel:{number}", f"    expr: {json.dumps(expression)}"]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        run("promtool", "check", "rules", path)


def check_pages():
    pages = [os.path.join(packaging, "man", name) for name in ("duended.8", "duende-keeper.8")]
    pages += [os.path.join(build, "packaging", name) for name in ("duende.1", "duende.toml.5")]
    for page in pages:
        if not os.path.exists(page):
            problems.append(f"{page} is missing")
        elif tool("groff"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True, timeout=60)
            if done.returncode != 0 or done.stderr:
                problems.append(f"groff {page}: {done.stderr}")
    for program, page in (("duended", "duended.8"), ("keeper", "duende-keeper.8")):
        page_text = text_of(packaging, "man", page).replace("\\-", "-")
        for option in re.findall(r'"(--[a-z-]+)"', text_of(root, "apps", program, "options.cpp")):
            if option not in page_text:
                problems.append(f"{page} has no {option}")
    commands = set(re.findall(r"^  ([a-z]+) ", run(os.path.join(build, "bin", "duende"), "--help"), re.M))
    page = text_of(build, "packaging", "duende.1")
    for command in commands:
        if not re.search(rf"\b{command}\b", page):
            problems.append(f"duende.1 has no {command}")
    for shell in ("bash", "zsh", "fish"):
        script = run(os.path.join(build, "bin", "duende"), "completion", shell)
        for command in commands:
            if not re.search(rf"\b{command}\b", script):
                problems.append(f"the completion for {shell} has no {command}")
        with tempfile.NamedTemporaryFile("w", suffix=shell) as file:
            file.write(script)
            file.flush()
            if tool(shell):
                run(shell, "-n", file.name)
    for script in ("postinst", "prerm", "postrm"):
        run("sh", "-n", os.path.join(packaging, "deb", script))


def check_unit():
    if tool("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", os.path.join(packaging, "duende.service")],
                              capture_output=True, text=True, timeout=60)
        for line in done.stderr.splitlines():
            # The programs are not installed where this runs.
            if "duende.service" in line and "not executable" not in line:
                problems.append(f"systemd-analyze: {line}")
    run(os.path.join(build, "bin", "duende"), "check", "-f", os.path.join(packaging, "duende.toml"))


check_monitoring()
check_pages()
check_unit()
for problem in problems:
    print(problem, file=sys.stderr)
sys.exit(1 if problems else 0)
