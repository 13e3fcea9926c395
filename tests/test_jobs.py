"""Heavy work by hand: what a mistake in a settings file looks like."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from mirage_core.errors import InputError
from mirage_core.jobs import app

pytestmark = pytest.mark.train

OPTIMIZER = "{num_updates: 4, lr: 1.0e-3}"
SUPERVISED = (
    "latents: own\nseed: 0\nlatent_size: 4\ntext_weight: 1.0\nalignment: null\nthoughts: false\nprecision: fp32\n"
    f"optimizer: {OPTIMIZER}\n"
)
REINFORCED = f"seed: 0\nprecision: fp32\nmax_new_tokens: 8\ngrpo: {OPTIMIZER}\n"
EXAM = "model: arm\ntests: [{name: a, folder: /nowhere, split: test}]\nsettings: {batch_size: 2}\n"
OPTIONS = {
    "supervised": ["start", "data", "features", "out", "scratch"],
    "grpo": ["start", "data", "out", "scratch"],
    "pretrain": ["out", "scratch"],
    "benchmark": ["model", "out"],
}


def arguments(job, folder, settings):
    (folder / "settings.yaml").write_text(settings)
    options = [word for option in OPTIONS[job] for word in (f"--{option}", str(folder / option))]
    return [job, "--settings", str(folder / "settings.yaml"), *options]


def test_a_mistake_is_one_line_that_names_file_and_field(tmp_path):
    words = arguments("supervised", tmp_path, SUPERVISED.replace("lr: 1.0e-3", "lr: fast"))
    done = subprocess.run([sys.executable, "-m", "mirage_core.jobs", *words], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path}/settings.yaml: `optimizer.lr`: ") and "(got 'fast')" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("job", "settings", "problem"),
    [
        ("supervised", SUPERVISED.replace("latents: own", "latents: yours"), "`latents`: .*.got 'yours'."),
        ("supervised", SUPERVISED.replace("seed: 0\n", ""), "`seed` is missing"),
        ("grpo", REINFORCED.replace("max_new_tokens: 8", "max_new_tokens: 0"), "`max_new_tokens`: .*got 0"),
        ("grpo", REINFORCED.replace("lr:", "rate:"), "`grpo.rate` is not a known field"),
        ("pretrain", f"optimizer: {OPTIMIZER}\ndepth: 3\n", "`depth` is not a known field .known: hidden"),
        ("pretrain", "- 1", "must hold `key: value` lines, not list"),
        ("benchmark", EXAM.replace("batch_size: 2", "batch_size: -2"), "`settings.batch_size`: .*got -2"),
        ("benchmark", "model: [", "not YAML: "),
    ],
)
def test_every_job_names_the_field_that_is_wrong(tmp_path, job, settings, problem):
    result = CliRunner().invoke(app, arguments(job, tmp_path, settings))
    assert result.exit_code == 1 and isinstance(result.exception, InputError)
    with pytest.raises(InputError, match=f"^{tmp_path}/settings.yaml: {problem}"):
        raise result.exception
