"""Stage 3: rewards, the gradient against one written by hand, and what reinforcement does."""

import json

import pytest
import torch

from mirage_core.errors import InputError
from mirage_core.model.load import load_model
from mirage_core.puzzles import vsp, vsp_reasoning
from mirage_core.row import decode_image, read_rows
from mirage_core.training import grpo as module
from mirage_core.training.collate import encode
from mirage_core.training.grpo_trainer import LatentGRPOTrainer
from mirage_core.training.rewards import asked_form, right_answer

pytestmark = pytest.mark.train

SPAN = "<|latent_start|>" + "<|latent_pad|>" * 4 + "<|latent_end|>"


# rewards


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        (r"\boxed{R,R,D,D}", 1.0),
        (r"<think>first \boxed{L}</think>\boxed{D,D,R,R}", 1.0),
        (r"\boxed{R,D}", 0.0),
        (r"\boxed{}", 0.0),
        ("R,R,D,D", 0.0),
        ("", 0.0),
    ],
)
def test_the_right_answer_is_rewarded(text, reward):
    board = ["SFF", "FHF", "FFG"]
    other = ["GFF", "FHF", "FFS"]
    puzzles = {"task": [vsp.TASK] * 2, "meta": [json.dumps({"board": rows}) for rows in (board, other)]}
    texts = [[{"role": "assistant", "content": text}]] * 2
    assert right_answer(texts, **puzzles, completion_ids=[[1], [2]]) == [reward, 0.0]


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        (rf"{SPAN}\boxed{{R}}", 1.0),
        (rf"{SPAN}\boxed{{R,D,L,U}}<|im_end|>", 1.0),
        (rf"<think>I look.</think>{SPAN}<think>I go.</think>\boxed{{R,D}}<|im_end|>", 1.0),
        (f"<think>I look\nand see.</think>{SPAN}\\boxed{{R,D}}", 1.0),
        (r"\boxed{R,D}", 0.0),
        (r"<think>I look.</think><think>I go.</think>\boxed{R,D}", 0.0),
        (r"<|latent_start|><|latent_end|>\boxed{R,D}", 0.0),
        (rf"{SPAN}{SPAN}\boxed{{R,D}}", 0.0),
        (rf"{SPAN}\boxed{{R}}\boxed{{R}}", 0.0),
        (rf"<think>a</think>{SPAN}\boxed{{R}}<think>b</think>{SPAN}\boxed{{D}}", 0.0),
        (rf"<think>a \boxed{{R}}</think>{SPAN}\boxed{{D}}", 0.0),
        (rf"{SPAN}\boxed{{R}} done", 0.0),
        (rf"{SPAN}\boxed{{R}}<|im_end|>x", 0.0),
        (rf"I look.{SPAN}\boxed{{R}}", 0.0),
        (rf"<think>I look.{SPAN}\boxed{{R}}", 0.0),
        (rf"{SPAN}\boxed{{R, D}}", 0.0),
        (rf"{SPAN}\boxed{{RD}}", 0.0),
        (rf"{SPAN}\boxed{{r}}", 0.0),
        (rf"{SPAN}\boxed{{}}", 0.0),
        (rf"{SPAN}\boxed{{R,D", 0.0),
        (SPAN, 0.0),
        ("", 0.0),
    ],
)
def test_the_asked_form_is_rewarded(processor, text, reward):
    ids = processor.tokenizer(text)["input_ids"]
    assert asked_form(processor.tokenizer)(completion_ids=[ids], task=[vsp.TASK]) == [reward]


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        (r"\boxed{R}", 1.0),
        (r"\boxed{R,D,L,U}<|im_end|>", 1.0),
        (r"<think>I look.</think>\boxed{R,D}", 1.0),
        (r"<think>I look.</think><think>I go.</think>\boxed{R,D}<|im_end|>", 1.0),
        (rf"{SPAN}\boxed{{R}}", 0.0),
        (rf"<think>I look.</think>{SPAN}<think>I go.</think>\boxed{{R,D}}", 0.0),
        (r"<|latent_start|>\boxed{R}", 0.0),
        (r"\boxed{R}\boxed{R}", 0.0),
        (r"<think>I look.\boxed{R}", 0.0),
        (r"R,D", 0.0),
        ("", 0.0),
    ],
)
def test_a_model_of_text_is_asked_for_no_latents(processor, text, reward):
    ids = processor.tokenizer(text)["input_ids"]
    assert asked_form(processor.tokenizer, latents=False)(completion_ids=[ids], task=[vsp.TASK]) == [reward]


