import pytest
import torch

from mirage_core.model.tiny import build_processor
from mirage_core.puzzles import vsp
from mirage_core.row import Row, encode_png
from mirage_core.training.collate import IGNORED, Collator, chat_messages, completion_text, encode

BOARDS = [vsp.Board(("SFF", "FHF", "FFG")), vsp.Board(("SFFF", "FHFH", "FFFH", "HFFG"))]
SPAN = "<|latent_start|>" + "<|latent_pad|>" * 4 + "<|latent_end|>"
COMPLETION = rf"<think>I look.</think>{SPAN}<think>Then I go.</think>\boxed{{R,D}}"


@pytest.fixture(scope="module")
def processor():
    torch.set_num_threads(1)
    return build_processor()


@pytest.fixture(scope="module")
def grids(processor):
    return processor.image_processor([vsp.render(board) for board in BOARDS], return_tensors="pt")["image_grid_thw"]


def make_row(num_helpers=1):
    return Row(
        id="row",
        task=vsp.TASK,
        split="train",
        level=3,
        question=vsp.QUESTION,
        images=[],
        helper_images=[encode_png(vsp.render(BOARDS[0]))] * num_helpers,
        thought_before="I look.",
        thought_after="Then I go.",
        answer="R,D",
    )


def stock(processor, question, images, completion=""):
    prompt = processor.apply_chat_template(chat_messages(question), tokenize=False, add_generation_prompt=True)
    return processor(text=[prompt + completion], images=[images], return_tensors="pt")


# text


def test_completions_hold_thoughts_a_span_per_picture_and_the_answer():
    assert completion_text(make_row(), 4, thoughts=True) == COMPLETION
    assert completion_text(make_row(), 4, thoughts=False) == rf"{SPAN}\boxed{{R,D}}"
    assert completion_text(make_row(2), 4, thoughts=False) == rf"{SPAN}{SPAN}\boxed{{R,D}}"
    assert completion_text(make_row(), 0, thoughts=False) == r"\boxed{R,D}"
    assert completion_text(make_row(), 0, thoughts=True) == (
        r"<think>I look.</think><think>Then I go.</think>\boxed{R,D}"
    )
    assert completion_text(make_row(0), 4, thoughts=False) == r"\boxed{R,D}"


def test_image_marks_become_pictures_in_their_place():
    content = chat_messages("<image>First.\n<image>Second?")[0]["content"]
    assert [part.get("text", part["type"]) for part in content] == ["image", "First.\n", "image", "Second?"]
    assert chat_messages("no picture")[0]["content"] == [{"type": "text", "text": "no picture"}]


# one row


def test_prompts_are_tokenized_as_the_stock_processor_does(processor, grids):
    for board, grid in zip(BOARDS, grids, strict=True):
        ours = encode(processor, vsp.QUESTION, grid[None], None)
        theirs = stock(processor, vsp.QUESTION, [vsp.render(board)])
        assert set(ours) == {"input_ids", "mm_token_type_ids", "image_grid_thw"}
        for key in ours:
            assert torch.equal(ours[key].reshape(-1), theirs[key].reshape(-1)), key


def test_completed_rows_are_tokenized_as_the_stock_processor_does(processor, grids):
    row = encode(processor, vsp.QUESTION, grids[:1], COMPLETION)
    theirs = stock(processor, vsp.QUESTION, [vsp.render(BOARDS[0])], COMPLETION + "<|im_end|>")
    assert torch.equal(row["input_ids"], theirs["input_ids"][0])
    assert torch.equal(row["mm_token_type_ids"], theirs["mm_token_type_ids"][0])


def test_two_pictures_get_their_tokens_where_their_marks_stand(processor, grids):
    question = "Map <image> or <image>\nwhich?"
    row = encode(processor, question, grids, None)
    theirs = stock(processor, question, [vsp.render(board) for board in BOARDS])
    assert torch.equal(row["input_ids"], theirs["input_ids"][0])
    starts = (row["mm_token_type_ids"].diff() == 1).sum()
    assert starts == 2 and row["mm_token_type_ids"].sum() == grids.prod(-1).sum() // 4


