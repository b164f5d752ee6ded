"""A sweep is killed halfway and taken up again: nothing that has ended is run twice, nothing that ran begins anew.

Runs the sweep in a process of its own, kills that after some trials (SIGKILL: no time for goodbyes), looks at what is
there, and goes on by the sweep's name. Trials that were running go on from their last checkpoints. Prints

    killed: interrupted-d298: 6 trials (2 running, 4 succeeded), the best 4:
    interrupted-d298: 12 trials (12 succeeded), the best 10:
    trial  val_loss   lr         hidden
    0010   0.0799303  0.00526    45
    0000   0.10058    0.005083   88

    interrupted-d298-0004 was killed before epoch 11: attempt 2 went on from there to 39
    interrupted-d298-0005 was killed before epoch 7: attempt 2 went on from there to 39
    each of the other 10 trials was run once
"""

import argparse
import pickle
import secrets
import subprocess
import sys
import time

from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import expsdk
from expsdk import checkpoint_dir, current_trial, experiment, integer, log_metrics, loguniform
from expsdk.errors import ExperimentNotFound


@experiment(space={"lr": loguniform(1e-4, 1e-1), "hidden": integer(8, 128, log=True)}, objective="val_loss")
def read_digits(lr, hidden, epochs=40):
    images, digits = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(images / 16, digits, test_size=0.2, stratify=digits, random_state=0)
    checkpoint = checkpoint_dir() / "last.pickle"
    first, model = 0, MLPClassifier(hidden, learning_rate_init=lr, batch_size=32)
    if checkpoint.exists():
        first, model = pickle.loads(checkpoint.read_bytes())
    for epoch in range(first, epochs):
        model.partial_fit(x, y, classes=range(10))
        val_loss = log_loss(y_val, model.predict_proba(x_val))
        log_metrics({"val_loss": val_loss, "attempt": current_trial().attempt}, epoch=epoch)
        # Written beside and renamed, so that a kill leaves the old checkpoint or the new one, and never half of one.
        partial = checkpoint.with_suffix(".partial")
        partial.write_bytes(pickle.dumps((epoch + 1, model)))
        partial.replace(checkpoint)


def start_and_kill(name, trials, parallelism):
    """Run the sweep in another process, and kill that when a third of its trials has ended and others are under way."""
    settings = ["--trials", str(trials), "--parallelism", str(parallelism)]
    with subprocess.Popen([sys.executable, __file__, "--run", name, *settings]) as sweep:
        while sweep.poll() is None and not is_under_way(name, trials // 3):
            time.sleep(0.05)
        sweep.kill()
    print(f"killed: {str(expsdk.results(name)).splitlines()[0]}")


def is_under_way(name, enough):
    try:
        results = expsdk.results(name)
    except ExperimentNotFound:  # it is about to be created
        return False
    running = results.filter(phase="Running")
    return len(results) - len(running) >= enough and running and all((trial.epoch or 0) >= 3 for trial in running)


def show_attempts(results):
    again = [trial for trial in results if trial.attempt > 1]
    print()
    for trial in again:
        before = [epoch for epoch, attempt in trial.history["attempt"] if attempt < trial.attempt]
        begin = max(before, default=-1) + 1
        print(
            f"{trial.name} was killed before epoch {begin}: attempt {trial.attempt} went on from there to {trial.epoch}"
        )
    print(f"each of the other {len(results) - len(again)} trials was run once")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--parallelism", type=int, default=2)
    parser.add_argument("--run", metavar="NAME", help="run the sweep by this name, and do nothing else")
    arguments = parser.parse_args()
    size = {"trials": arguments.trials, "parallelism": arguments.parallelism}
    if arguments.run:
        read_digits.sweep(**size, seed=7, name=arguments.run).run()
    else:
        name = f"interrupted-{secrets.token_hex(2)}"
        start_and_kill(name, **size)
        # Its script again with run(resume=True) would do as well. By its name it goes on from anywhere, without.
        results = expsdk.attach(name).run()
        print(results)
        show_attempts(results)
