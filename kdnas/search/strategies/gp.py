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
from kdnas.search.space import Architecture
from kdnas.search.strategies.greedy import RewardScale
from kdnas.search.strategies.suggesting import SuggestingStrategy


class GPStrategy(SuggestingStrategy):
    """A Gaussian process with the expected improvement of every unseen architecture, not of a sample.

    Matérn kernel with a length scale for each axis. Within an episode a suggestion counts as evaluated, with
    the reward that is predicted of it (kriging believer: Ginsbourger et al. 2010).
    """

    def suggest(self, history: pd.DataFrame, generator: np.random.Generator) -> Iterator[Architecture | None]:
        """Yield the unseen architecture of the highest expected improvement, until none is left."""
        pool = self.unseen(history)
        inputs, targets = self.features(architectures(history)), RewardScale.of(history).targets(history)
        places = self.features(pool)
        scales = Matern(np.ones(inputs.shape[1]), (0.1, 100.0), nu=2.5)
        kernel = ConstantKernel(1.0, (0.1, 10.0)) * scales + WhiteKernel(0.1, (1e-3, 1.0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of a scale that ends at its bound
            kernel = GaussianProcessRegressor(kernel).fit(inputs, targets).kernel_
        while pool:
            process = GaussianProcessRegressor(kernel, optimizer=None).fit(inputs, targets)
            means, deviations = process.predict(places, return_std=True)
            gain = means - process.predict(inputs).max()  # over predictions: measured rewards are noisy
            ratio = gain / deviations
            best = int((gain * norm.cdf(ratio) + deviations * norm.pdf(ratio)).argmax())
            yield pool.pop(best)
            inputs, targets = np.vstack([inputs, places[best]]), np.append(targets, means[best])
            places = np.delete(places, best, axis=0)

    def features(self, shapes: list[Architecture]) -> np.ndarray:
        """Return each size's place among the sizes of its axis, from 0 to 1, and indicators of activations.

        Shape (architectures, features).
        """
        chosen, columns = [self.space.values_of(shape) for shape in shapes], []
        for name, values in self.space.axes.items():
            own = [choices[name] for choices in chosen]
            if name == "activation":
                columns += [[float(value == choice) for value in own] for choice in values]
            else:
                order = sorted(values)
                columns.append([order.index(value) / max(1, len(order) - 1) for value in own])
        return np.array(columns).T.reshape(len(shapes), -1)
