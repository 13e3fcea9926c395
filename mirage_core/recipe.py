"""How a model is trained: one YAML per recipe under `recipes/`, read into a `Recipe`."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mirage_core.settings import Seed, Settings, load_settings

PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0.0)]
LatentSize = Annotated[int, Field(gt=0, le=64)]
Precision = Literal["fp32", "bf16"]
Latents = Literal["helper", "own", "none"]
Interchange = Annotated[float, Field(ge=0.0, le=1.0)]
SupervisedStage = Literal["stage1", "stage2", "joint", "direct", "cot"]
LatentTarget = Literal["raw", "centred", "helper-minus-input"]
LatentNorm = Literal["none", "text"]


class Optimizer(Settings):
    """AdamW with a cosine schedule; defaults of Mirage's table 9 where it gives them."""

    num_updates: PositiveInt
    """Optimizer steps."""
    batch_size: PositiveInt = 8
    """Rows per forward pass."""
    accumulation: PositiveInt = 1
    """Forward passes per optimizer step."""
    lr: PositiveFloat = 1e-5
    """Peak learning rate."""
    warmup_updates: Annotated[int, Field(ge=0)] = 10
    """Steps of linear warm-up."""
    save_every: PositiveInt = 200
    """Steps between checkpoints that a killed run resumes from."""


class Alignment(Settings):
    """What latents are drawn to while the text is learned, and how strongly. Defaults are the paper's stage 1."""

    target: LatentTarget = "raw"
    """"raw": pooled vision features of the helper image (Mirage, section 3.1). "centred": those less their mean over
    the training rows, as pooled features share a large common part by which any two of them are alike.
    "helper-minus-input": those less the pooled features of the input image: what the helper adds to it."""
    loss: Literal["cosine", "mse", "contrastive"] = "cosine"
    """"cosine" distance (Mirage, equation 2). "mse": mean squared error, which binds the norm too (as LVR, arXiv
    2509.24251). "contrastive": InfoNCE over the batch, place by place (van den Oord et al., arXiv 1807.03748)."""
    weight: PositiveFloat = 1.0
    """Of the alignment; Mirage, equation 3."""
    decay: Literal["constant", "linear"] = "constant"
    """"linear": the weight falls to 0 over the stage, so that in the end only the text counts."""


class Joint(Optimizer):
    """One stage instead of two: the model's own latents are aligned while the text loss runs through them."""

    alignment: Alignment = Alignment(target="helper-minus-input", decay="linear")
    """Of the model's own latents."""
    interchange: Interchange = 0.0
    """Share of the text loss that is taken with another row's image beside the row's own latents, so that the answer
    can only be read from these. Source: interchange intervention training (Geiger et al., arXiv 2112.00826)."""


class Grpo(Optimizer):
    """Stage 3. `batch_size` counts completions."""

    lr: PositiveFloat = 1e-6
    """Peak learning rate; Mirage, appendix B."""
    num_generations: Annotated[int, Field(ge=2)] = 5
    """Completions per puzzle; Mirage, appendix B."""
    temperature: PositiveFloat = 1.0
    """Of the rollouts."""
    format_reward: Annotated[float, Field(ge=0.0)] = 0.1
    """Added to the reward 1 of a right answer when the output has the asked form; Mirage, appendix B."""
    kl_weight: Annotated[float, Field(ge=0.0)] = 0.0
    """Of the KL divergence from the start model, on sampled tokens only, none on latents. Mirage, appendix B: 0.01.
    0 keeps no reference model, which without LoRA is a second copy of the weights; DAPO (arXiv 2503.14476) too leaves
    it out."""
    num_iterations: PositiveInt = 1
    """Updates on the same rollouts, with clipped ratios from the second on; DeepSeekMath (arXiv 2402.03300), mu."""
    latent_sigma: PositiveFloat | None = None
    """Width of the Gaussian that makes the latents of a rollout choices with a ratio of their own; acts from the second
    of `num_iterations` on. Monet's VLPO (arXiv 2511.21395), there 10 for a model of 7B; None is off."""
    filter_samples: Annotated[int, Field(ge=2)] | None = None
    """Answers drawn to every puzzle before training; those always or never solved are dropped, as DAPO's dynamic
    sampling does (arXiv 2503.14476). None keeps all."""
    eval_every: PositiveInt | None = None
    """Updates between examinations by greedy decoding on split `validation`; the best update is what is saved, the
    start model included. None examines none and saves the last."""
    eval_rows: PositiveInt = 200
    """Validation puzzles; one standard error of an accuracy of a half is then 3.5 points."""

    @model_validator(mode="after")
    def _check_iterations(self) -> Self:
        if self.save_every % self.num_iterations:
            raise ValueError("save_every must be a multiple of num_iterations: a resumed run begins with new rollouts")
        if self.latent_sigma is not None and self.num_iterations == 1:
            raise ValueError("latent_sigma has no gradient on the first update after a rollout: raise num_iterations")
        return self


