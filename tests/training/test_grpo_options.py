"""What GRPO can do beside rewarding: KL, reuse of rollouts, VLPO, difficulty, the best checkpoint, resume with all."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from pydantic import ValidationError

from mirage_core.benchmark.scores import score
from mirage_core.errors import InputError
from mirage_core.model.load import load_model, load_processor
from mirage_core.puzzles import vsp
from mirage_core.recipe import Benchmark, Grpo, Reinforced
from mirage_core.row import read_rows, write_rows
from mirage_core.training import grpo as module
from mirage_core.training.best import validation_rows
from mirage_core.training.difficulty import count_right, drop_unteachable
from mirage_core.training.grpo_trainer import LatentGRPOTrainer
from mirage_core.training.rewards import asked_form, right_answer

pytestmark = pytest.mark.train

EPSILON = 0.2
"""TRL's range of clipping."""
OPTIONS = {"batch_size": 8, "num_generations": 4, "lr": 1e-3, "warmup_updates": 0}


def copy_of(model):
    return {name: weight.detach().clone() for name, weight in model.state_dict().items()}


class Watched(LatentGRPOTrainer):
    """Keeps of every update: its inputs, its gradient and the weights it was taken at."""

    seen: list = []

    def compute_loss(self, model, inputs, *args, **kwargs):
        loss = super().compute_loss(model, inputs, *args, **kwargs)
        weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        gradients = torch.autograd.grad(loss, weights, retain_graph=True)
        gradient = torch.cat([part.flatten() for part in gradients])
        self.seen.append((dict(inputs), gradient, copy_of(self.model)))
        return loss


@pytest.fixture
def updates(reinforce, monkeypatch):
    """A function that reinforces and returns what `Watched` kept."""
    monkeypatch.setattr(module, "LatentGRPOTrainer", Watched)
    monkeypatch.setattr(Watched, "seen", [])

    def run(**options):
        reinforce(**{**OPTIONS, **options})
        return Watched.seen

    return run


def rollouts(inputs):
    """Per rollout: what `naive` reads of it, and its completion."""
    pixels = inputs["pixel_values"].split(inputs["image_grid_thw"].prod(-1).tolist())
    for row, part in enumerate(pixels):
        prompt = inputs["prompt_ids"][row][inputs["prompt_mask"][row].bool()]
        said = inputs["completion_ids"][row][inputs["completion_mask"][row].bool()]
        yield (torch.cat([prompt, said]), part, inputs["image_grid_thw"][row : row + 1]), said


def model_at(start, weights):
    model = load_model(start[0]).train()
    model.load_state_dict(weights)
    model.model.visual.requires_grad_(False)
    return model


def gradient_of(model, loss):
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    return torch.cat([part.flatten() for part in torch.autograd.grad(loss, weights, retain_graph=True)])


def is_text(said, config):
    return (said != config.latent_pad_id) & (said != config.latent_end_id)


def close(one, other):
    return (one - other).norm() < 2e-5 * other.norm()


# KL


def test_the_kl_term_is_on_chosen_tokens_only(updates, start, naive):
    seen = updates(num_updates=3, kl_weight=0.7)
    inputs, gradient, weights = seen[-1]
    model, reference = model_at(start, weights), load_model(start[0])
    policy, kl = torch.tensor(0.0), torch.tensor(0.0)
    for number, (row, said) in enumerate(rollouts(inputs)):
        text = is_text(said, model.config)
        now = naive(model, *row)[0][-len(said) :][text]
        with torch.no_grad():
            then = naive(reference, *row)[0][-len(said) :][text]
        policy = policy - inputs["advantages"][number] * (now - now.detach()).exp().mean() / 8
        kl = kl + 0.7 * ((then - now).exp() - (then - now) - 1).mean() / 8
    by_hand = gradient_of(model, policy + kl)
    assert gradient_of(model, kl).norm() > 0.01 * by_hand.norm(), "KL does not matter here"
    assert close(gradient, by_hand)


