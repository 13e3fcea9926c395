import shutil

import pytest

from mirage_core.errors import InputError
from mirage_core.model.base import PACKAGED, resolve_base


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(b"\0" * 64)
    (path / "merges.txt").write_text("a b")
    return path


def test_a_folder_is_known_by_its_content(folder, tmp_path):
    base = resolve_base(str(folder))
    assert base.ref == str(folder) and len(base.sha256) == 64
    moved = resolve_base(str(shutil.move(folder, tmp_path / "moved")))
    assert moved.sha256 == base.sha256 and moved.ref != base.ref
    assert "ref" not in base.model_dump(), "the place is no part of the identity"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "merges.txt"])
def test_any_changed_file_makes_another_model(folder, name):
    before = resolve_base(str(folder)).sha256
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert resolve_base(str(folder)).sha256 != before


def test_added_and_renamed_files_make_another_model(folder):
    seen = {resolve_base(str(folder)).sha256}
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    seen.add(resolve_base(str(folder)).sha256)
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    seen.add(resolve_base(str(folder)).sha256)
    assert len(seen) == 3


def test_what_no_model_reads_is_left_out(folder):
    before = resolve_base(str(folder)).sha256
    (folder / ".DS_Store").write_bytes(b"finder")
    assert resolve_base(str(folder)).sha256 == before


def test_a_hub_name_stands_for_itself():
    base = resolve_base("Qwen/Qwen2.5-VL-7B-Instruct")
    assert base.name == base.ref == "Qwen/Qwen2.5-VL-7B-Instruct" and base.sha256 is None


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/model", "../model", "~/model", "qwen", "a/b/c"])
def test_what_is_neither_folder_nor_hub_name_is_refused(name):
    with pytest.raises(InputError, match="base_model: .*neither a folder, nor a hub name"):
        resolve_base(name)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"base_model: .*holds no config\.json"):
        resolve_base(str(tmp_path))


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_models_are_found(name):
    base = resolve_base(name)
    assert base.name == name and base.sha256 is not None
