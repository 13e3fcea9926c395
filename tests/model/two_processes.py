"""One of two processes that compute gradients together; started by test_two_processes.py, not a test itself.

Arguments: folder with `model/` and `batches.pt` (case -> batch of each process), into which process 0 writes
`gradients.pt` and every process `passes-RANK.json`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from mirage_core.model import MirageForConditionalGeneration
from mirage_core.model.load import load_model

Batch = dict[str, Tensor]


def gradient(model: MirageForConditionalGeneration, run: Any, batch: Batch) -> Tensor:
    model.zero_grad()
    run(**batch).loss.backward()
    gradients = [weight.grad for weight in model.parameters() if weight.requires_grad]
    assert all(part is not None for part in gradients)
    return torch.cat([(part.full_tensor() if hasattr(part, "full_tensor") else part).flatten() for part in gradients])


def opened(folder: Path, checkpointing: bool = False) -> MirageForConditionalGeneration:
    model = load_model(folder / "model").train()
    model.model.visual.requires_grad_(False)
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def wrapped(folder: Path, kind: str) -> tuple[MirageForConditionalGeneration, Any]:
    model = opened(folder, checkpointing=kind.endswith("checkpointing"))
    if kind.startswith("ddp"):
        return model, DistributedDataParallel(model)
    for layer in model.model.language_model.layers:
        fully_shard(layer, reshard_after_forward=True)
    fully_shard(model)
    return model, model


def main(folder: Path) -> None:
    store = f"file://{folder}/store"  # a port found free may be taken by a test that runs beside this one
    distributed.init_process_group("gloo", init_method=store, rank=int(os.environ["RANK"]), world_size=2)
    rank = distributed.get_rank()
    batches: dict[str, tuple[Batch, Batch]] = torch.load(folder / "batches.pt")
    gradients, passes = {}, {}
    for kind in ("ddp", "ddp-checkpointing", "fsdp2", "fsdp2-checkpointing"):
        model, run = wrapped(folder, kind)
        counted: list[int] = []
        model.model.language_model.norm.register_forward_hook(lambda *_, counted=counted: counted.append(1))
        for case, both in batches.items():
            counted.clear()
            gradients[f"{kind} {case}"] = gradient(model, run, both[rank])
            passes[f"{kind} {case}"] = len(counted)
    (folder / f"passes-{rank}.json").write_text(json.dumps(passes))
    if rank == 0:
        torch.save(gradients, folder / "gradients.pt")
    distributed.barrier()  # nobody leaves while the other still reads from it
    distributed.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    # Threads of a process group outlive it while a wrapped model refers to it; one that asks for the interpreter's lock
    # after its end aborts the process (seen once). All results are on disk.
    os._exit(0)