def test_the_reference_of_an_adapter_is_the_model_without_it(start, naive, tmp_path, monkeypatch):
    monkeypatch.setattr(Watched, "seen", [])
    settings = Reinforced(seed=0, precision="fp32", max_new_tokens=24, grpo=Grpo(num_updates=3, **OPTIONS))
    processor, base = load_processor(start[0]), load_model(start[0])
    target = r".*language_model\.layers.*\.(q|k|v|o|gate|up|down)_proj"
    trainer = Watched(
        model=get_peft_model(base, LoraConfig(r=4, target_modules=target)),
        args=module._arguments(settings, tmp_path),
        reward_funcs=[right_answer, asked_form(processor.tokenizer)],
        train_dataset=module._in_order(module._prompts(module._read(start[1])), settings.grpo, 0),
        processing_class=processor,
        kl_weight=0.5,
        latent_sigma=None,
    )
    trainer.train()
    inputs, _, _ = Watched.seen[-1]
    reference = load_model(start[0])
    moved = 0.0
    for number, (row, said) in enumerate(rollouts(inputs)):
        with torch.no_grad():
            then = naive(reference, *row)[0][-len(said) :]
            now = naive(base, *row)[0][-len(said) :]
        kept = inputs["ref_per_token_logps"][number][: len(said)]
        text = is_text(said, reference.config)
        assert torch.allclose(kept[text], then[text], atol=1e-4)
        moved = max(moved, float((now - then)[text].abs().max()))
    assert moved > 1e-2, "the adapter has not moved"
    assert any(entry.get("kl", 0.0) > 0.0 for entry in trainer.state.log_history)


# VLPO


@pytest.mark.parametrize("update", [0, 1])
def test_latents_have_a_ratio_of_their_own(updates, start, naive, update):
    """The first update takes the rollouts as they were sampled, the second meets them with other weights."""
    sigma = 2.0
    seen = updates(num_updates=2, num_iterations=2, save_every=2, latent_sigma=sigma, lr=3e-3)
    inputs, gradient, weights = seen[update]
    assert torch.equal(inputs["completion_ids"], seen[0][0]["completion_ids"])
    old_model, model = model_at(start, seen[0][2]), model_at(start, weights)
    tokens, latents, ratios = torch.tensor(0.0), torch.tensor(0.0), []
    for number, (row, said) in enumerate(rollouts(inputs)):
        advantage, text = inputs["advantages"][number], is_text(said, model.config)
        with torch.no_grad():
            old, old_latents = naive(old_model, *row)
        now, new_latents = naive(model, *row, latents=old_latents)
        token_ratio = (now - old)[-len(said) :][text].exp()
        latent_ratio = (-(old_latents - new_latents).square().sum(1) / (2 * sigma**2)).exp()
        total = int(text.sum()) + len(old_latents)
        for ratio, kind in ((token_ratio, "tokens"), (latent_ratio, "latents")):
            clipped = ratio.clamp(1 - EPSILON, 1 + EPSILON)
            loss = -torch.min(ratio * advantage, clipped * advantage).sum() / total / 8
            tokens, latents = (tokens + loss, latents) if kind == "tokens" else (tokens, latents + loss)
        ratios += latent_ratio.tolist()
    by_hand = gradient_of(model, tokens + latents)
    of_latents = gradient_of(model, latents).norm() / by_hand.norm()
    assert len(ratios) > 16
    if update == 0:
        assert min(ratios) > 1 - 1e-5 and of_latents < 1e-4
    else:
        assert 0.0 < min(ratios) < 0.99 and of_latents > 0.01, (ratios, of_latents)
    assert close(gradient, by_hand)


def test_rollouts_are_used_as_often_as_asked(updates):
    ids = [inputs["completion_ids"] for inputs, _, _ in updates(num_updates=4, num_iterations=2, save_every=2)]
    assert torch.equal(ids[0], ids[1]) and torch.equal(ids[2], ids[3]) and not torch.equal(ids[0], ids[2])


@pytest.mark.parametrize("options", [{"latent_sigma": 1.0}, {"num_iterations": 3, "save_every": 200}])
def test_settings_that_cannot_work_are_refused(options):
    with pytest.raises(ValidationError, match="num_iterations"):
        Grpo(num_updates=1, **options)


# difficulty


