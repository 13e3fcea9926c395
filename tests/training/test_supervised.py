"""Stage 1, stage 2 and the text-only arm."""

import itertools
import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from transformers import Qwen2_5_VLForConditionalGeneration, TrainingArguments

from mirage_core.errors import InputError
from mirage_core.model.load import load_model, load_processor, save
from mirage_core.row import decode_image, read_rows, write_rows
from mirage_core.training.collate import IGNORED, Collator
from mirage_core.training.features import FeatureStore, compute_features
from mirage_core.training.supervised import StageData, StageTrainer, train_supervised

pytestmark = pytest.mark.train

KINDS = ["helper", "own", "none"]


def train(house, settings, tmp_path, start=None):
    out = tmp_path / "out"
    out.mkdir(parents=True)
    counts = train_supervised(start or house.base, house.data, house.features, settings, out, tmp_path / "scratch")
    return out, counts


def logs_of(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def weights_of(folder):
    return load_model(folder).state_dict()


@pytest.fixture(scope="module", params=KINDS)
def trained(request, house, stage, tmp_path_factory):
    """A stage of 15 updates: where its latents come from, its folder and its counts."""
    settings = stage(request.param, num_updates=15)
    return request.param, *train(house, settings, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def batch_of(house, processor, stage):
    """A function from a stage's settings to the first four rows, as its trainer and as pixels see them."""

    def build(settings):
        rows = StageData(processor, house.data, FeatureStore(house.features), settings)
        batch = Collator(processor.tokenizer.pad_token_id)([rows[index] for index in range(4)])
        first = list(read_rows(str(house.data / "rows"), split="train"))[:4]
        images = [decode_image(row.images[0], row.id) for row in first]
        helpers = [decode_image(row.helper_images[0], row.id) for row in first]
        return batch, *(processor.image_processor(shown, return_tensors="pt") for shown in (images, helpers))

    return build


def gradient_of(model, loss):
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def trainer_of(model, settings, tmp_path):
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[])
    return StageTrainer(model=model, args=arguments, settings=settings)


# the loss


@pytest.mark.parametrize("latents", KINDS)
@pytest.mark.parametrize("thoughts", [False, True])
def test_stored_features_train_as_pixels_do(house, batch_of, stage, tmp_path, latents, thoughts):
    """And stage 1 is gamma times the text plus the cosine distance, both by hand."""
    settings = stage(latents, thoughts=thoughts, gamma=0.3)
    batch, images, helpers = batch_of(settings)
    model = load_model(house.base)
    model.model.visual.requires_grad_(False)
    trainer = trainer_of(model, settings, tmp_path)
    loss = trainer.compute_loss(model, dict(batch))
    gradient = gradient_of(model, loss)

    given = {key: batch[key] for key in ("input_ids", "attention_mask", "mm_token_type_ids")}
    is_latent = batch["input_ids"] == model.config.latent_pad_id
    if latents == "helper":
        with torch.no_grad():
            features = model.model.get_image_features(**helpers).pooler_output
        targets = torch.stack([part.view(4, 9, -1).mean(1) for part in features])  # 36 features make 4 latents
        given["latent_embeds"] = targets.flatten(0, 1)
    outputs = model(**given, **images)
    log_probabilities = outputs.logits[:, :-1].log_softmax(-1)
    labels = batch["labels"][:, 1:]
    chosen = log_probabilities.gather(2, labels.clamp(min=0)[..., None])[..., 0]
    expected = -chosen[labels != IGNORED].mean()
    if latents == "helper":
        distances = []
        for row in range(4):
            for number, column in enumerate(is_latent[row].nonzero().flatten().tolist()):
                state, target = outputs.last_hidden_state[row, column - 1], targets[row, number]
                distances.append(1 - state @ target / (state.norm() * target.norm()))
        assert len(distances) == 16
        text, alignment = expected, torch.stack(distances).mean()
        assert trainer.parts == [pytest.approx((text.item(), alignment.item()), rel=1e-5)]
        expected = 0.3 * text + alignment
    assert is_latent.any() == (latents != "none")
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    by_hand = gradient_of(model, expected)
    assert (gradient - by_hand).norm() < 1e-5 * by_hand.norm()


def test_half_batches_accumulated_twice_train_as_whole_ones(house, stage, tmp_path):
    """For rows with equally many labels; the published loss is a mean of the batches' means otherwise."""
    answers = [",".join(moves) for moves in itertools.product("UDLR", repeat=3)]
    rows = read_rows(str(house.data / "rows"), split="train")
    alike = (replace(row, answer=answer) for row, answer in zip(rows, answers, strict=False))
    write_rows(alike, str(tmp_path / "data/rows"))
    house = house._replace(data=tmp_path / "data")

    def learned(name, **optimizer):
        out, _ = train(house, stage("own", num_updates=4, **optimizer), tmp_path / name)
        after, before = weights_of(out / "model"), weights_of(house.base)
        moved = torch.cat([(after[key] - before[key]).flatten() for key in after])
        return moved, [entry["loss"] for entry in logs_of(out)]

    whole, losses = learned("whole", batch_size=8)
    halves, half_losses = learned("halves", batch_size=4, accumulation=2)
    other, _ = learned("other", batch_size=4)
    assert (whole - halves).norm() < 1e-4 * whole.norm()
    assert half_losses == pytest.approx(losses, rel=1e-3), "Adam does not see the scale of a loss, a reader does"
    assert (whole - other).norm() > 0.05 * whole.norm(), "twice as many rows make no difference"


# a run


def test_the_loss_goes_down(trained):
    latents, out, counts = trained
    assert counts["rows"] == 24 and counts["updates"] == 15 and counts["resumed_at"] == 0
    assert counts["last_loss"] < 0.8 * counts["first_loss"]
    logs = logs_of(out)
    assert [entry["step"] for entry in logs] == list(range(1, 16))
    assert (counts["first_loss"], counts["last_loss"]) == pytest.approx((logs[0]["loss"], logs[-1]["loss"]), abs=1e-4)


def test_parts_of_the_loss_are_logged_in_stage_1_only(trained):
    latents, out, _ = trained
    for entry in logs_of(out):
        assert ("text_loss" in entry) == ("alignment" in entry) == (latents == "helper")
        if latents == "helper":
            assert entry["loss"] == pytest.approx(0.1 * entry["text_loss"] + entry["alignment"], abs=1e-4)
            assert 0 <= entry["alignment"] <= 2


def test_the_vision_tower_stays_as_it_was_and_all_else_learns(trained, house):
    _, out, _ = trained
    before, after = weights_of(house.base), weights_of(out / "model")
    assert before.keys() == after.keys()
    for name, weight in before.items():
        assert torch.equal(weight, after[name]) == name.startswith("model.visual."), name


def test_the_stock_class_opens_what_was_saved(trained, processor):
    _, out, _ = trained
    ours = load_model(out / "model").eval()
    stock, info = Qwen2_5_VLForConditionalGeneration.from_pretrained(out / "model", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert all(torch.equal(weight, ours.state_dict()[name]) for name, weight in stock.state_dict().items())
    ids = torch.tensor([load_processor(out / "model").tokenizer(r"\boxed{U,D}")["input_ids"]])
    assert ids.tolist() == [processor.tokenizer(r"\boxed{U,D}")["input_ids"]]
    with torch.no_grad():
        assert torch.allclose(stock.eval()(input_ids=ids).logits, ours(input_ids=ids).logits, atol=1e-6)


def test_the_saved_model_thinks_in_as_many_latents_as_it_was_trained_with(house, stage, tmp_path):
    settings = stage("own", num_updates=1).model_copy(update={"latent_size": 2})
    out, _ = train(house, settings, tmp_path)
    model = load_model(out / "model").eval()
    ids = torch.tensor([[5, model.config.latent_start_id]])
    generated = model.generate(input_ids=ids, max_new_tokens=4, do_sample=False)[0, 2:].tolist()
    assert generated[:3] == [model.config.latent_pad_id] * 2 + [model.config.latent_end_id]


def test_the_same_settings_make_the_same_weights_and_another_seed_does_not(trained, house, stage, tmp_path):
    latents, out, _ = trained
    again, _ = train(house, stage(latents, num_updates=15), tmp_path / "again")
    first, second = weights_of(out / "model"), weights_of(again / "model")
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())
    other_seed = stage(latents, num_updates=2).model_copy(update={"seed": 1})
    other, _ = train(house, other_seed, tmp_path / "other")
    assert logs_of(other)[0]["loss"] != logs_of(out)[0]["loss"]


def test_thoughts_are_trained_where_they_are_asked_for(house, processor, stage, tmp_path):
    store = FeatureStore(house.features)
    direct, thinking = (StageData(processor, house.data, store, stage("own", thoughts=flag)) for flag in (False, True))
    row = next(read_rows(str(house.data / "rows"), split="train"))
    labels = [data[0]["labels"] for data in (direct, thinking)]
    short, long = (processor.tokenizer.decode(ids[ids != IGNORED]) for ids in labels)
    assert row.thought_before in long and row.thought_after in long
    assert "think" not in short and len(long) > len(short) + len(row.thought_before) + len(row.thought_after)
    _, counts = train(house, stage("own", thoughts=True, num_updates=10), tmp_path)
    assert counts["last_loss"] < 0.9 * counts["first_loss"]


# mistakes


def test_latents_need_a_helper_image(changed_data, house, stage, tmp_path):
    folder = changed_data("train", helper_images=[])
    (tmp_path / "features").mkdir()
    compute_features(house.base, folder, tmp_path / "features")
    house = house._replace(data=folder, features=tmp_path / "features")
    row = next(read_rows(str(folder / "rows")))
    for latents in ("helper", "own"):
        with pytest.raises(InputError, match=f"^row {row.id}: has no helper image"):
            train(house, stage(latents), tmp_path / latents)
    _, counts = train(house, stage("none", num_updates=1), tmp_path / "none")
    assert counts["rows"] == 24


def test_training_needs_training_rows(changed_data, house, stage, tmp_path):
    folder = changed_data("validation")
    with pytest.raises(InputError, match=f"^{folder}: no rows of split train"):
        train(house._replace(data=folder), stage("own"), tmp_path)


def test_rows_longer_than_the_model_are_found_before_training(house, stage, tmp_path):
    """The latents of a span count too."""
    processor = load_processor(house.base)
    longest = max(
        len(row["input_ids"]) for row in StageData(processor, house.data, FeatureStore(house.features), stage()).encoded
    )
    model = load_model(house.base)
    for limit, fits in ((longest, True), (longest - 1, False)):
        model.config.text_config.max_position_embeddings = limit
        save(model, processor, tmp_path / f"base-{limit}")
        work = tmp_path / f"work-{limit}"
        if fits:
            train(house, stage("own", num_updates=1), work, start=str(tmp_path / f"base-{limit}"))
            continue
        message = rf"^row [\w-]+: {longest} tokens, 4 of them latents, .* max_position_embeddings = {limit}: "
        with pytest.raises(InputError, match=message):
            train(house, stage("own"), work, start=str(tmp_path / f"base-{limit}"))
        assert not (work / "scratch").exists()


def test_more_latents_than_a_helper_image_makes_are_refused_before_training(house, stage, tmp_path):
    settings = stage("helper").model_copy(update={"latent_size": 37})
    with pytest.raises(
        InputError, match=r"^row [\w-]+: a helper image of 36 vision features .* latent_size = 37 latents"
    ):
        train(house, settings, tmp_path)
    assert not (tmp_path / "scratch").exists()


# precision


def test_bf16_trains_weights_of_fp32(house, stage, tmp_path):
    """Updates far below what bf16 resolves are kept: near 0.02 its numbers lie 1e-4 apart."""
    settings = stage("own", num_updates=3, lr=1e-6, warmup_updates=0, save_every=3)
    out, counts = train(house, settings.model_copy(update={"precision": "bf16"}), tmp_path)
    exact, _ = train(house, settings, tmp_path / "fp32")
    assert logs_of(out)[0]["loss"] != logs_of(exact)[0]["loss"], "the forward pass was not bf16"
    assert logs_of(out)[0]["loss"] == pytest.approx(logs_of(exact)[0]["loss"], rel=1e-2)
    with safe_open(out / "model/model.safetensors", framework="pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float32}  # noqa: SIM118
    state = torch.load(tmp_path / "scratch/checkpoint-3/optimizer.pt")["state"]
    assert {moment.dtype for part in state.values() for moment in part.values()} == {torch.float32}

    before, after = weights_of(house.base), weights_of(out / "model")
    name = "model.language_model.layers.0.self_attn.q_proj.weight"
    assert (before[name] != after[name]).float().mean() > 0.9, "updates were lost"
    assert (before[name].bfloat16() == after[name].bfloat16()).float().mean() > 0.9, "too large to tell"
