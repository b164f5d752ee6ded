"""Trials that do not end in time, each in its own way."""

import itertools
import os
import signal
import threading
import time

from expsdk import log_metric, output_dir

if os.environ.get("START_THREAD"):
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()


def loops():
    while True:
        pass


def loops_in_c():
    sum(itertools.repeat(0))


def ignores_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.01)


def swallows_everything():
    while True:
        try:
            time.sleep(0.01)
            log_metric("loss", 1.0)
        except:  # noqa: E722, PERF203
            pass


def is_stopped():
    os.kill(os.getpid(), signal.SIGSTOP)


def waits_for_a_thread():
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return 1.0


def ends_in_time():
    return 1.0


def saves_at_the_end():
    try:
        time.sleep(3600)
    finally:
        (output_dir() / "state").write_text("saved")
