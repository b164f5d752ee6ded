"""A project of several modules: a package with relative imports and its data beside the code.

All of it travels to every trial. Prints the ten best of 24 trials and how many wines the best one mistakes:

    trial  val_loss   lr        hidden  weight_decay  scaling
    0019   0.0278504  0.09789   10      0.001037      standard
    0015   0.0335859  0.4436    4       0.0005426     standard
    …
    wine-4lrgb-0019 takes 0 of 58 wines for another cultivator's
"""

import argparse

from wine.train import train

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--parallelism", type=int, default=2)
    results = train.sweep(**vars(parser.parse_args()), sampler="sobol", seed=7).run()
    print(results)
    for best in results.top(1):
        print(f"{best.name} takes {best.metrics['val_mistakes']['last']:.0f} of 58 wines for another cultivator's")
