import warnings

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from sweeping import AUTOLOG, EPOCHS, pause, run

from expsdk import experiment, output_dir


class Line(lightning.LightningModule):
    def __init__(self, units):
        super().__init__()
        self.save_hyperparameters()
        self.layers = torch.nn.Sequential(torch.nn.Linear(1, units), torch.nn.Linear(units, 1))

    def loss(self, batch):
        x, y = batch
        return ((self.layers(x) - y) ** 2).mean()

    def training_step(self, batch, index):
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", self.loss(batch))

    def test_step(self, batch, index):
        self.log("test_loss", self.loss(batch))

    def on_train_epoch_end(self):
        self.log("late", float(self.current_epoch))
        pause()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@experiment(space={"units": [2, 3]}, objective="val_loss", autolog=AUTOLOG)
def train(units):
    warnings.filterwarnings("ignore", module="lightning")
    x = torch.linspace(0, 1, 64)[:, None]
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, 2 * x), batch_size=16)
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=TensorBoardLogger(output_dir()),
        log_every_n_steps=1,
        default_root_dir=output_dir(),
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model = Line(units)
    try:
        trainer.fit(model, data, data)
        trainer.test(model, data, verbose=False)
    finally:
        print(f"cleaned up, {trainer.state.status!s}")


if __name__ == "__main__":
    run(train)
