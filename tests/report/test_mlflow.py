"""What is logged to MLflow, by a real server on this machine where the whole of MLflow is installed."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from torch import nn

import gengap
from gengap.errors import InputError

mlflow = pytest.importorskip("mlflow", reason="the extra gengap[mlflow] is not installed")
pytest.importorskip("flask", reason="the extra gengap[mlflow] has no server; pip install mlflow brings one")
from gengap.report.mlflow import log_to_mlflow  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{folder}/runs.db", "--artifacts-destination", str(folder / "files")]
    quicker = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*command, *stores], stdout=log, stderr=log, cwd=folder, env=quicker)
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, folder / "log")
            mlflow.set_tracking_uri(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            assert process.poll() is None, log.read_text()[-2000:]
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"the server does not answer: {log.read_text()[-2000:]}")


def _files(run_id: str, folder: str) -> set[str]:
    return {Path(file.path).name for file in mlflow.MlflowClient().list_artifacts(run_id, folder)}


@pytest.mark.usefixtures("server")
def test_a_certificate_is_a_run_with_its_numbers_and_its_json(tmp_path: Path) -> None:
    certificate = gengap.certify(errors=3, n=100, tried=5)
    run_id = log_to_mlflow(certificate, parameters={"learning_rate": 0.1})
    run = mlflow.get_run(run_id)
    assert run.data.metrics["gengap.upper"] == pytest.approx(certificate.upper, rel=1e-12)
    assert run.data.params["gengap.headline"] == "clopper_pearson"
    assert run.data.params["gengap.learning_rate"] == "0.1"
    assert run.info.status == "FINISHED"
    path = mlflow.artifacts.download_artifacts(
        run_id=run_id, artifact_path="gengap/report.json", dst_path=str(tmp_path)
    )
    assert json.loads(Path(path).read_text())["upper"] == certificate.upper


@pytest.mark.usefixtures("server")
def test_several_answers_go_into_the_run_that_is_active() -> None:
    problem = gengap.load("digits")
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    audit = gengap.audit(network, data=problem, quick=True)
    rows = gengap.measure(network, problem, measures=["params", "path_norm"])
    levels = pd.DataFrame({"level": [0.0, 1.0], "train_accuracy": [1.0, 0.9], "test_accuracy": [0.9, 0.1]})
    test = gengap.tasks.randomize.from_results(levels, problem)
    with mlflow.start_run() as run:
        ids = {log_to_mlflow(audit, prefix="audit"), log_to_mlflow(rows, prefix="measures", step=3)}
        ids.add(log_to_mlflow(test, prefix="randomize"))
        assert mlflow.active_run() is not None
    assert ids == {run.info.run_id}
    data = mlflow.get_run(run.info.run_id).data
    assert data.metrics["audit.certificate.upper"] == pytest.approx(audit.to_json()["certificate"]["upper"])
    assert data.metrics["measures.params"] == rows.set_index("name")["value"]["params"]
    assert data.params["audit.verdict"] == audit.verdict
    assert {"report.html", "report.json", "model-card.md"} <= _files(run.info.run_id, "audit")
    assert {"report.json", "rows.csv"} == _files(run.info.run_id, "measures")
    assert "report.html" in _files(run.info.run_id, "randomize")


@pytest.mark.usefixtures("server")
def test_parameters_that_the_run_has_with_other_values_are_refused() -> None:
    with mlflow.start_run():
        log_to_mlflow(gengap.certify(errors=3, n=100), parameters={"depth": 1})
        with pytest.raises(InputError, match="another prefix"):
            log_to_mlflow(gengap.certify(errors=3, n=100), parameters={"depth": 2})


@pytest.mark.parametrize("answer", [3, pd.DataFrame({"x": [1]})])
def test_other_things_are_refused(answer: object) -> None:
    with pytest.raises(InputError, match="no answer of gengap"):
        log_to_mlflow(answer)