def test_puzzles_that_are_too_easy_or_too_hard_are_dropped(start, updates, tmp_path):
    folder = tmp_path / "scratch/pass_counts"
    folder.mkdir(parents=True)
    (folder / "000000.json").write_text("[0, 3, 1, 3, 0, 2, 3, 3]")
    seen = updates(num_updates=2, filter_samples=3)
    rows = list(read_rows(str(start[1] / "rows"), split="rl"))
    processor = load_processor(start[0])
    pixels = {}
    for number, row in enumerate(rows):
        picture = processor.image_processor(module._prompts([row])[0]["images"], return_tensors="pt")
        pixels[picture["pixel_values"].numpy().tobytes()] = number
    used = {pixels[row[1].numpy().tobytes()] for inputs, _, _ in seen for row, _ in rollouts(inputs)}
    assert used == {2, 5}
    assert (folder / "000000.json").read_text() == "[0, 3, 1, 3, 0, 2, 3, 3]"


def test_how_often_a_puzzle_is_solved_is_counted_once(start, tmp_path):
    rows = list(read_rows(str(start[1] / "rows"), split="rl"))
    model, processor = load_model(start[0]), load_processor(start[0])
    settings = Reinforced(
        seed=3, precision="fp32", max_new_tokens=24, grpo=Grpo(num_updates=1, filter_samples=16, **OPTIONS)
    )
    state = torch.get_rng_state()
    first = count_right(model, processor, rows, settings, 16, tmp_path / "first")
    assert first == count_right(model, processor, rows, settings, 16, tmp_path / "second")
    assert torch.equal(torch.get_rng_state(), state)
    assert len(set(first)) > 2, "nothing is solved now and then"
    kept, counts = drop_unteachable(model, processor, rows, settings, tmp_path / "third")
    assert kept == [row for row, right in zip(rows, first, strict=True) if 0 < right < 16]
    assert counts == {"dropped_too_easy": first.count(16), "dropped_too_hard": first.count(0)}


def test_a_certain_model_leaves_nothing_to_learn(start, tmp_path):
    rows = list(read_rows(str(start[1] / "rows"), split="rl"))
    model, processor = load_model(start[0]), load_processor(start[0])
    grpo = Grpo(num_updates=1, filter_samples=2, temperature=1e-4, **OPTIONS)
    settings = Reinforced(seed=0, precision="fp32", max_new_tokens=24, grpo=grpo)
    greedy = score(model, rows, processor, Benchmark(max_new_tokens=24)).answers
    right = sum(answer.reason == "ok" for answer in greedy)
    message = f"start model solves {right} always and {len(rows) - right} never"
    with pytest.raises(InputError, match=message):
        drop_unteachable(model, processor, rows, settings, tmp_path)


# the best checkpoint


def same_weights(one, other):
    first, second = load_model(one).state_dict(), load_model(other).state_dict()
    return all(torch.equal(weight, second[name]) for name, weight in first.items())


def logged(model_folder: Path, name: str):
    lines = map(json.loads, (model_folder.parent / "metrics.jsonl").open())
    return {line["step"]: line[name] for line in lines if name in line}


@pytest.fixture(scope="module")
def examined(start, tmp_path_factory):
    """The data set with validation rows whose every other answer of the start model is right, on boards made for it."""
    rows = list(read_rows(str(start[1] / "rows"), split="validation"))
    answers = score(load_model(start[0]), rows, load_processor(start[0]), Benchmark(max_new_tokens=24)).answers
    for number, answer in enumerate(answers):
        if number % 2 and (board := board_for(answer.output)):
            rows[number] = replace(rows[number], meta={**rows[number].meta, "board": board})
    folder = tmp_path_factory.mktemp("examined")
    write_rows([*read_rows(str(start[1] / "rows"), split="rl"), *rows], str(folder / "rows"))
    return folder


def board_for(output):
    """A board without holes on which the boxed moves reach the goal; None where they end on the start."""
    moves = re.findall(r"\\boxed\{([UDLR](?:,[UDLR])*)\}", output)
    row, column = (
        map(sum, zip((0, 0), *(vsp.MOVES[move] for move in moves[0].split(",")), strict=True)) if moves else (0, 0)
    )
    if (row, column) == (0, 0):
        return None
    cells = [["F"] * 17 for _ in range(17)]
    cells[8][8], cells[8 + row][8 + column] = "S", "G"
    return ["".join(line) for line in cells]


