"""Full example documents, with every field, as they are on the wire."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def experiment_document() -> dict[str, Any]:
    return {
        "apiVersion": "expsdk.dev/v1alpha1",
        "kind": "Experiment",
        "metadata": {
            "name": "train-mlp",
            "namespace": "ml",
            "uid": "8a1f6f0e-6c1d-4b6e-9d53-3f2f9c1d7a10",
            "resourceVersion": "42",
            "creationTimestamp": "2026-01-31T12:00:00.000000Z",
            "deletionTimestamp": "2026-01-31T13:00:00.000000Z",
            "labels": {"team": "vision"},
            "annotations": {"note": "first try"},
            "generation": 2,
            "managedFields": [{"manager": "expsdk", "operation": "Update"}],
        },
        "spec": {
            "function": "train:train",
            "space": {
                "lr": {"type": "loguniform", "low": 0.0001, "high": 0.1},
                "opt": {"type": "choice", "choices": ["sgd", None, 3, [1, {"a": None}]]},
            },
            "objectives": [{"metric": "val_loss", "direction": "minimize"}],
            "sampler": {"name": "tpe", "options": {"n_startup_trials": 20}},
            "seed": 7,
            "trials": 50,
            "parallelism": 4,
            "pruner": {"name": "asha", "options": {}, "epochs": 27},
            "initial": [{"lr": 0.01, "opt": None}],
            "learnFrom": ["train-mlp-before"],
            "replicates": 2,
            "retries": 1,
            "constrained": True,
            "cache": True,
            "target": "-Infinity",
            "noImprovementTrials": 20,
            "budget": {"unit": "gpu", "hours": 40.0},
            "maxFailures": 3,
            "timeoutSeconds": 3600.0,
            "trialTimeoutSeconds": 60.5,
            "graceSeconds": 10.0,
            "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "main", "stdin": None}]}}}},
            "payload": {
                "digest": "sha256:" + "0a" * 32,
                "file": "payload-0a0a0a0a0a0a.pyz",
                "sizeBytes": 180_000,
                "python": "3.11",
                "format": 1,
            },
            "plan": {
                "digest": "sha256:" + "0b" * 32,
                "file": "payload-0b0b0b0b0b0b.pyz",
                "sizeBytes": 150_000,
                "python": "3.11",
                "format": 1,
            },
            "provenance": {
                "gitCommit": "e106b7e",
                "gitDirty": True,
                "diffDigest": "sha256:" + "0c" * 32,
                "created": "2026-01-31T11:59:59.123456Z",
                "user": "ada",
                "host": "laptop",
                "python": "3.11.7",
                "expsdk": "0.1.0",
                "packages": {"numpy": "2.1.0"},
            },
        },
        "status": {
            "phase": "Running",
            "message": "12 of 50 trials",
            "startTime": "2026-01-31T12:00:01.000000Z",
            "completionTime": "2026-01-31T12:10:01.000000Z",
            "progress": "12/50",
            "counts": {"Running": 4, "Succeeded": 7, "Failed": 1},
            "best": {"trial": "train-mlp-0003", "value": "-Infinity", "summary": "val_loss=-inf"},
            "activeSeconds": 600.5,
            "spentHours": 1.25,
            "conditions": [
                {
                    "type": "Progressing",
                    "status": "True",
                    "reason": "TrialsRunning",
                    "message": "4 trials are running",
                    "lastTransitionTime": "2026-01-31T12:00:01.000000Z",
                }
            ],
        },
    }


@pytest.fixture
def result_document() -> dict[str, Any]:
    return {
        "apiVersion": "expsdk.dev/v1alpha1",
        "kind": "Result",
        "metadata": {
            "name": "train-mlp-0003",
            "labels": {},
            "annotations": {},
            "ownerReferences": [{"kind": "Experiment", "name": "train-mlp", "uid": "8a1f"}],
        },
        "spec": {
            "experiment": "train-mlp",
            "number": 3,
            "parameters": {"lr": 0.01, "depth": 3, "opt": None, "flags": [True, {"deep": {"er": None}}]},
            "summary": "lr=0.01 depth=3",
            "seed": 2**63 - 1,
            "stop": "pruned",
            "parent": "train-mlp-0001",
            "constraints": [-0.5, "Infinity"],
            "provenance": {
                "gitCommit": "e106b7e",
                "gitDirty": False,
                "created": "2026-01-31T11:59:59.123456Z",
                "user": "ada",
                "host": "laptop",
                "python": "3.11.7",
                "expsdk": "0.1.0",
                "packages": {},
            },
        },
        "status": {
            "phase": "Failed",
            "reason": "UserError",
            "message": 'File "train.py", line 7\nValueError: no',
            "attempt": 2,
            "startTime": "2026-01-31T12:00:01.000000Z",
            "completionTime": "2026-01-31T12:00:09.500000Z",
            "epoch": 2,
            "metrics": {"val_loss": {"last": "NaN", "min": 0.25, "max": "Infinity", "best": 0.25, "epoch": 2}},
            "history": {"val_loss": {"stride": 1, "points": [[0, 1, 2], ["Infinity", 0.25, "NaN"]]}},
            "objectives": {"val_loss": "NaN"},
            "summary": "val_loss=nan",
            "reusedFrom": "train-mlp-before-0003",
            "truncatedMetrics": 3,
            "outputDir": "/data/train-mlp-0003",
            "environment": {"python": "3.11.7", "pid": "4711"},
        },
    }