def test_puzzles_without_a_gradient_are_counted():
    meta = [json.dumps({"board": ["SFF", "FHF", "FFG"], "number": number}) for number in (0, 0, 1, 1, 2, 2, 3, 3)]
    texts = [rf"\boxed{{{answer}}}" for answer in ("R,R,D,D", "D,D,R,R", "R", "R", "R", "R,R,D,D", "U", "L")]
    told = {}
    completions = [[{"content": text}] for text in texts]
    right_answer(completions, task=[vsp.TASK] * 8, meta=meta, log_metric=told.__setitem__)
    assert told == {"groups_all_right": 0.25, "groups_all_wrong": 0.5}


@pytest.mark.parametrize(
    ("choice", "right", "form"), [("B", 1.0, 1.0), ("A", 0.0, 1.0), ("B.", 1.0, 0.0), ("R", 0.0, 0.0)]
)
def test_a_choice_is_rewarded_in_the_other_task(processor, choice, right, form):
    text = rf"{SPAN}\boxed{{{choice}}}"
    meta = [json.dumps({"board": ["SFF", "FHF", "FFG"], "plan": "RD", "step": 1})]
    asked = {"task": [vsp_reasoning.TASK]}
    assert right_answer([[{"role": "assistant", "content": text}]], **asked, meta=meta) == [right]
    assert asked_form(processor.tokenizer)(completion_ids=[processor.tokenizer(text)["input_ids"]], **asked) == [form]


# one update


class Watched(LatentGRPOTrainer):
    """Keeps what the loss of every update was made of, and its gradient."""

    seen: list = []

    def compute_loss(self, model, inputs, *args, **kwargs):
        inputs = dict(inputs)
        loss = super().compute_loss(model, inputs, *args, **kwargs)
        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        gradients = torch.autograd.grad(loss, weights, retain_graph=True)
        self.seen.append((inputs, torch.cat([gradient.flatten() for gradient in gradients])))
        return loss


@pytest.fixture
def update(reinforce, monkeypatch):
    """Inputs and gradient of one update on 16 completions."""
    monkeypatch.setattr(module, "LatentGRPOTrainer", Watched)
    monkeypatch.setattr(Watched, "seen", [])
    reinforce(num_updates=1, batch_size=16, num_generations=4, lr=1e-3)
    ((inputs, gradient),) = Watched.seen
    return inputs, gradient


def test_the_gradient_is_that_of_the_chosen_tokens_through_the_latents(update, start, naive):
    inputs, gradient = update
    model = load_model(start[0]).train()
    model.model.visual.requires_grad_(False)
    pixels = inputs["pixel_values"].split(inputs["image_grid_thw"].prod(-1).tolist())
    total = torch.tensor(0.0)
    num_latents = 0
    for row in range(16):
        prompt = inputs["prompt_ids"][row][inputs["prompt_mask"][row].bool()]
        said = inputs["completion_ids"][row][inputs["completion_mask"][row].bool()]
        grid = inputs["image_grid_thw"][row : row + 1]
        log_probability = naive(model, torch.cat([prompt, said]), pixels[row], grid)[0][-len(said) :]
        is_forced = (said == model.config.latent_pad_id) | (said == model.config.latent_end_id)
        ratio = (log_probability - log_probability.detach()).exp()[~is_forced]
        total = total - inputs["advantages"][row] * ratio.mean()
        num_latents += int((said == model.config.latent_pad_id).sum())
    (total / 16).backward()
    by_hand = torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.requires_grad])
    assert num_latents >= 16 and by_hand.norm() > 1e-3, "nothing to learn from"
    assert (gradient - by_hand).norm() < 1e-5 * by_hand.norm()


