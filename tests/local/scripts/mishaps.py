"""What trials do to themselves and to this machine: one function a way, each a trial of `train_mishaps.py`."""

import atexit
import ctypes
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

from expsdk import output_dir

if os.environ.get("START_THREAD"):
    threading.Thread(target=time.sleep, args=(3600,), name="the-users-own", daemon=True).start()

TOUCHED = []


def fine():
    return 1.0


def fails():
    return 1 / 0  # the user's own line


def segfaults():
    ctypes.string_at(0)  # where it crashes


def aborts():
    os.abort()  # where it aborts


def exits_hard_3():
    print("these were its last words")
    os._exit(3)


def exits_hard_0():
    os._exit(0)


def kills_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def _limit_memory(more):
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + more, used + more))


def needs_too_much_memory():
    _limit_memory(200 * 2**20)
    return len(bytearray(2**40))


def eats_all_memory():
    _limit_memory(50 * 2**20)
    crumbs = []
    while True:
        crumbs.append([0] * 1000)


def recurses():
    return recurses()


def says_exit_0():
    sys.exit(0)


def says_exit_3():
    sys.exit(3)


def says_exit_in_words():
    sys.exit("no data here")


def is_interrupted():
    raise KeyboardInterrupt


def is_terminated():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)


def raises_what_cannot_be_shown():
    class Broken(Exception):
        def __str__(self):
            raise RuntimeError

    raise Broken


def prints_100_megabytes():
    line = "x" * 999 + "\n"
    for _ in range(100_000):
        sys.stdout.write(line)
    print("the end")
    return 1.0


def prints_bytes():
    sys.stdout.buffer.write(bytes(range(256)) * 1000)
    return 1.0


def prints_bytes_and_crashes():
    sys.stdout.buffer.write(bytes(range(128, 256)) * 1000)
    sys.stdout.buffer.flush()
    os._exit(4)


def leaves_children():
    for _ in range(2):
        if os.fork() == 0:
            time.sleep(3600)
    subprocess.Popen(["sleep", "3600"])
    return 1.0


def leaves_a_daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            subprocess.Popen(["sleep", "3600"], start_new_session=True)
            time.sleep(3600)
        os._exit(0)
    os.wait()
    return 1.0


def leaves_a_daemon_and_crashes():
    leaves_a_daemon()
    ctypes.string_at(0)


def child_comes_back():
    if os.fork() == 0:
        return 2.0  # in the child, which is no trial
    os.wait()
    return 1.0


def child_fails():
    if os.fork():
        return float(os.wait()[1] != 0)
    raise ValueError("the child's own")


def _pool(method):
    with multiprocessing.get_context(method).Pool(2) as workers:
        return float(sum(workers.map(abs, [-1, 2, -3])))


def forks_a_pool():
    return _pool("fork")


def spawns_a_pool():
    return _pool("spawn")


def ends_children_at_birth():
    signal.alarm(30)
    for _ in range(200):
        child = os.fork()
        while child == 0:
            signal.pause()
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
    signal.alarm(0)
    return 1.0


def loads_data_in_workers():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=queue.put, args=(n,), daemon=True) for n in (1, 2)]
    for worker in workers:
        worker.start()
    return float(queue.get() + queue.get())


def uses_an_executor():
    with ProcessPoolExecutor(2) as executor:
        return float(sum(executor.map(abs, [-1, 2, -3])))


def closes_everything():
    os.closerange(3, 4096)
    return 1.0


def writes_into_everything():
    for descriptor in range(3, 100):
        with suppress(OSError):
            os.write(descriptor, b"[]\nno JSON\n{}\n")
    return 1.0


def closes_its_output():
    os.close(1)
    os.close(2)
    return 1.0


def loses_its_output():
    sys.stdout.close()
    sys.stderr = None
    return 1.0


def moves_away():
    os.chdir("/")
    os.umask(0o777)
    return 1.0


def changes_the_interpreter():
    sys.setrecursionlimit(60)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    sys.excepthook = threading.excepthook = None
    sys.path.clear()
    return 1.0


def has_exit_handlers():
    place = output_dir()
    atexit.register((place / "handler").write_text, "has run")
    threading.Timer(0.1, (place / "thread").write_text, ["has run"]).start()
    return 1.0


def has_a_daemon_thread():
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    return 1.0


def deletes_its_directory():
    shutil.rmtree(output_dir())
    return 1.0


def touches_what_is_imported():
    TOUCHED.append(os.environ.setdefault("TOUCHED", "by a trial"))
    return float(len(TOUCHED))


def touches_it_again():
    return float(len(TOUCHED) + len(os.environ.get("TOUCHED", "")))
