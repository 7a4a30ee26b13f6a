"""Bayesian optimisation: a Gaussian process predicts rewards and how sure it is of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from kdnas.search.history import architectures
from kdnas.search.space import Architecture, SearchSpace
from kdnas.search.strategies.greedy import RewardScale
from kdnas.search.strategies.suggesting import SuggestingStrategy


class Process:
    """A Gaussian process of one number of an architecture: a Matérn kernel, a length scale for each axis.

    ``inputs`` (n, features) are what :func:`features` returns, ``targets`` (n,) around 0 and about 1 apart.
    """

    def __init__(self, inputs: np.ndarray, targets: np.ndarray) -> None:
        self.inputs, self.targets = inputs, targets
        scales = Matern(np.ones(inputs.shape[1]), (0.1, 100.0), nu=2.5)
        kernel = ConstantKernel(1.0, (0.1, 10.0)) * scales + WhiteKernel(0.1, (1e-3, 1.0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of a scale that ends at its bound
            self.kernel = GaussianProcessRegressor(kernel).fit(inputs, targets).kernel_
        self._fit()

    def _fit(self) -> None:
        self._process = GaussianProcessRegressor(self.kernel, optimizer=None).fit(self.inputs, self.targets)

    def predict(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return means and deviations, each (m,), at ``places`` (m, features)."""
        return self._process.predict(places, return_std=True)

    def believe(self, place: np.ndarray) -> None:
        """Count ``place`` (features,) as evaluated, with its prediction.

        It is the kriging believer of Ginsbourger et al. 2010.
        """
        mean = self._process.predict(place[None])
        self.inputs, self.targets = np.vstack([self.inputs, place]), np.append(self.targets, mean)
        self._fit()


def expected_improvement(means: np.ndarray, deviations: np.ndarray, best: float) -> np.ndarray:
    """Return the expected improvement over ``best`` of each prediction, shape (m,)."""
    gain = means - best
    ratio = gain / deviations
    return gain * norm.cdf(ratio) + deviations * norm.pdf(ratio)


def features(space: SearchSpace, shapes: list[Architecture]) -> np.ndarray:
    """Return each size's place among the sizes of its axis, from 0 to 1, and indicators of activations.

    Shape (architectures, features).
    """
    chosen, columns = [space.values_of(shape) for shape in shapes], []
    for name, values in space.axes.items():
        own = [choices[name] for choices in chosen]
        if name == "activation":
            columns += [[float(value == choice) for value in own] for choice in values]
        else:
            order = sorted(values)
            columns.append([order.index(value) / max(1, len(order) - 1) for value in own])
    return np.array(columns).T.reshape(len(shapes), -1)


class GPStrategy(SuggestingStrategy):
    """The highest expected improvement of the reward, over every unseen architecture, not over a sample.

    Within an episode a suggestion counts as evaluated, with the reward that is predicted of it.
    """

    def suggest(self, history: pd.DataFrame, generator: np.random.Generator) -> Iterator[Architecture | None]:
        """Yield the unseen architecture of the highest expected improvement, until none is left."""
        pool = self.unseen(history)
        places = features(self.space, pool)
        process = Process(
            features(self.space, architectures(history)), RewardScale.of(history).targets(history)
        )
        while pool:
            best = process.predict(process.inputs)[0].max()  # over predictions: measured rewards are noisy
            chosen = int(expected_improvement(*process.predict(places), best).argmax())
            yield pool.pop(chosen)
            process.believe(places[chosen])
            places = np.delete(places, chosen, axis=0)
