"""Renew the golden files: `python tests/golden/renew.py`, then read the diff.

Those of Jobs name the bootstrap of `python -c` instead of repeating it, and payloads by their size.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from expsdk.backends.kubernetes.coordinator import coordinator_job, program_job
from expsdk.backends.kubernetes.creation import template_for
from expsdk.backends.kubernetes.inline import inline_bootstrap
from expsdk.backends.kubernetes.job import job_for
from expsdk.backends.kubernetes.options import JobOptions
from expsdk.backends.kubernetes.payload_maps import payload_config_maps
from expsdk.backends.kubernetes.resources import Resources
from expsdk.backends.kubernetes.volumes import SecretEnv, Volume
from expsdk.cluster.rbac import cluster_roles, namespace_documents
from expsdk.cluster.server import Server
from expsdk.resources.crd import custom_resource_definitions
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result, new_result

HERE = Path(__file__).parent
OLD = Server((1, 20), "v1.20.2")
NEW = Server((1, 30), "v1.30.0")
PAYLOAD: dict[str, Any] = {
    "digest": f"sha256:{'0a' * 32}",
    "file": "payload-0a.pyz",
    "sizeBytes": 5 * 2**19,
    "python": "3.11",
    "format": 1,
}
EVERYTHING = JobOptions(
    image="registry.example.com/team/train:7",
    image_pull_policy="IfNotPresent",
    image_pull_secrets=["registry"],
    resources=Resources(cpu=0.5, cpu_limit=2, memory="256Mi", gpu=1, ephemeral_storage="1Gi"),
    env={"OMP_NUM_THREADS": "4", "PRICE": "$(not a variable)"},
    secrets=["keys", SecretEnv("WANDB_API_KEY", secret="wandb", key="api-key")],
    volumes=[
        Volume("/data", claim="datasets", read_only=True, sub_path="digits"),
        Volume("/etc/training", config_map="training"),
        Volume("/run/keys", secret="keys"),
        Volume("/dev/shm", empty_dir=True, in_memory=True, size_limit="1Gi"),
    ],
    output=Volume(claim="results", sub_path="ada"),
    node_selector={"example.com/pool": "training"},
    tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    priority_class="low",
    queue="team",
    packages=("scikit-learn==1.7.2",),
    run_as_user=1234,
    report_interval_s=5,
    ttl_s=3600,
    labels={"team": "vision"},
    annotations={"example.com/ticket": "see https://example.com/7"},
    pod_template={
        "metadata": {"annotations": {"example.com/scrape": "false"}},
        "spec": {
            "enableServiceLinks": None,
            "hostAliases": [{"ip": "10.0.0.7", "hostnames": ["data"]}],
            "containers": [
                {"tty": True, "volumeMounts": [{"mountPath": "/data", "name": "volume-0", "subPath": "letters"}]},
                {"name": "beside", "image": "busybox:1", "env": [{"name": "LR", "value": "$(EXPSDK_PARAM_LR)"}]},
            ],
            "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "2Gi"}}],
        },
    },
)
BY_HAND = """
apiVersion: expsdk.dev/v1alpha1
kind: Experiment
metadata: {name: by-hand, uid: 6d1c7e6e-0000-4000-8000-000000000000}
spec:
  objectives: [{metric: val_loss, direction: minimize}]
  trialTimeoutSeconds: 90.5
  jobTemplate:
    metadata: {labels: {team: vision}}
    spec:
      ttlSecondsAfterFinished: 600
      template:
        spec:
          containers:
          - name: main
            image: python:3.11-slim
            command: [echo]
            args: [--lr=$(EXPSDK_PARAM_LR), --opt=$(EXPSDK_PARAM_OPT), $(TITLE)]
            env: [{name: TITLE, value: trial $(EXPSDK_NUMBER) of $(EXPSDK_EXPERIMENT)}]
