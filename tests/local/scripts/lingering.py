"""A sweep whose trials run until they are ended, each with a child, a daemon and a pool of workers."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from expsdk import experiment, log_metric

if os.environ.get("START_THREAD"):
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()


def leave_a_daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            subprocess.Popen(["sleep", "3600"], start_new_session=True)
            time.sleep(3600)
        os._exit(0)
    os.wait()


@experiment(space={"number": [0, 1, 2, 3]}, objective="loss")
def train(number):
    leave_a_daemon()
    subprocess.Popen(["sleep", "3600"])
    workers = multiprocessing.get_context("fork").Pool(2)
    workers.map(abs, [1, 2])
    log_metric("launcher", os.getppid())
    while not Path("let-them-end").exists():
        log_metric("loss", number)
        time.sleep(0.01)
    return float(number)


if __name__ == "__main__":
    train.sweep(sampler="grid", parallelism=2, grace_s=1.0, name=sys.argv[1]).run()
