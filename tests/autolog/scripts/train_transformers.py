import torch
from sweeping import AUTOLOG, EPOCHS, pause, run
from transformers import Trainer, TrainerCallback, TrainingArguments

from expsdk import experiment, output_dir


class Line(torch.nn.Module):
    def __init__(self, units):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(1, units), torch.nn.Linear(units, 1))

    def forward(self, x, labels=None):
        y = self.layers(x)
        return {"loss": ((y - labels) ** 2).mean(), "logits": y}


class Pausing(TrainerCallback):
    def on_epoch_end(self, *arguments, **options):
        pause()


@experiment(space={"units": [2, 3]}, objective="eval_loss", autolog=AUTOLOG)
def train(units):
    data = [{"x": torch.tensor([i / 64]), "labels": torch.tensor([i / 32])} for i in range(64)]
    arguments = TrainingArguments(
        output_dir=str(output_dir()),
        num_train_epochs=EPOCHS,
        eval_strategy="epoch",
        logging_strategy="steps",
        logging_steps=4,
        report_to=["tensorboard"],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = Trainer(Line(units), arguments, train_dataset=data, eval_dataset=data, callbacks=[Pausing()])
    try:
        trainer.train()
    finally:
        print("cleaned up")


if __name__ == "__main__":
    run(train)