def test_advantages_are_rewards_compared_within_a_puzzle(update, start, processor):
    inputs, _ = update
    metas = {board_pixels(processor, row): json.dumps(row.meta) for row in rl_rows(start)}
    pixels = inputs["pixel_values"].split(inputs["image_grid_thw"].prod(-1).tolist())
    said = [ids[mask.bool()] for ids, mask in zip(inputs["completion_ids"], inputs["completion_mask"], strict=True)]
    texts = [[{"content": processor.tokenizer.decode(ids, skip_special_tokens=True)}] for ids in said]
    tasks = [vsp.TASK] * len(said)
    right = right_answer(texts, task=tasks, meta=[metas[key_of(part)] for part in pixels])
    form = asked_form(processor.tokenizer)(completion_ids=[ids.tolist() for ids in said], task=tasks)
    rewards = torch.tensor(right) + 0.1 * torch.tensor(form)
    puzzles = [key_of(part) for part in pixels]
    for puzzle in set(puzzles):
        own = torch.tensor([other == puzzle for other in puzzles])
        expected = (rewards[own] - rewards[own].mean()) / (rewards[own].std() + 1e-4)
        assert own.sum() == 4 and torch.allclose(inputs["advantages"][own], expected, atol=1e-4)
    assert rewards.unique().numel() > 1


def rl_rows(start):
    return list(read_rows(str(start[1] / "rows"), split="rl"))


def key_of(pixels):
    return pixels.numpy().tobytes()


def board_pixels(processor, row):
    picture = decode_image(row.images[0], row.id)
    return key_of(processor.image_processor([picture], return_tensors="pt")["pixel_values"])


def test_prompts_and_pictures_are_those_of_the_other_stages(update, start, processor):
    inputs, _ = update
    rows = {board_pixels(processor, row): row for row in rl_rows(start)}
    pixels = inputs["pixel_values"].split(inputs["image_grid_thw"].prod(-1).tolist())
    lengths = set()
    for number, part in enumerate(pixels):
        row = rows[key_of(part)]
        ours = encode(processor, row.question, inputs["image_grid_thw"][number : number + 1], None)
        mask = inputs["prompt_mask"][number].bool()
        assert torch.equal(inputs["prompt_ids"][number][mask], ours["input_ids"])
        length = len(mask)
        assert torch.equal(inputs["mm_token_type_ids"][number, :length][mask], ours["mm_token_type_ids"])
        lengths.add(int(mask.sum()))
    assert len({key_of(part) for part in pixels}) == 4 and len(lengths) > 1


# a run


def test_reinforcement_raises_the_reward(reinforce, start):
    options = {"batch_size": 24, "num_generations": 8, "format_reward": 1.0, "num_updates": 16, "warmup_updates": 1}
    gains = []
    for seed in range(3):  # one run alone may gain nothing: three puzzles an update make the reward noisy
        folder, counts = reinforce(f"seed-{seed}", f"scratch-{seed}", seed=seed, lr=1e-3, **options)
        assert counts["rows"] == 8 and counts["updates"] == 16
        gains.append(counts["last_reward"] - counts["first_reward"])
    assert sum(gains) / 3 > 0.1, gains
    before, after = load_model(start[0]).state_dict(), load_model(folder).state_dict()
    for name, weight in before.items():
        assert torch.equal(weight, after[name]) == name.startswith("model.visual."), name


@pytest.mark.parametrize(("num_updates", "save_every"), [(4, 2), (6, 4), (10, 9)])
def test_a_resumed_run_ends_where_an_undisturbed_one_does(reinforce, num_updates, save_every):
    """Four updates take all eight puzzles; later ones take them in another order."""
    options = {"num_updates": num_updates, "batch_size": 8, "num_generations": 4, "lr": 1e-3, "save_every": save_every}
    first, counts = reinforce("first", **options)
    second, again = reinforce("second", **options)
    assert again == {**counts, "resumed_at": save_every}
    one, other = load_model(first).state_dict(), load_model(second).state_dict()
    assert all(torch.equal(weight, other[name]) for name, weight in one.items())


def test_reinforcement_needs_rows_of_its_own(reinforce, changed_data):
    folder = changed_data("train")
    with pytest.raises(InputError, match=f"^{folder}: no rows of split rl; give the spec some under num_puzzles.rl"):
        reinforce(data=folder, num_updates=1)
