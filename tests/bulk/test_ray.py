"""Runs by tasks of Ray, real ones: the same bytes, and what dies or vanishes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from heart_reader.bulk import Settings, bulk_read, on_ray
from heart_reader.errors import HeartReaderError
from tests.bulk import deadly

pytestmark = pytest.mark.slow


def result(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "records").iterdir())}


@pytest.fixture
def on_one_machine(settings: Settings) -> Settings:
    return replace(settings, engine="ray", n_workers=2)


def test_ray_gives_the_same_bytes(tmp_path: Path, write_shard, settings: Settings, on_one_machine: Settings) -> None:
    shard = write_shard(tmp_path / "s.tar", [f"{number:02}" for number in range(20)])
    bulk_read([str(shard)], tmp_path / "ray", on_one_machine)
    bulk_read([str(shard)], tmp_path / "processes", settings)
    assert len(result(tmp_path / "ray")) == 3
    assert result(tmp_path / "ray") == result(tmp_path / "processes")


def test_a_record_that_kills_its_task_is_a_row(
    tmp_path: Path, write_records, on_one_machine: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_records(tmp_path / "in", ["a", "b", deadly.KEY])
    monkeypatch.setattr(on_ray, "_read", deadly.ray_read)
    outcome = bulk_read([str(folder)], tmp_path / "out", on_one_machine)
    assert outcome.errors == Counter(process_ended=1)
    found = {row["key"]: row["error_code"] for row in pq.read_table(tmp_path / "out" / "records" / "part-000000.parquet").to_pylist()}
    assert found == {"a.hea": None, "b.hea": None, f"{deadly.KEY}.hea": "process_ended"}


@pytest.mark.filterwarnings("ignore:.*:ResourceWarning:ray")
def test_a_machine_that_vanishes_costs_no_record(tmp_path: Path, write_shard, settings: Settings) -> None:
    from ray.cluster_utils import Cluster

    shard = write_shard(tmp_path / "s.tar", [f"{number:03}" for number in range(400)])
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        vanished = []

        def vanish() -> None:
            while not list(tmp_path.glob("out/records/part-*")):
                time.sleep(0.01)
            cluster.remove_node(nodes[0], allow_graceful=False)
            vanished.append(len(list(tmp_path.glob("out/records/part-*"))))

        thread = threading.Thread(target=vanish)
        thread.start()
        outcome = bulk_read([str(shard)], tmp_path / "out", replace(settings, engine="ray", n_workers=None, ray_address=cluster.address))
        thread.join()
    finally:
        cluster.shutdown()
    assert 0 < vanished[0] < 50
    assert outcome.errors == Counter()
    bulk_read([str(shard)], tmp_path / "undisturbed", settings)
    assert result(tmp_path / "out") == result(tmp_path / "undisturbed")


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path: Path, write_records, settings: Settings) -> None:
    folder = write_records(tmp_path / "in", ["a"])
    with pytest.raises(HeartReaderError, match=r"Ray cannot be reached at 127\.0\.0\.1:9"):
        bulk_read([str(folder)], tmp_path / "out", replace(settings, engine="ray", ray_address="127.0.0.1:9"))