@pytest.mark.parametrize("completion", [COMPLETION, r"\boxed{R,D}", rf"{SPAN}{SPAN}\boxed{{L}}"])
def test_labels_cover_the_completion_and_the_end_of_turn_but_no_latent(processor, grids, completion):
    row = encode(processor, vsp.QUESTION, grids[:1], completion)
    prompt_length = len(encode(processor, vsp.QUESTION, grids[:1], None)["input_ids"])
    assert (row["labels"][:prompt_length] == IGNORED).all()
    tail_ids, tail_labels = row["input_ids"][prompt_length:], row["labels"][prompt_length:]
    pads = tail_ids == processor.tokenizer.convert_tokens_to_ids("<|latent_pad|>")
    assert pads.sum() == 4 * completion.count("<|latent_start|>")
    assert (tail_labels[pads] == IGNORED).all() and torch.equal(tail_labels[~pads], tail_ids[~pads])
    labelled = processor.tokenizer.decode(tail_labels[~pads], skip_special_tokens=False)
    assert labelled == completion.replace("<|latent_pad|>", "") + "<|im_end|>"


@pytest.mark.parametrize("question", ["no mark", "<image> and <image>"])
def test_as_many_pictures_as_marks(processor, grids, question):
    with pytest.raises(AssertionError, match="one picture per <image> mark"):
        encode(processor, question, grids[:1], None)


# a batch


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_seen_by_nobody(processor, grids, side):
    completions = [r"\boxed{R}", COMPLETION]
    rows = [encode(processor, vsp.QUESTION, grid[None], text) for grid, text in zip(grids, completions, strict=True)]
    pad = processor.tokenizer.pad_token_id
    batch = Collator(pad, padding_side=side)(rows)
    length = max(len(row["input_ids"]) for row in rows)
    for number, row in enumerate(rows):
        size = len(row["input_ids"])
        real = slice(length - size, length) if side == "left" else slice(0, size)
        padded = torch.ones(length, dtype=torch.bool)
        padded[real] = False
        for key, filler in (("input_ids", pad), ("labels", IGNORED), ("mm_token_type_ids", 0)):
            assert torch.equal(batch[key][number][real], row[key]), key
            assert (batch[key][number][padded] == filler).all(), key
        assert torch.equal(batch["attention_mask"][number].bool(), ~padded)
    assert torch.equal(batch["image_grid_thw"], grids)


def test_pictures_of_a_batch_are_joined_in_order(processor, grids):
    rows = [encode(processor, vsp.QUESTION, grid[None], None) for grid in grids]
    rows = [
        {**row, "image_features": torch.full((n + 2, 3), float(n)), "latent_targets": torch.full((4, 3), float(n))}
        for n, row in enumerate(rows)
    ]
    batch = Collator(0)(rows)
    assert batch["image_features"][:, 0].tolist() == [0, 0, 1, 1, 1]
    assert batch["latent_targets"][:, 0].tolist() == [0] * 4 + [1] * 4
    assert "labels" not in batch and "pixel_values" not in batch


def test_the_answer_of_every_row_is_trained_to_its_end(processor, boards):
    """What a model is taught to say must be what the checker accepts."""
    for board in boards(20):
        plan = vsp.answer_text(vsp.solve(board))
        grid = processor.image_processor([vsp.render(board)], return_tensors="pt")["image_grid_thw"]
        row = encode(processor, vsp.QUESTION, grid, rf"{SPAN}\boxed{{{plan}}}")
        said = processor.tokenizer.decode(row["labels"][row["labels"] != IGNORED], skip_special_tokens=False)
        assert vsp.check(board, said).ok and said.endswith("<|im_end|>")
