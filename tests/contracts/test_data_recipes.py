"""A data source and a task are one file each: written here, found, joined and trained with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SOURCE = '''
"""Records that are simulated when they are asked for."""

from pathlib import Path
from typing import Literal

import numpy as np

from heart_reader.data.labels import ALL, LabelSpace
from heart_reader.data.record_table import RecordTable
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.sources import DATASETS, Dataset, DataSource, register_source
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.data.synthetic.files import write_wfdb
from heart_reader.data.tasks import build_levels


@register_source
class ClinicSource(DataSource):
    """Normal and abnormal ECGs of a clinic that does not exist."""

    kind: Literal["clinic"] = "clinic"
    folder: Path
    n_records: int = 40
    dataset = DATASETS.add("clinic", Dataset("https://clinic.example/", title="a clinic", licence="CC0 1.0", counts={"*.hea": 40}))

    def read(self, data, task, space):
        names, labels = [], np.zeros((self.n_records, len(SCP_STATEMENTS)), np.float32)
        codes = [statement.code for statement in SCP_STATEMENTS]
        for number in range(self.n_records):
            rng = np.random.default_rng(number)
            parameters = random_parameters(("NORM", "CD")[number % 2], rng)
            write_wfdb(simulate(parameters, rng=rng, fs=100.0, duration_s=10.0, record_id=f"c{number}"), self.folder)
            labels[number, [codes.index(code) for code in parameters.scp_codes]] = 1
            names.append(f"c{number}")
        levels = build_levels(SCP_STATEMENTS)
        made_of = {name: level.members for name, level in levels.items() if level.members is not None}
        return RecordTable(
            record_ids=np.array(names),
            paths=np.array([str(self.folder / f"{name}.hea") for name in names]),
            patient_ids=np.array(names),
            splits=np.array((["train"] * 4 + ["train", "train", "val", "val", "test", "test"]) * 4),
            labels={
                ALL: labels,
                **{name: np.stack([labels[:, list(g)].max(axis=1) for g in groups], axis=1) for name, groups in made_of.items()},
            },
            space=LabelSpace(levels, (ALL,)),
            label_rule=data.label_rule,
            source="clinic",
        )
'''
TASK = '''
"""Whether conduction is slow, somewhere."""

from heart_reader.data.tasks import register_contrast, register_task


@register_task("conduction", "slow conduction, above or below the bundle")
def conduction(statements):
    return {"ABOVE": ["1AVB", "2AVB", "3AVB"], "BELOW": ["CLBBB", "CRBBB", "IRBBB", "LAFB"]}


register_contrast("block_vs_norm", "a conduction disturbance against normal", "CD", present=("CD",), absent=("NORM",))
'''
RUN = """
import json, sys
from pathlib import Path

import heart_reader.data.sources, heart_reader.data.tasks
from heart_reader.classifier import EcgClassifier
from heart_reader.config import load_config
from heart_reader.data.formats import read_record
from heart_reader.data.sources import DATASETS
from heart_reader.data.tasks import TASKS
from heart_reader.training.run import train

home, level = Path(sys.argv[1]), sys.argv[2]
heart_reader.data.sources.__path__.append(str(home / "sources"))
heart_reader.data.tasks.__path__.append(str(home / "tasks"))
config = load_config(Path("configs/demo.yaml"), [
    f"data.sources=[{{kind: clinic, folder: {home}}}]",
    f"data.cache_dir={home / 'cache'}",
    f"task={{level: {level}, heads: [all, {level}]}}",
    "model={name: convnet1d, params: {}}",
    "training={epochs: 1, batch_size: 16, precision: float32}",
    "evaluation.draws=2",
])
checkpoint = train(config, home / "run").checkpoint
reading = EcgClassifier.load(checkpoint.directory).predict(read_record(home / "c1.hea"))
print(json.dumps({
    "licence": DATASETS["clinic"].licence, "title": TASKS[level].title, "source": checkpoint.manifest["data"]["source"],
    "counts": checkpoint.manifest["data"]["counts"], "classes": list(reading.levels[level]),
}))
"""


def _run(home: Path, level: str) -> dict[str, object]:
    for name, text in (("sources", SOURCE), ("tasks", TASK)):
        (home / name).mkdir()
        (home / name / "clinic.py").write_text(text, encoding="utf-8")
    # A process of its own, for the registries of this one are to stay as they are.
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", RUN, str(home), level], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_a_source_and_a_task_of_statements_are_a_file_each(tmp_path: Path) -> None:
    assert _run(tmp_path, "conduction") == {
        "licence": "CC0 1.0",
        "title": "slow conduction, above or below the bundle",
        "source": "clinic",
        # Records without a class of the task are left out.
        "counts": {"train": 12, "val": 4, "test": 4},
        "classes": ["ABOVE", "BELOW"],
    }


def test_a_task_that_sets_superclasses_against_each_other_is_one_call(tmp_path: Path) -> None:
    answer = _run(tmp_path, "block_vs_norm")
    assert answer["counts"] == {"train": 24, "val": 8, "test": 8}
    assert answer["classes"] == ["CD"]
