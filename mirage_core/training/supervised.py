"""Stage 1, stage 2, the joint stage and the text-only arms: one trainer, one data set.

What differs is where latents come from, and whether they are aligned to the helper image:

- stage 1 (`latents="helper"`): teacher-forced with their targets; loss = gamma * text + alignment of the hidden states
  that predict them.
- stage 2 (`latents="own"`): the model's own preceding states, gradients flow through them; text loss only.
- joint (`latents="own"` and an alignment): as stage 2, and the latents are drawn to their targets.
- direct and cot (`latents="none"`): no latent span at all.

Source: Mirage (arXiv 2506.17218), section 3; loss weights and label mask as in the published code.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments, set_seed

from mirage_core.errors import InputError
from mirage_core.model.latent import MirageForConditionalGeneration, labels_to_predict, states_before
from mirage_core.model.load import load_model, load_processor
from mirage_core.model.processor import MirageProcessor
from mirage_core.model.recurrence import fed_back
from mirage_core.recipe import Supervised
from mirage_core.row import IMAGE_COLUMNS, Row, read_rows
from mirage_core.training.adapters import with_adapters
from mirage_core.training.collate import IGNORED, Collator, completion_text, encode, encoded_images
from mirage_core.training.features import FeatureStore, picture_key
from mirage_core.training.losses import alignment_loss, alignment_weight
from mirage_core.training.run import run_trainer, training_arguments
from mirage_core.training.targets import common_part, targets_of


def train_supervised(
    start: str, data: Path, features: Path, settings: Supervised, out: Path, scratch: Path
) -> dict[str, Any]:
    """Train one supervised stage and save the model below `out`.

    Args:
        start: Folder or name of the model to start from.
        data: Data set folder.
        features: Folder of vision features of that data set under the frozen vision tower.
        settings: The stage.
        out: Artifact folder.
        scratch: Folder for checkpoints that a later call resumes from.

    Returns:
        Counts: rows, updates, where the run was resumed, first and last loss.
    """
    set_seed(settings.seed)
    processor = load_processor(start)
    model = load_model(start, settings.latent_size, settings.latent_norm, settings.bottleneck, dtype=torch.float32)
    model.model.visual.requires_grad_(False)
    if settings.alignment:
        model.config.latent_target = settings.alignment.target
    rows = StageData(processor, data, FeatureStore(features), settings)
    rows.check_fit(model.config.text_config.max_position_embeddings)
    trainer = StageTrainer(
        model=with_adapters(model, settings.lora) if settings.lora else model,
        args=TrainingArguments(**training_arguments(settings.optimizer, scratch, settings.seed, settings.precision)),
        train_dataset=rows,
        data_collator=Collator(processor.tokenizer.pad_token_id),
        settings=settings,
    )
    return {"rows": len(rows), **run_trainer(trainer, processor, out)}


class StageData(Dataset[dict[str, Tensor]]):
    """Training rows as tokens in memory, with their features read from disk when asked for."""

    def __init__(self, processor: MirageProcessor, data: Path, features: FeatureStore, settings: Supervised) -> None:
        self.features, self.settings = features, settings
        self.merge_area = processor.image_processor.merge_size**2  # patches in one feature
        self.pictures: list[dict[str, list[str]]] = []  # keys in the feature store, by column
        self.encoded: list[dict[str, Tensor]] = []
        self.ids: list[str] = []
        for row in read_rows(str(data / "rows"), split="train"):
            self.pictures.append({kind: [picture_key(png) for png in getattr(row, kind)] for kind in IMAGE_COLUMNS})
            self.encoded.append(self._encode(processor, row))
            self.ids.append(row.id)
        if not self.encoded:
            raise InputError(f"{data}: no rows of split train")
        self.common: Tensor | None = None
        if settings.alignment and settings.alignment.target == "centred":
            self.common = common_part((self._targets(index) for index in range(len(self))), settings.latent_size)

    def _encode(self, processor: MirageProcessor, row: Row) -> dict[str, Tensor]:
        if self.settings.latents != "none" and not row.helper_images:
            raise InputError(f"row {row.id}: has no helper image, so there is nothing for its latents to learn")
        latent_size = 0 if self.settings.latents == "none" else self.settings.latent_size
        completion = completion_text(row, latent_size, self.settings.thoughts)
        return encode(processor, row.question, self.features.grid_thw(self.pictures[-1]["images"]), completion)

    def check_fit(self, max_positions: int) -> None:
        """Find rows that cannot be trained before an hour is spent on those that can.

        Args:
            max_positions: Longest sequence of the model, `max_position_embeddings`.

        Raises:
            InputError: A row is longer than the model's positions, or a helper image smaller than its latents.
        """
        settings = self.settings
        latent_size = 0 if settings.latents == "none" else settings.latent_size
        for row_id, row, pictures in zip(self.ids, self.encoded, self.pictures, strict=True):
            if (length := len(row["input_ids"])) > max_positions:
                num_latents = latent_size * len(pictures["helper_images"])
                raise InputError(
                    f"row {row_id}: {length} tokens, {num_latents} of them latents, are more than "
                    f"the model's max_position_embeddings = {max_positions}: leave the row out, or lower "
                    "latent_size or the size of pictures"
                )
            if settings.alignment:
                num_features = (self.features.grid_thw(pictures["helper_images"]).prod(-1) // self.merge_area).min()
                if num_features < latent_size:
                    raise InputError(
                        f"row {row_id}: a helper image of {num_features} vision features cannot make latent_size = "
                        f"{latent_size} latents: enlarge it or lower latent_size"
                    )

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        item = {**self.encoded[index], "image_features": self.features.get(self.pictures[index]["images"]).features}
        if self.settings.alignment:
            item["latent_targets"] = self._targets(index)
        return item

    def _targets(self, index: int) -> Tensor:
        """(N, D), what the latents of a row should be."""
        assert self.settings.alignment is not None
        images, helpers = (self._split(self.pictures[index][kind]) for kind in ("images", "helper_images"))
        spans = targets_of(self.settings.alignment.target, images, helpers, self.settings.latent_size)
        return torch.cat([span if self.common is None else span - self.common for span in spans])

    def _split(self, keys: list[str]) -> list[Tensor]:
        """Features of each picture."""
        pictures = self.features.get(keys)
        return list(pictures.features.split((pictures.grid_thw.prod(-1) // self.merge_area).tolist()))


class StageTrainer(Trainer):
    """Stock trainer with the stage's loss; logs its parts where latents are aligned."""

    def __init__(self, *args: Any, settings: Supervised, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.settings = settings
        self.model_accepts_loss_kwargs = False  # plain mean over the tokens of a batch, as published
        self.parts: list[tuple[float, float]] = []

    def compute_loss(
        self,
        model: MirageForConditionalGeneration,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        features, targets = inputs.pop("image_features"), inputs.pop("latent_targets", None)
        predicted_BT = labels_to_predict(inputs["labels"]) != IGNORED  # logits elsewhere would only cost memory
        config = self.model.config
        forced = self.settings.latents == "helper"
        given = {"latent_embeds": fed_back(targets, getattr(config, "latent_norm", None))} if forced else {}
        outputs = model(**inputs, **given, mm_encoder_outputs=encoded_images(features), logits_to_keep=predicted_BT)
        loss = outputs.loss
        if self.settings.alignment:
            latent_BT = inputs["input_ids"] == config.latent_pad_id
            states_ND = states_before(outputs.last_hidden_state, latent_BT)
            alignment = alignment_loss(states_ND, targets, self.settings.alignment.loss, self.settings.latent_size)
            self.parts.append((float(loss.detach()), float(alignment.detach())))
            weight = alignment_weight(self.settings.alignment, self.state.global_step, self.args.max_steps)
            loss = self.settings.text_weight * loss + weight * alignment
        num_rows = len(inputs["input_ids"])
        if self.settings.interchange and num_rows > 1:  # the last batch of a pass may hold one row
            other = self._other_images(features, num_rows)
            read = model(
                **inputs, latent_embeds=outputs.latents, mm_encoder_outputs=encoded_images(other),
                logits_to_keep=predicted_BT,
            ).loss  # fmt: skip
            loss = loss + self.settings.interchange * (read - outputs.loss)
        return (loss, outputs) if return_outputs else loss

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """None are counted: at every step the stock count walks all modules, for a number that nobody reads."""
        return 0

    def _other_images(self, features_ND: Tensor, num_rows: int) -> Tensor:
        """(N, D): features of the batch's images, each row with those of another."""
        if len(features_ND) % num_rows:
            raise InputError("interchange needs images of one size: rows of a batch trade their features")
        by_row_BFD = features_ND.view(num_rows, -1, features_ND.shape[-1])
        return by_row_BFD.roll(1 + self.state.global_step % (num_rows - 1), 0).flatten(0, 1)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if self.parts and "loss" in logs:
            text, alignment = (sum(part) / len(self.parts) for part in zip(*self.parts, strict=True))
            logs |= {"text_loss": round(text, 5), "alignment": round(alignment, 5)}
            self.parts.clear()
        super().log(logs, start_time)
