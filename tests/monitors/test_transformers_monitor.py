"""The callback in Hugging Face's Trainer."""

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset

from gengap.measures import normalised_loss, product_norm

transformers = pytest.importorskip("transformers", reason="the extra gengap[transformers] is not installed")
pytest.importorskip("accelerate", reason="the Trainer of transformers needs accelerate")
from gengap.monitors.transformers import NormalisedLossCallback  # noqa: E402

X, Y = torch.randn(40, 6, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 3


class Examples(Dataset[dict[str, Any]]):
    def __len__(self) -> int:
        return len(X)

    def __init__(self, labels: torch.Tensor = Y, draws: bool = False):
        self.labels, self.draws = labels, draws

    def __getitem__(self, index: int) -> dict[str, Any]:
        if self.draws:
            random.random(), np.random.random(), torch.rand(1)
        return {"x": X[index], "labels": self.labels[index]}


class Stream(IterableDataset[dict[str, Any]]):
    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter([Examples()[i] for i in range(len(X))])


class Network(nn.Module):
    main_input_name = "x"

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        logits = self.network(x)
        if labels is None:
            return {"logits": logits}
        targets = labels if labels.is_floating_point() else labels.long().flatten()
        return {"loss": nn.functional.cross_entropy(logits, targets), "logits": logits}


def _train(model: Any, examples: Any, folder: Path, callbacks: list[Any], **options: Any) -> Any:
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), num_train_epochs=2, per_device_train_batch_size=16, learning_rate=0.05, use_cpu=True,
        report_to=[], save_strategy="no", disable_tqdm=True, logging_strategy="no", seed=0,
        **options,
    )  # fmt: skip
    made = {"model": model} if isinstance(model, nn.Module) else {"model_init": model}
    trainer = transformers.Trainer(**made, args=arguments, train_dataset=examples, callbacks=callbacks)
    trainer.train()
    return trainer


def test_the_log_history_has_the_normalised_loss_of_each_epoch(tmp_path: Path) -> None:
    model, callback = Network(), NormalisedLossCallback()
    trainer = _train(model, Examples(), tmp_path, [callback])
    entries = [entry for entry in trainer.state.log_history if "normalised_train_loss" in entry]
    assert [entry["epoch"] for entry in entries] == [1, 2]
    assert entries[-1]["normalised_train_loss"] == pytest.approx(normalised_loss(model.network, (X, Y)), rel=1e-6)
    assert entries[-1]["log_product_norm"] == pytest.approx(math.log(product_norm(model.network)), rel=1e-6)
    assert callback.history[-1].normalised_loss == entries[-1]["normalised_train_loss"]


def test_training_is_what_it_would_be_without(tmp_path: Path) -> None:
    model, plain = Network(), Network()
    _train(model, Examples(draws=True), tmp_path, [NormalisedLossCallback()])
    _train(plain, Examples(draws=True), tmp_path, [])
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), plain.parameters(), strict=True))


def test_a_transformer_gets_null_and_the_reason(tmp_path: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, num_labels=3,
        max_position_embeddings=8,
    )  # fmt: skip
    words = torch.randint(20, (16, 5), generator=torch.Generator().manual_seed(0))
    examples = [{"input_ids": row, "labels": int(row[0]) % 3} for row in words]
    callback = NormalisedLossCallback()
    trainer = _train(transformers.BertForSequenceClassification(config), examples, tmp_path, [callback])
    entries = [entry for entry in trainer.state.log_history if "normalised_train_loss" in entry]
    assert [entry["normalised_train_loss"] for entry in entries] == [None, None]
    assert all(entry["normalised_train_loss_reason"] for entry in entries)
    assert all(math.isfinite(record.loss) for record in callback.history)


def test_a_second_training_is_of_the_second_network(tmp_path: Path) -> None:
    made: list[Network] = []

    def network() -> Network:
        made.append(Network())
        return made[-1]

    callback = NormalisedLossCallback()
    trainer = _train(network, Examples(), tmp_path, [callback])
    with torch.no_grad():
        trainer.model.network[0].weight.zero_()  # whatever becomes of the first
    trainer.train()
    assert len(callback.history) == 2
    assert callback.history[-1].normalised_loss == pytest.approx(normalised_loss(made[-1].network, (X, Y)), rel=1e-6)