@pytest.mark.parametrize(("lr", "every"), [(1e-3, 1), (0.1, 2)])
def test_the_update_that_does_best_on_validation_is_saved(reinforce, start, examined, monkeypatch, lr, every):
    monkeypatch.setattr(module, "LatentGRPOTrainer", Watched)
    monkeypatch.setattr(Watched, "seen", [])
    options = {**OPTIONS, "num_updates": 5, "lr": lr}
    folder, counts = reinforce(data=examined, **options, eval_every=every, eval_rows=6)
    rows = validation_rows(examined, 6, 0)
    assert len(rows) == 6 == counts["validation_rows"] and {row.split for row in rows} == {"validation"}
    curve = {0: counts["start_validation_accuracy"], **logged(folder, "validation_accuracy")}
    assert list(curve) == [0, *(step for step in range(1, 6) if step % every == 0 or step == 5)]
    best = max(curve, key=lambda step: (curve[step], -step))
    assert counts["best_update"] == best and counts["best_validation_accuracy"] == round(curve[best], 4)
    if best < 5:  # the weights after so many updates are those that the next one was taken at
        saved = load_model(folder).state_dict()
        assert all(torch.equal(weight, saved[name]) for name, weight in Watched.seen[best][2].items())
    answers = score(load_model(folder), rows, load_processor(folder), Benchmark(max_new_tokens=24)).answers
    assert round(sum(answer.reason == "ok" for answer in answers) / 6, 4) == counts["best_validation_accuracy"]
    if lr == 0.1:
        assert curve[5] < curve[0] and best < 5


def test_examining_does_not_change_training(reinforce):
    plain, _ = reinforce("plain", "one", **OPTIONS, num_updates=4)
    examined, _ = reinforce("examined", "two", **OPTIONS, num_updates=4, eval_every=1, eval_rows=4)
    for name in ("loss", "reward", "grad_norm"):
        assert logged(plain, name) == logged(examined, name)


def test_the_choice_needs_rows_of_validation(reinforce, start, tmp_path):
    rows = list(read_rows(str(start[1] / "rows"), split="rl"))
    write_rows(rows, str(tmp_path / "data/rows"))
    with pytest.raises(InputError, match="no rows of split validation; give the spec some"):
        reinforce(data=tmp_path / "data", **OPTIONS, num_updates=1, eval_every=1)


# all together


@pytest.mark.parametrize("options", [{"latent_sigma": 2.0, "num_iterations": 2}, {}])
def test_a_resumed_run_with_all_options_ends_where_an_undisturbed_one_does(reinforce, tmp_path, options):
    options |= {"kl_weight": 0.05, "filter_samples": 16, "eval_every": 1, "eval_rows": 8, "save_every": 2}
    first, counts = reinforce("first", **OPTIONS, num_updates=4, **options)
    again, resumed = reinforce("again", **OPTIONS, num_updates=4, **options)
    other, undisturbed = reinforce("other", "elsewhere", **OPTIONS, num_updates=4, **options)
    assert resumed == {**counts, "resumed_at": 2} and undisturbed == counts
    assert same_weights(first, again) and same_weights(first, other)
    for name in ("loss", "validation_accuracy", "kl", "groups_all_right", "groups_all_wrong", "entropy"):
        num_lines = 4 // options.get("num_iterations", 1) if name.startswith("groups") else 4  # only with new rollouts
        assert logged(first, name) == logged(again, name) and len(logged(first, name)) == num_lines, name
    assert counts["dropped_too_easy"] + counts["dropped_too_hard"] + counts["rows"] == 8


def test_a_run_killed_before_its_first_checkpoint_begins_anew(reinforce, tmp_path):
    options = {**OPTIONS, "num_updates": 2, "eval_every": 1, "eval_rows": 8}
    first, counts = reinforce("first", **options)
    second, again = reinforce("second", **options)  # `save_every` was not reached: only the best weights are there
    assert again == counts and same_weights(first, second)


def test_a_model_of_text_is_reinforced(reinforce, house, start):
    folder, counts = reinforce(**OPTIONS, num_updates=2, latents=False, kl_weight=0.01)
    assert counts["updates"] == 2
    form = logged(folder, "rewards/has_asked_form/mean")
    assert max(form.values()) < 0.5, "its answers hold latents, so they are not of the asked form"
