from sweeping import AUTOLOG, EPOCHS, pause, run
from tensorboardX import SummaryWriter

from expsdk import experiment


@experiment(space={"slope": [2, 3]}, objective="Loss/val", autolog=AUTOLOG)
def train(slope):
    try:
        with SummaryWriter("events") as writer:
            for epoch in range(EPOCHS):
                writer.add_scalar("Loss/val", slope * epoch, epoch)
                writer.add_scalars("both", {"a": epoch, "b": -epoch}, epoch)
                writer.add_scalar("without step", epoch)
                pause()
            writer.add_text("no", "metric", 7)
            writer.add_hparams({"slope": slope}, {"hparam/last": epoch})
    finally:
        print("cleaned up")


if __name__ == "__main__":
    run(train)
