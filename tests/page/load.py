"""A daemon for pictures: load.py CPU_PERCENT MEMORY_MIB PERIOD_S WORDS... works in waves and says so."""
import math
import random
import sys
import time

share, mebibytes, period = float(sys.argv[1]) / 100, float(sys.argv[2]), float(sys.argv[3])
words = sys.argv[4:] or ["tick"]
hoard = []
began = time.monotonic()
turn = 0
while True:
    now = time.monotonic() - began
    wave = 0.5 + 0.5 * math.sin(2 * math.pi * now / period)
    wanted = int(mebibytes * (0.4 + 0.6 * wave))
    while len(hoard) < wanted:
        hoard.append(bytearray(b"x" * (1 << 20)))
    del hoard[wanted:]
    busy_until = time.thread_time() + 0.25 * share * (0.25 + 0.75 * wave) * random.uniform(0.7, 1.3)
    while time.thread_time() < busy_until:
        math.sqrt(2)
    turn += 1
    if turn % 3 == 0:
        stream = sys.stderr if random.random() < 0.06 else sys.stdout
        text = f"warning: {words[0]} is slow" if stream is sys.stderr else random.choice(words)
        print(f"{text} id={random.randrange(10000, 99999)} took={random.uniform(0.8, 40):.1f}ms", file=stream, flush=True)
    time.sleep(0.25)
