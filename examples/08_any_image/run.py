"""Any image and any command, here a shell: the experiment is YAML that kubectl applies, and no function of ours runs.

Needs a cluster with expsdk installed (`expsdk install --namespace …`) and, for this program to record its losses, an
image with expsdk's runtime, such as images/base:

    $ kubectl apply -f examples/08_any_image/experiment.yaml
    $ python examples/08_any_image/run.py

    trial  val_loss    lr
    0002   0.00470696  0.1
    0003   0.405361    0.3
    0001   1.01445     0.03
    0000   2.8961      0.01
"""

import sys

from expsdk import Client

with Client(namespace=sys.argv[1] if len(sys.argv) > 1 else None) as client:
    for lr in [0.01, 0.03, 0.1, 0.3]:
        client.launch("falling", {"lr": lr})
    client.wait("falling", timeout_s=600)
    print(client.results("falling"))
