"""What an episode's candidates are rewarded by, and where it comes to stand in the history."""

import pytest

from kdnas.errors import UserError
from kdnas.search.episode import extend_history
from kdnas.search.history import empty_history

SETTINGS = {"quality": "accuracy", "alpha": -0.06, "beta": 0.6, "device": "cpu"}


def shape(layers):
    return {
        "layers": layers,
        "hidden_size": 12,
        "attention_heads": 3,
        "ffn_size": 24,
        "activation": "gelu",
    }


def episode(number, *measured):
    """Return the artifacts of an episode; ``measured`` are accuracy, 1 - loss and latency ratio, in order.

    A candidate of accuracy None has failed. Latencies are in a file of their own, so here in another order.
    """
    candidates, evaluations, latencies = [], [], []
    for i, (accuracy, loss, ratio) in enumerate(measured, start=1):
        reason = "out of memory at step 1" if accuracy is None else None
        candidates.append(
            {"candidate": i, "architecture": shape(i), "origin": "random", "predicted_reward": 0.1 * i}
        )
        evaluations.append(
            {
                "candidate": i,
                "status": "ok" if reason is None else "failed",
                "reason": reason,
                "quality_accuracy": accuracy,
                "quality_loss": loss,
                "parameters": 10 * i,
            }
        )
        latencies.append(
            {"model": f"m{i}", "architecture": shape(i), "latency_ms": 10 * ratio, "ratio": ratio}
        )
    found = {"episode": number, "epsilon": 1.0, "candidates": candidates}
    return found, evaluations, {"reason": None, "models": latencies[::-1]}


def test_each_candidate_is_rewarded_by_its_own_quality_and_latency():
    artifacts = episode(1, (0.7, 0.2, 0.3), (0.8, 0.3, 0.6))
    by_accuracy = extend_history(empty_history(), *artifacts, SETTINGS)
    # half of beta is worth 2 ** 0.06, beta itself nothing
    assert by_accuracy["reward"].tolist() == pytest.approx([0.7 * 1.0424657608, 0.8])
    by_loss = extend_history(empty_history(), *artifacts, SETTINGS | {"quality": "loss"})
    assert by_loss["reward"].tolist() == pytest.approx([0.2 * 1.0424657608, 0.3])
    assert by_loss["quality"].tolist() == [0.2, 0.3]
    for history in (by_accuracy, by_loss):
        assert history["quality_accuracy"].tolist() == [0.7, 0.8]
        assert history["quality_loss"].tolist() == [0.2, 0.3]
        assert history["latency_ratio"].tolist() == [0.3, 0.6]
        assert history["latency_ms"].tolist() == [3.0, 6.0]
        assert history["predicted_reward"].tolist() == [0.1, 0.2]
        assert history["parameters"].tolist() == [10, 20]


def test_a_failure_is_rewarded_like_the_worst_of_all_episodes_and_at_most_by_nothing():
    failed = (None, None, 0.6)
    history = extend_history(empty_history(), *episode(1, (0.5, 0.5, 0.6), failed, (0.7, 0.7, 0.6)), SETTINGS)
    assert history["reward"].tolist() == pytest.approx([0.5, 0.0, 0.7])
    history = extend_history(history, *episode(2, (-0.2, -0.2, 0.6)), SETTINGS)
    history = extend_history(history, *episode(3, failed, (0.6, 0.6, 0.6)), SETTINGS)
    assert history["episode"].tolist() == [1, 1, 1, 2, 3, 3]
    assert history["reward"].tolist() == pytest.approx([0.5, 0.0, 0.7, -0.2, -0.2, 0.6])
    assert history["reason"].tolist()[1] == "out of memory at step 1"


def test_reward_without_a_latency_is_one_sentence():
    candidates, evaluations, _ = episode(1, (0.5, 0.5, 0.6))
    latency = {"reason": "not measured: this machine has no GPU", "models": []}
    with pytest.raises(UserError, match=r'reward\.device is "gpu"'):
        extend_history(empty_history(), candidates, evaluations, latency, SETTINGS | {"device": "gpu"})