@pytest.mark.parametrize(
    "labels", [Y.to(torch.uint8), Y[:, None], nn.functional.one_hot(Y, 3).float()], ids=["uint8", "column", "soft"]
)
def test_labels_of_any_form_are_measured(tmp_path: Path, labels: torch.Tensor) -> None:
    model, callback = Network(), NormalisedLossCallback()
    _train(model, Examples(labels), tmp_path, [callback])
    assert callback.history[-1].normalised_loss == pytest.approx(normalised_loss(model.network, (X, Y)), rel=1e-6)


def test_a_stream_is_not_read_from_and_the_training_goes_on(tmp_path: Path) -> None:
    callback = NormalisedLossCallback()
    _train(Network(), Stream(), tmp_path, [callback], max_steps=3)
    assert [record.normalised_loss for record in callback.history] == [None] * len(callback.history)
    assert "stream" in callback.history[0].reason
    model, callback = Network(), NormalisedLossCallback(sample=(X, Y))
    _train(model, Stream(), tmp_path, [callback], max_steps=3)
    assert callback.history[-1].normalised_loss == pytest.approx(normalised_loss(model.network, (X, Y)), rel=1e-6)


class TwoInputs(Network):
    """A sum of two branches, each with an input of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.beside = nn.Linear(2, 3)

    def forward(self, x: torch.Tensor, more: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, Any]:
        logits = self.network(x) + self.beside(more)
        return {"logits": logits} | ({} if labels is None else {"loss": nn.functional.cross_entropy(logits, labels)})


def test_a_network_of_several_inputs_is_measured_on_all_of_them(tmp_path: Path) -> None:
    more = torch.randn(40, 2, generator=torch.Generator().manual_seed(1))
    examples = [{"x": x, "more": other, "labels": int(y)} for x, other, y in zip(X, more, Y, strict=True)]
    model, callback = TwoInputs(), NormalisedLossCallback()
    _train(model, examples, tmp_path, [callback])
    record = callback.history[-1]
    with torch.no_grad():
        expected = float(nn.functional.cross_entropy(model.eval()(X, more)["logits"].double(), Y))
    assert record.loss == pytest.approx(expected, rel=1e-6)
    assert record.normalised_loss is None
    assert record.reason


def test_text_with_masks_is_followed_and_the_evaluation_data_give_the_gap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, num_labels=3,
        max_position_embeddings=8, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification(config)

    def texts(n: int, length: int, seed: int) -> list[dict[str, Any]]:
        words = torch.randint(1, 20, (n, length), generator=torch.Generator().manual_seed(seed))
        mask = (torch.arange(length) < 3).long()
        return [{"input_ids": row, "attention_mask": mask, "labels": int(row[0]) % 3} for row in words]

    callback, held_out = NormalisedLossCallback(), texts(10, 7, 1)
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=2, per_device_train_batch_size=8, use_cpu=True, report_to=[],
        save_strategy="no", disable_tqdm=True, logging_strategy="no", seed=0,
    )  # fmt: skip
    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=texts(16, 5, 0), eval_dataset=held_out, callbacks=[callback]
    )
    callback_free = trainer.get_eval_dataloader()
    trainer.train()
    last = callback.history[-1]
    batch = callback_free.collate_fn(held_out)
    with torch.no_grad():
        logits = model.eval()(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    expected = float(nn.functional.cross_entropy(logits.double(), batch["labels"]))
    assert last.margins is not None
    if trainer.callback_handler.eval_dataloader is not None:
        assert last.validation_loss == pytest.approx(expected, rel=1e-5)
    assert caplog.text.count("has no normalised loss") == 1
    entry = trainer.state.log_history[-2] if "train_runtime" in trainer.state.log_history[-1] else {}
    assert "median_margin" in entry
