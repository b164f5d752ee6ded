import lightgbm
import numpy
from sweeping import AUTOLOG, EPOCHS, pause, run

from expsdk import experiment


@experiment(space={"depth": [2, 3]}, objective="valid-l2", autolog=AUTOLOG)
def train(depth):
    random = numpy.random.default_rng(0)
    x = random.normal(size=(200, 3))
    y = x.sum(axis=1)
    space = {"max_depth": depth, "metric": "l2", "verbosity": -1, "num_threads": 1}
    data = lightgbm.Dataset(x[:150], y[:150])
    valid = lightgbm.Dataset(x[150:], y[150:], reference=data)
    try:
        lightgbm.train(
            space,
            data,
            EPOCHS,
            valid_sets=[data, valid],
            valid_names=["train", "valid"],
            callbacks=[lambda environment: pause(), lightgbm.early_stopping(10_000, verbose=False)],
        )
        model = lightgbm.LGBMRegressor(n_estimators=4, verbosity=-1, n_jobs=1)
        model.fit(x[:150], y[:150], eval_X=x[150:], eval_y=y[150:])
        lightgbm.cv(space, lightgbm.Dataset(x, y), 2, nfold=2, stratified=False)
    finally:
        print("cleaned up")


if __name__ == "__main__":
    run(train)
