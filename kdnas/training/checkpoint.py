"""Checkpoints of models in training: one safetensors file a learner, named by its digest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from kdnas.files.artifacts import atomic_path, digest
from kdnas.files.temporaries import remove_orphans
from kdnas.models.identity import tensors_sha256
from kdnas.training.learner import Learner

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class Checkpoints:
    """Saves and restores learners in ``folder``."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def save(self, learner: Learner) -> None:
        """Write weights, optimiser state and step, atomically."""
        tensors = {}
        for name, parameter in learner.named_parameters():
            tensors[f"value.{name}"] = parameter.detach()
            state = learner.optimizer.state.get(parameter, {})
            tensors |= {f"{moment}.{name}": state[moment] for moment in MOMENTS if moment in state}
        contiguous = {name: value.cpu().contiguous() for name, value in tensors.items()}
        details = {
            "next_step": learner.next_step,
            "seconds": learner.seconds,
            "sha256": tensors_sha256(contiguous),
        }
        with atomic_path(self._path(learner.digest)) as temporary:
            save_file(contiguous, temporary, {"details": json.dumps(details)})

    def restore(self, learner: Learner) -> bool:
        """Restore the learner from its file; False if there is none or it is damaged."""
        path = self._path(learner.digest)
        try:
            with safe_open(path, "pt") as file:
                details = json.loads(file.metadata()["details"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if details["sha256"] != tensors_sha256(tensors):
                raise ValueError("another SHA-256 of the tensors than it was written with")
        except FileNotFoundError:
            return False
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            print(f"checkpoint: ignoring a damaged file: {path} ({error})")
            return False
        with torch.no_grad():
            for name, parameter in learner.named_parameters():
                parameter.copy_(tensors[f"value.{name}"])
                learner.optimizer.state[parameter] = {
                    moment: tensors[f"{moment}.{name}"].to(
                        "cpu" if moment == "step" and not parameter.is_cuda else parameter.device
                    )
                    for moment in MOMENTS
                    if f"{moment}.{name}" in tensors
                }
        learner.next_step = details["next_step"]
        learner.seconds = details["seconds"]
        return True

    def remove(self, key: dict[str, Any]) -> None:
        """Delete a learner's file once its result is safe, and the remains of a killed save."""
        path = self._path(digest(key))
        path.unlink(missing_ok=True)
        remove_orphans(path)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"