class Sampling(Settings):
    """Answers drawn at random beside the greedy one; temperature and top-p as in Mirage's evaluation script."""

    num_samples: PositiveInt = 4
    """Answers per item; the paper draws one."""
    temperature: PositiveFloat = 0.7
    """Divides the logits."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """Drawn from the most likely tokens that together have this share; no other cut."""
    seed: Seed = 0
    """Random seed of the answers; another batch size makes other draws of it."""


class LatentTests(Settings):
    """Whether latents do any work: greedy answers with something else in their place, and what they look like."""

    num_items: PositiveInt | None = None
    """Items of a test set's headline, drawn at random; None takes all. Each is answered seven times."""
    seed: Seed = 0
    """Random seed of the items, the noise, the swap and the map."""


class Benchmark(Settings):
    """How a trained model is examined."""

    levels: tuple[PositiveInt, ...] = (3, 4, 5, 6, 7, 8)
    """Board sizes that are examined. Mirage's two tasks count 3 to 6 in their headline, as the paper does."""
    batch_size: PositiveInt = 8
    """Puzzles generated for at once."""
    max_new_tokens: PositiveInt = 1024
    """Longest output; Mirage, appendix B."""
    sampling: Sampling | None = None
    """Also draw answers at random; None examines by greedy decoding only."""
    latent_tests: LatentTests | None = None
    """Also test the latents of models that make some; None does not."""


class Lora(Settings):
    """Low-rank adapters of the language model's linear layers; defaults of TRL's `ModelConfig`."""

    rank: PositiveInt = 16
    """Of the update of each weight; LoRA (arXiv 2106.09685), section 4.1."""
    alpha: PositiveInt = 32
    """The update is scaled by alpha / rank; LoRA, section 4.1."""


_PACKED = (
    "is refused: rows packed into one sequence would read each other's states as latents; rows are padded and aligned"
)
_FUSED = (
    "is refused: a fused loss takes over the model's forward pass, so that latents would silently stay plain pad "
    "tokens; logits are computed for labelled positions only, which saves what it would"
)


class Training(Settings):
    """Base of settings that decide how a model is trained."""

    refused: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("packing", "packing_strategy", "padding_free"), _PACKED),
        **dict.fromkeys(("liger", "liger_kernel", "use_liger_kernel", "use_liger_loss", "fused_loss"), _FUSED),
    }


class Supervised(Training):
    """One supervised stage; all that decides its result beside its inputs."""

    latents: Latents
    """Teacher-forced from the helper image (stage 1), the model's own (stage 2), or no latent span (text-only arm)."""
    seed: Seed
    """As of the recipe."""
    latent_size: LatentSize
    """As of the recipe."""
    latent_norm: LatentNorm = "none"
    """As of the recipe."""
    bottleneck: bool = False
    """As of the recipe, where there are latents."""
    text_weight: PositiveFloat
    """Of the text loss."""
    alignment: Alignment | None
    """Of the latents to the helper image; None leaves them to the text loss."""
    interchange: Interchange = 0.0
    """As of the joint stage."""
    thoughts: bool
    """As of the recipe."""
    precision: Precision
    """As of the recipe."""
    lora: Lora | None = None
    """As of the recipe."""
    optimizer: Optimizer
    """Steps, batch and learning rate."""


class Reinforced(Training):
    """The GRPO stage; all that decides its result beside its inputs."""

    seed: Seed
    """As of the recipe."""
    precision: Precision
    """As of the recipe."""
    max_new_tokens: PositiveInt
    """Longest rollout; that of the benchmark."""
    latents: bool = True
    """Whether the asked form of an output holds a latent span; False for a model that was taught text only."""
    grpo: Grpo
    """Steps, rollouts and rewards."""