"""


def definitions() -> dict[Path, str]:
    """Return the text of each CustomResourceDefinition's golden file."""
    return {HERE / f"crd-{each['spec']['names']['plural']}.yaml": _yaml(each) for each in custom_resource_definitions()}


def installed() -> dict[Path, str]:
    """Return the text of the golden file of what `expsdk install` applies beside the definitions."""
    documents = [*cluster_roles(), *namespace_documents("ml")]
    return {HERE / "install.yaml": "---\n".join(map(_yaml, documents))}


def jobs() -> dict[Path, str]:
    """Return the text of the golden file of each Job, and of a payload's ConfigMaps."""
    documents = whole_jobs()
    for job in documents.values():
        (first, *_) = job["spec"]["template"]["spec"]["containers"]
        if "command" in first:
            words = first["command"]
            first["command"] = [each.replace(inline_bootstrap(), "<expsdk_runtime/inline.py>") for each in words]
    maps = payload_config_maps(_experiment(JobOptions(), OLD), bytes(PAYLOAD["sizeBytes"]), str(PAYLOAD["digest"]))
    for each in maps:
        each["binaryData"] = {key: f"<{len(text)} characters>" for key, text in each["binaryData"].items()}
    documents["payload-in-config-maps"] = {"apiVersion": "v1", "kind": "List", "items": maps}
    return {HERE / "jobs" / f"{name}.yaml": _yaml(document) for name, document in documents.items()}


def whole_jobs() -> dict[str, dict[str, Any]]:
    """Return the Jobs as they would be sent."""
    experiments = {
        "minimal-on-1.20": _experiment(JobOptions(), OLD),
        "minimal-on-1.30": _experiment(JobOptions(), NEW),
        "everything-on-1.20": _experiment(EVERYTHING, OLD),
        "everything-on-1.30": _experiment(EVERYTHING, NEW),
        "by-hand": Experiment.model_validate(yaml.safe_load(BY_HAND)),
    }
    coordinated = _experiment(JobOptions(), OLD)
    in_cluster = {
        "coordinator": coordinator_job(coordinated, image="expsdk:1", env={"TEAM": "$(vision)"}),
        "program": program_job(
            "grid-0a0a",
            digest=str(PAYLOAD["digest"]),
            size_bytes=int(PAYLOAD["sizeBytes"]),
            arguments={"rates": [0.1, 0.01]},
            image="expsdk:1",
            packages=["scikit-learn==1.7.2"],
            retries=3,
        ),
    }
    parameters = {"lr": 0.001, "opt": "sgd $(HOME)", "layers": [64, 32], "decay": None}
    trials = {name: job_for(each, _trial(each, parameters, name)) for name, each in experiments.items()}
    return {**trials, **in_cluster}


def _trial(experiment: Experiment, parameters: dict[str, Any], name: str) -> Result:
    """Return the trial of a golden Job; those with everything have a parent too."""
    result = new_result(experiment.metadata.name, number=7, parameters=parameters, seed=11)
    parent = "train-mlp-0003" if name.startswith("everything") else ""
    return result.model_copy(update={"spec": result.spec.model_copy(update={"parent": parent})})


def _experiment(options: JobOptions, server: Server) -> Experiment:
    """Return a sweep's record as a server answers with it."""
    document = yaml.safe_load(BY_HAND)
    document["metadata"]["name"] = "train-mlp"
    document["spec"]["payload"] = PAYLOAD
    experiment = Experiment.model_validate(document)
    template = template_for(experiment, options, server)
    return experiment.model_copy(update={"spec": experiment.spec.model_copy(update={"job_template": template})})


def _yaml(document: dict[str, Any]) -> str:
    plain = json.loads(json.dumps(document))  # without the anchors of what stands in it twice
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)


def render() -> dict[Path, str]:
    """Return the text of each golden file."""
    return {**definitions(), **installed(), **jobs()}


if __name__ == "__main__":
    for path, text in render().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(HERE))
