"""How a model is trained: one YAML per recipe under `recipes/`, read into a `Recipe`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mirage_core.settings import Seed, Settings, load_settings

PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0.0)]
Precision = Literal["fp32", "bf16"]
Latents = Literal["helper", "own", "none"]
SupervisedStage = Literal["stage1", "stage2", "direct", "cot"]


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


class Supervised(Settings):
    """One supervised stage; all that decides its result beside its inputs."""

    latents: Latents
    """Teacher-forced from the helper image (stage 1), the model's own (stage 2), or no latent span (text-only arm)."""
    seed: Seed
    """As of the recipe."""
    latent_size: PositiveInt
    """As of the recipe."""
    gamma: PositiveFloat
    """As of the recipe; read with `latents: helper` only."""
    thoughts: bool
    """As of the recipe."""
    precision: Precision
    """As of the recipe."""
    optimizer: Optimizer
    """Steps, batch and learning rate."""


class Reinforced(Settings):
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


class Recipe(Settings):
    """Identity of a training run."""

    base_model: str = "tiny"
    """A folder, the name of a model on the hub, or "tiny" for the packaged one."""
    seed: Seed = 0
    """Random seed of training and sampling."""
    latent_size: PositiveInt = 4
    """Latents per span (k); Mirage, section 3."""
    gamma: PositiveFloat = 0.1
    """Weight of the text loss in stage 1, beside 1 for the alignment; Mirage, equation 3."""
    thoughts: bool = False
    """Whether stages 1 and 2 learn the reasoning text too (the paper's CoT variant) or only the answer (its direct)."""
    precision: Precision = "fp32"
    """Of the forward pass; the weights that the optimizer updates are always fp32."""
    stage1: Optimizer
    """Latent distillation: latents teacher-forced from the helper image."""
    stage2: Optimizer
    """Relaxation: text loss only, the latents are the model's own."""
    grpo: Grpo
    """Reinforcement on the rows of split `rl`."""
    direct: Optimizer
    """The text-only arm: the bare answer without latents, from the same base on the same rows."""
    cot: Optimizer | None = None
    """A second text-only arm, which learns the reasoning text too (the paper's CoT SFT); None leaves it out."""
    benchmark: Benchmark = Benchmark()
    """How every model of the run is examined."""

    def supervised(self, stage: SupervisedStage) -> Supervised:
        """Settings of a supervised stage."""
        optimizers = {"stage1": self.stage1, "stage2": self.stage2, "direct": self.direct, "cot": self.cot}
        latents: dict[str, Latents] = {"stage1": "helper", "stage2": "own", "direct": "none", "cot": "none"}
        optimizer = optimizers[stage]
        assert optimizer is not None, f"the recipe leaves out stage {stage}"
        return Supervised(
            latents=latents[stage],
            seed=self.seed,
            latent_size=self.latent_size,
            gamma=self.gamma,
            thoughts=stage == "cot" or (self.thoughts and stage != "direct"),
            precision=self.precision,
            optimizer=optimizer,
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


class Pretrain(Settings):
    """Identity of a tiny base model."""

    seed: Seed = 0
    """Random seed of the weights and of the boards."""
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
    levels: tuple[PositiveInt, ...] = (3, 4, 5, 6)
    """Sizes of the boards it learns to read."""
    optimizer: Optimizer
    """Steps, batch and learning rate."""
    num_held_out: PositiveInt = 400
    """Boards that the finished model is examined on."""


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe's YAML; see `load_settings` for the errors."""
    return load_settings(path, Recipe)


def load_pretrain(path: Path | str) -> Pretrain:
    """Read a base model's YAML; see `load_settings` for the errors."""
    return load_settings(path, Pretrain)
