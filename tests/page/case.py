"""Runs the functions named test_* of a module, or those whose names hold an argument; exit code 1 where one fails."""
import sys
import time
import traceback


def run(module):
    failed = 0
    for name, function in list(module.items()):
        if not name.startswith("test_") or not all(word in name for word in sys.argv[1:]):
            continue
        began = time.monotonic()
        try:
            function()
            word = "ok"
        except Exception:
            traceback.print_exc()
            failed += 1
            word = "FAILED"
        print(f"{word:7}{time.monotonic() - began:6.1f} s  {name[5:].replace('_', ' ')}", flush=True)
    sys.exit(1 if failed else 0)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)
