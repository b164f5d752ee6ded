import numpy
import xgboost
from sweeping import AUTOLOG, EPOCHS, pause, run

from expsdk import experiment


class Pausing(xgboost.callback.TrainingCallback):
    def after_iteration(self, model, epoch, evals_log):
        pause()
        return False


@experiment(space={"depth": [2, 3]}, objective="valid-rmse", autolog=AUTOLOG)
def train(depth):
    random = numpy.random.default_rng(0)
    x = random.normal(size=(200, 3))
    y = x.sum(axis=1)
    data, valid = xgboost.DMatrix(x[:150], y[:150]), xgboost.DMatrix(x[150:], y[150:])
    space = {"max_depth": depth, "nthread": 1}
    try:
        xgboost.train(
            space,
            data,
            EPOCHS,
            evals=[(data, "train"), (valid, "valid")],
            verbose_eval=False,
            callbacks=[Pausing()],
            early_stopping_rounds=10_000,
        )
        xgboost.XGBRegressor(max_depth=depth, n_estimators=3, n_jobs=1).fit(x, y, eval_set=[(x, y)], verbose=False)
        xgboost.cv(space, data, 2, nfold=2)
    finally:
        print("cleaned up")


if __name__ == "__main__":
    run(train)
