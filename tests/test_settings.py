import pytest

from mirage_core.errors import InputError
from mirage_core.settings import Settings, load_settings


class Oven(Settings):
    heat_c: int
    racks: tuple[int, ...] = (1, 2)


class Kitchen(Settings):
    oven: Oven
    name: str = "ours"


def load(tmp_path, text, kind=Kitchen):
    path = tmp_path / "kitchen.yaml"
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return load_settings(path, kind)


def test_values_are_read_and_defaults_filled_in(tmp_path):
    assert load(tmp_path, "oven: {heat_c: 180}\n") == Kitchen(oven=Oven(heat_c=180, racks=(1, 2)), name="ours")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("oven: {heat_c: 180}\nfridge: 1\n", r"`fridge` is not a known field \(known: oven, name\)"),
        ("oven: {heat_c: 180, fan: on}\n", r"`oven\.fan` is not a known field"),
        ("oven: {heat_c: hot}\n", r"`oven\.heat_c`: .*valid integer.*'hot'"),
        ("oven: {heat_c: 1, racks: [1, x]}\n", r"`oven\.racks\.1`: .*'x'"),
        ("oven: {}\n", r"`oven\.heat_c` is missing"),
        ("name: theirs\n", "`oven` is missing"),
        ("oven: 3\n", "`oven`: "),
        ("1: 2\noven: {heat_c: 1}\n", "`1`"),
        ("oven: {heat_c: 180\n", "not YAML"),
        (b"oven: \xff\xfe\n", "not YAML"),
        ("- oven\n- name\n", "not list"),
        ("just words\n", "not str"),
        ("", "not NoneType"),
    ],
)
def test_mistakes_name_the_file_and_the_field(tmp_path, text, complaint):
    with pytest.raises(InputError, match=rf"kitchen\.yaml: .*{complaint}") as raised:
        load(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_all_mistakes_are_told_at_once(tmp_path):
    with pytest.raises(InputError, match="heat_c.*; .*fridge"):
        load(tmp_path, "oven: {heat_c: hot}\nfridge: 1\n")


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.yaml: cannot be read \(No such file"):
        load_settings(tmp_path / "nowhere.yaml", Kitchen)
    with pytest.raises(InputError, match="cannot be read"):
        load_settings(tmp_path, Kitchen)


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Oven(heat_c=1).heat_c = 2
