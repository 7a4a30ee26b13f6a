"""The paper's controller: an LSTM that predicts the reward of a state."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from kdnas.search.history import best_row
from kdnas.search.space import Architecture, SearchSpace
from kdnas.search.strategies.greedy import EpsilonGreedyStrategy, RewardScale
from kdnas.search.strategies.protocol import SearchSettings


class RewardPredictor(nn.Module):
    """An embedding for each dimension, an LSTM over three states, a linear map to the predicted reward."""

    def __init__(self, choices: list[int], embedding_size: int, hidden_size: int) -> None:
        super().__init__()
        # one more row for each dimension: the first episode has no earlier state
        embeddings = [nn.Embedding(count + 1, embedding_size) for count in choices]
        for embedding in embeddings:  # so few rewards would hardly move torch's, whose deviation is 1
            nn.init.normal_(embedding.weight, std=0.1)
        self.embeddings = nn.ModuleList(embeddings)
        self.lstm = nn.LSTM(embedding_size * len(choices), hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Map states of shape (n, 3, dimensions) to predicted rewards of shape (n,).

        The three states are the best of the previous episode, the best so far, and the candidate.
        """
        embedded = [embedding(states[..., i]) for i, embedding in enumerate(self.embeddings)]
        outputs, _ = self.lstm(torch.cat(embedded, dim=-1))
        return self.head(outputs[:, -1]).squeeze(-1)


class LSTMStrategy(EpsilonGreedyStrategy):
    """The paper's: an LSTM predicts, and learns from the history of all evaluated states.

    Embeddings, LSTM of 32, RMSprop, squared error, the history and the epsilon schedule are as others report
    them from the paper (see docs/method.md). The number of updates, the scale of the rewards and the small
    initial embeddings are our choice.
    """

    stream = 0

    def __init__(self, space: SearchSpace, search: SearchSettings) -> None:
        super().__init__(space, search)
        settings = search.controller
        choices = [len(values) for values in space.choices.values()]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(search.seed)
            self.predictor = RewardPredictor(choices, settings.embedding_size, settings.hidden_size)
        self.nothing = tuple(choices)
        self.optimizer = torch.optim.RMSprop(self.predictor.parameters(), lr=settings.learning_rate)

    def learn(self, history: pd.DataFrame, episode: int) -> None:
        """Train the predictor on the whole history."""
        torch.set_num_threads(1)
        records = history.to_dict("records")
        contexts = {e: self.context(history, e) for e in range(1, episode + 1)}
        states = torch.tensor(
            [
                [*contexts[record["episode"]], self.space.encode(Architecture.from_dict(record))]
                for record in records
            ]
        )
        targets = torch.from_numpy(RewardScale.of(history).targets(history)).float()
        for _ in range(self.search.controller.updates):
            self.optimizer.zero_grad()
            loss = nn.functional.mse_loss(self.predictor(states), targets)
            loss.backward()
            self.optimizer.step()

    def context(self, history: pd.DataFrame, episode: int) -> list[tuple[int, ...]]:
        """Return the best state of the episode before ``episode`` and the best state before it."""
        previous = best_row(history[history["episode"] == episode - 1])
        so_far = best_row(history[history["episode"] < episode])
        return [
            self.nothing if row is None else self.space.encode(Architecture.from_dict(row))
            for row in (previous, so_far)
        ]

    @torch.no_grad()
    def predict(self, architectures: list[Architecture], history: pd.DataFrame, episode: int) -> list[float]:
        """Return the predicted reward of each architecture."""
        torch.set_num_threads(1)
        context = self.context(history, episode)
        states = torch.tensor([[*context, self.space.encode(item)] for item in architectures])
        return RewardScale.of(history).rewards(self.predictor(states).numpy())

    def save(self, path: Path) -> None:
        """Write the predictor's and the optimiser's tensors to a safetensors file."""
        tensors = {f"predictor.{name}": value for name, value in self.predictor.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
        save_file(tensors, path)

    def load(self, path: Path) -> None:
        """Read what :meth:`save` wrote."""
        tensors = load_file(path)
        prefix = "predictor."
        self.predictor.load_state_dict(
            {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        )
        optimizer = self.optimizer.state_dict()
        for name, value in tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".")
                optimizer["state"].setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict(optimizer)