class Recipe(Training):
    """Identity of a training run."""

    base_model: str = "tiny"
    """A folder, the name of a model on the hub, or "tiny" for the packaged one."""
    seed: Seed = 0
    """Random seed of training and sampling."""
    latent_size: LatentSize = 4
    """Latents per span (k); Mirage, section 3. Its ablation goes from 2 to 8."""
    latent_norm: LatentNorm = "none"
    """Norm of what is read as a latent. "none": as it is, as published. "text": states that are fed back are scaled to
    the mean norm of the text embeddings, which is what the model is used to read (GAP, arXiv 2605.12374), and so are
    the targets that stage 1 forces: cosine does not bind the length, and who learned to read one does not read the
    other (docs/LOG.md)."""
    bottleneck: bool = False
    """Whether text sees the image only through the latents: tokens other than the image's and the latents' own do not
    attend to it (LIVR, arXiv 2512.21218)."""
    gamma: PositiveFloat = 0.1
    """Weight of the text loss in stage 1, beside that of the alignment; Mirage, equation 3."""
    alignment: Alignment = Alignment()
    """Of the teacher-forced latents in stage 1."""
    stage2_alignment: Alignment | None = None
    """Of the model's own latents in stage 2; None leaves them to the text loss, as published. Own latents drift from
    what the reader has learned in stage 1, the further the more there are: with it, stage 2 calls them back."""
    thoughts: bool = False
    """Whether stages 1 and 2 learn the reasoning text too (the paper's CoT variant) or only the answer (its direct)."""
    precision: Precision = "fp32"
    """Of the forward pass; the weights that the optimizer updates are always fp32."""
    lora: Lora | None = None
    """Train adapters and the latent tokens in the supervised stages, and merge them into the saved model; None trains
    all weights but the vision tower's."""
    stage1: Optimizer
    """Latent distillation: latents teacher-forced from the helper image."""
    stage2: Optimizer
    """Relaxation: text loss only, the latents are the model's own."""
    joint: Joint | None = None
    """Own latents aligned while the text is learned, from the same base as stage 1; None leaves it out."""
    grpo: Grpo
    """Reinforcement on the rows of split `rl`."""
    direct: Optimizer
    """The text-only arm: the bare answer without latents, from the same base on the same rows."""
    cot: Optimizer | None = None
    """A second text-only arm, which learns the reasoning text too (the paper's CoT SFT); None leaves it out."""
    benchmark: Benchmark = Benchmark()
    """How every model of the run is examined."""
    promotion_margin: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Nightly retraining: a new model replaces the best one if the lower end of the 95 % interval of its gain on
    held-out items, paired, is above this share."""

    @model_validator(mode="after")
    def _output_holds_a_span(self) -> "Recipe":
        """A model that may not finish its latents can neither be rewarded nor examined."""
        longest = self.benchmark.max_new_tokens
        if self.latent_size + 2 >= longest:
            raise ValueError(
                f"latent_size = {self.latent_size}: a span of as many latents between its two marks leaves no room for "
                f"an answer in benchmark.max_new_tokens = {longest}"
            )
        return self

    def supervised(self, stage: SupervisedStage) -> Supervised:
        """Settings of a supervised stage."""
        optimizers = {"stage1": self.stage1, "stage2": self.stage2, "joint": self.joint, "direct": self.direct}
        latents: dict[str, Latents] = {"stage1": "helper", "stage2": "own", "joint": "own"}
        joint = self.joint.alignment if self.joint else None
        alignments = {"stage1": self.alignment, "stage2": self.stage2_alignment, "joint": joint}
        optimizer = {**optimizers, "cot": self.cot}[stage]
        assert optimizer is not None, f"the recipe leaves out stage {stage}"
        return Supervised(
            latents=latents.get(stage, "none"),
            seed=self.seed,
            latent_size=self.latent_size,
            latent_norm=self.latent_norm,
            bottleneck=self.bottleneck and stage in latents,
            text_weight=self.gamma if stage == "stage1" else 1.0,
            alignment=alignments.get(stage),
            interchange=self.joint.interchange if self.joint and stage == "joint" else 0.0,
            thoughts=stage == "cot" or (self.thoughts and stage != "direct"),
            precision=self.precision,
            lora=self.lora,
            optimizer=Optimizer(**optimizer.model_dump(include=set(Optimizer.model_fields))),
        )

    def reinforced(self, latents: bool = True) -> Reinforced:
        """Settings of the GRPO stage, from a model that thinks in latents or from one that does not."""
        return Reinforced(
            seed=self.seed,
            precision=self.precision,
            max_new_tokens=self.benchmark.max_new_tokens,
            latents=latents,
            grpo=self.grpo,
        )


class TinySize(Settings):
    """Size of a tiny model."""

    hidden: PositiveInt = 128
    """Width of the language model and of the vision features."""
    layers: PositiveInt = 3
    """Decoder layers."""
    heads: PositiveInt = 4
    """Attention heads; half as many key-value heads."""
    vision_hidden: PositiveInt = 64
    """Width of the vision tower."""
    vision_depth: PositiveInt = 2
    """Blocks of the vision tower; the last one attends over the whole picture."""


class Pretrain(TinySize):
    """Identity of a tiny base model."""

    seed: Seed = 0
    """Random seed of the weights and of the boards."""
    levels: tuple[PositiveInt, ...] = (3, 4, 5, 6)
    """Sizes of the boards it learns to read."""
    optimizer: Optimizer
    """Steps, batch and learning rate."""
    num_held_out: PositiveInt = 400
    """Boards that the finished model is examined on."""


class PretrainPhotos(TinySize):
    """Identity of a tiny base model that sees photographs."""

    seed: Seed = 0
    """Random seed of the weights and of the cuts."""
    optimizer: Optimizer
    """Steps, batch and learning rate."""
    num_held_out: PositiveInt = 1000
    """Readings, of photographs of split `validation`, that the finished model is examined on."""


class Rooms(Settings):
    """Which rooms a tiny base model sees."""

    seed: Seed = 0
    """Random seed of the rooms, and of the weights and of what is read."""
    num_rooms: PositiveInt = 1500
    """Rooms it learns from."""
    num_held_out_rooms: PositiveInt = 150
    """Rooms that the finished model is examined on."""


class SeeRooms(TinySize, Rooms):
    """Identity of a tiny model whose vision tower sees marks in rooms."""

    words_of: str = "tiny"
    """Model whose word embeddings it starts with; its tokenizer must be that of `tiny`, and as wide."""
    optimizer: Optimizer
    """Steps, batch and learning rate."""
    num_held_out: PositiveInt = 1000
    """Pictures that the finished tower is examined on."""


class ReadRooms(Rooms):
    """Identity of a tiny base model that tells where it sees marks."""

    optimizer: Optimizer
    """Steps, batch and learning rate."""
    num_held_out: PositiveInt = 1000
    """Readings that the finished model is examined on."""


class PretrainRooms(Settings):
    """How a tiny base model that sees rooms is made: `pretrain-tiny-rooms`."""

    rooms: Rooms = Rooms()
    """What it sees, and the seed of everything."""
    size: TinySize
    """Of the model."""
    words_of: str = "tiny"
    """As of `SeeRooms`."""
    see: Optimizer
    """Of the vision tower."""
    read: Optimizer
    """Of the language model after that."""

    @property
    def seeing(self) -> SeeRooms:
        """The first of both stages."""
        return SeeRooms(**self.rooms.model_dump(), **self.size.model_dump(), words_of=self.words_of, optimizer=self.see)

    @property
    def reading(self) -> ReadRooms:
        """The second."""
        return ReadRooms(**self.rooms.model_dump(), optimizer=self.read)


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe's YAML; see `load_settings` for the errors."""
    return load_settings(path, Recipe)


def load_pretrain(path: Path | str) -> Pretrain:
    """Read a base model's YAML; see `load_settings` for the errors."""
    return load_settings(path, Pretrain)


def load_pretrain_photos(path: Path | str) -> PretrainPhotos:
    """Read the YAML of a base model that sees photographs; see `load_settings` for the errors."""
    return load_settings(path, PretrainPhotos)


def load_pretrain_rooms(path: Path | str) -> PretrainRooms:
    """Read the YAML of a base model that sees rooms; see `load_settings` for the errors."""
    return load_settings(path, PretrainRooms)
