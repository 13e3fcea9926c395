"""The teacher against vLLM on the CPU, in a venv of its own; docs/teacher.md tells how to make it."""

import asyncio
import os
from pathlib import Path

import pytest
import torch
from real_servers import seeing_folder, serving
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from mirage_core.errors import InputError
from mirage_core.teacher.chat import Message
from mirage_core.teacher.preflight import check_server
from mirage_core.teacher.request import OK, TOO_LONG, Answer, request_for
from mirage_core.teacher.server import Teacher, answer_all
from mirage_core.teacher.settings import ServerTeacher
from mirage_core.teacher.store import AnswerStore

VLLM = "MIRAGE_VLLM_PYTHON"
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(VLLM not in os.environ, reason=f"{VLLM} names no venv with vLLM; see docs/teacher.md"),
]
CONTEXT = 1024


def wide_folder(folder: Path) -> Path:
    """The tiny model with heads of 32 numbers and random weights: vLLM's attention on CPUs takes none of 16."""
    seeing_folder(folder)
    config = Qwen2_5_VLConfig.from_pretrained(folder)
    config.text_config.hidden_size = config.vision_config.out_hidden_size = 128
    config.text_config.rope_parameters["mrope_section"] = [4, 6, 6]
    torch.manual_seed(0)
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder, save_original_format=True)
    return folder


def test_pictures_are_seen_answers_kept_and_mistakes_named(tmp_path, monkeypatch, requests_about):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    settings = ServerTeacher(model="tiny", max_tokens=24, timeout_s=120.0, concurrency=8)
    words = request_for(settings, [Message("user", "Are you there?")])
    requests = [words, *requests_about(24, settings)]

    def ask() -> dict[str, Answer]:
        async def story() -> dict[str, Answer]:
            with AnswerStore(tmp_path / "store") as store:
                async with Teacher(settings, store) as teacher:
                    return {request.key: answer async for request, answer in answer_all(teacher, requests)}

        return asyncio.run(story())

    command = [Path(os.environ[VLLM]).with_name("vllm"), "serve", wide_folder(tmp_path / "tiny")]
    command += ["--served-model-name", "tiny", "--max-model-len", CONTEXT, "--enforce-eager"]
    command += ["--limit-mm-per-prompt", '{"image": 2, "video": 0}', "--generation-config", "vllm"]
    with serving(command, tmp_path / "home") as url:
        monkeypatch.setenv("TEACHER_BASE_URL", url)
        check_server(settings)
        with pytest.raises(InputError, match=r"^model: .* has no techer; it has tiny$"):
            check_server(settings.model_copy(update={"model": "techer"}))
        with pytest.raises(InputError, match=rf"^max_tokens: {CONTEXT} and a prompt of \d+ tokens do not fit"):
            check_server(settings.model_copy(update={"max_tokens": CONTEXT}))
        answers = ask()
    assert {answer.reason for answer in answers.values()} <= {OK, TOO_LONG}
    assert len(answers) == len(requests)
    assert min(answers[request.key].prompt_tokens for request in requests[1:]) > 72  # 36 a picture
    assert answers[words.key].prompt_tokens < 72
    assert ask() == answers  # nobody is there any more to ask
