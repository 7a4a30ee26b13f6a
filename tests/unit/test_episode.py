"""What an episode's candidates are rewarded by, and where it comes to stand in the history."""

from dataclasses import replace

import pytest

from kdnas.errors import UserError
from kdnas.files.artifacts import write_json
from kdnas.search.episode import extend_history
from kdnas.search.episode_line import episode_line
from kdnas.search.history import LATER, empty_history, read_history, write_history
from kdnas.search.one_hardware import check_one_hardware, mixed_hardware
from kdnas.search.reward import Reward

REWARD = Reward("accuracy", alpha=-0.06, beta=0.6, device="cpu")
MACHINE = {"device_name": "Some CPU", "cores": 8, "whole_cores": True, "host": None, "torch": "2.13"}


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
                "quality_agreement": accuracy and accuracy / 2,
                "parameters": 10 * i,
            }
        )
        interval = {"ratio_low": 0.9 * ratio, "ratio_high": 1.1 * ratio}
        timed_model = {"model": f"m{i}", "architecture": shape(i)}
        latencies.append(timed_model | {"latency_ms": 10 * ratio, "ratio": ratio, **interval})
    found = {"episode": number, "epsilon": 1.0, "candidates": candidates}
    return found, evaluations, {"reason": None, "hardware": MACHINE, "models": latencies[::-1]}


def extended(history, artifacts, reward=REWARD):
    """Return the history with the rows of what :func:`episode` returns."""
    candidates, evaluations, latency = artifacts
    return extend_history(history, candidates, evaluations=evaluations, latency=latency, reward=reward)


def test_each_candidate_is_rewarded_by_its_own_quality_and_latency():
    artifacts = episode(1, (0.7, 0.2, 0.3), (0.8, 0.3, 0.6))
    by_accuracy = extended(empty_history(), artifacts)
    # half of beta is worth 2 ** 0.06, beta itself nothing
    assert by_accuracy["reward"].tolist() == pytest.approx([0.7 * 1.0424657608, 0.8])
    by_loss = extended(empty_history(), artifacts, replace(REWARD, quality="loss"))
    assert by_loss["reward"].tolist() == pytest.approx([0.2 * 1.0424657608, 0.3])
    assert by_loss["quality"].tolist() == [0.2, 0.3]
    by_agreement = extended(empty_history(), artifacts, replace(REWARD, quality="agreement"))
    assert by_agreement["quality"].tolist() == by_agreement["quality_agreement"].tolist() == [0.35, 0.4]
    for history in (by_accuracy, by_loss):
        assert history["quality_accuracy"].tolist() == [0.7, 0.8]
        assert history["quality_loss"].tolist() == [0.2, 0.3]
        assert history["latency_ratio"].tolist() == [0.3, 0.6]
        assert history["latency_ms"].tolist() == [3.0, 6.0]
        assert history["ratio_low"].tolist() == pytest.approx([0.27, 0.54])
        assert history["ratio_high"].tolist() == pytest.approx([0.33, 0.66])
        assert set(history["hardware"]) == {"Some CPU, cores 8, torch 2.13, whole cores yes"}
        assert history["predicted_reward"].tolist() == [0.1, 0.2]
        assert history["parameters"].tolist() == [10, 20]


def test_a_failure_is_rewarded_like_the_worst_of_all_episodes_and_at_most_by_nothing():
    failed = (None, None, 0.6)
    history = extended(empty_history(), episode(1, (0.5, 0.5, 0.6), failed, (0.7, 0.7, 0.6)))
    assert history["reward"].tolist() == pytest.approx([0.5, 0.0, 0.7])
    history = extended(history, episode(2, (-0.2, -0.2, 0.6)))
    history = extended(history, episode(3, failed, (0.6, 0.6, 0.6)))
    assert history["episode"].tolist() == [1, 1, 1, 2, 3, 3]
    assert history["reward"].tolist() == pytest.approx([0.5, 0.0, 0.7, -0.2, -0.2, 0.6])
    assert history["reason"].tolist()[1] == "out of memory at step 1"


def test_reward_without_a_latency_is_one_sentence():
    candidates, evaluations, _ = episode(1, (0.5, 0.5, 0.6))
    latency = {"reason": "not measured: this machine has no GPU", "models": []}
    with pytest.raises(UserError, match=r'reward\.device is "gpu"'):
        extended(empty_history(), (candidates, evaluations, latency), replace(REWARD, device="gpu"))


def timed(device, number=1):
    """Return an episode whose latencies are of ``device``, of the table where it is None."""
    candidates, evaluations, latency = episode(number, (0.7, 0.2, 0.3), (0.8, 0.3, 0.6))
    if device is None:
        rows = [row | {"ratio_low": None, "ratio_high": None} for row in latency["models"]]
        return candidates, evaluations, latency | {"hardware": None, "models": rows}
    return candidates, evaluations, latency | {"hardware": MACHINE | {"device_name": device}}


@pytest.fixture
def searched(tmp_path):
    """Return a function that writes the first episode's history and the second's latencies, by device."""

    def write(first, second):
        history, latency = tmp_path / "lstm/episode_01/history.csv", tmp_path / "lstm/episode_02/latency.json"
        write_history(history, extended(empty_history(), timed(first)))
        write_json(latency, timed(second, 2)[2])
        return history, latency

    return write


@pytest.mark.parametrize("device", ["Some CPU", None])
def test_a_search_on_one_hardware_goes_on(device, searched):
    history, latency = searched(device, device)
    check_one_hardware(history, latency)
    both = extended(read_history(history), timed(device, 2))
    assert both["ratio_low"].isna().all() == (device is None)
    assert both["hardware"].nunique() == 1


@pytest.mark.parametrize(
    ("first", "second"), [("Some CPU", "Other CPU"), (None, "Some CPU"), ("Some CPU", None)]
)
def test_latencies_of_another_hardware_are_refused_with_what_to_do(first, second, searched):
    history, latency = searched(first, second)
    with pytest.raises(UserError) as refused:
        check_one_hardware(history, latency)
    sentence = str(refused.value)
    for device in (first, second):
        assert (device or "the latency table") in sentence
    assert f"delete {latency} or all of {history.parents[1]}/episode_*/latency.json" in sentence


def test_a_history_of_before_these_columns_is_read_and_goes_on(searched):
    history, latency = searched("Some CPU", "Other CPU")
    old = read_history(history).drop(columns=list(LATER))
    old.to_csv(history, index=False)
    check_one_hardware(history, latency)
    both = extended(read_history(history), timed("Other CPU", 2))
    assert both["hardware"].notna().tolist() == [False, False, True, True]
    assert both["reward"].tolist()[:2] == pytest.approx(old["reward"].tolist())
    old.drop(columns="reward").to_csv(history, index=False)
    with pytest.raises(UserError, match="is damaged .no column reward"):
        read_history(history)


def test_tables_say_which_strategy_was_timed_on_what():
    def history(device):
        return extended(empty_history(), timed(device))

    assert mixed_hardware({"lstm": history("Some CPU"), "random": history("Some CPU")}) == []
    (note,) = mixed_hardware({"lstm": history("Some CPU"), "random": history("Other CPU")})
    assert "lstm on Some CPU, cores 8" in note and "random on Other CPU, cores 8" in note


def test_the_line_of_an_episode_names_the_best_by_reward_or_within_each_budget():
    candidates, evaluations, latency = episode(1, (0.9, 0.5, 0.8), (None, None, 0.1), (0.7, 0.4, 0.3))
    history = extend_history(
        empty_history(), candidates, evaluations=evaluations, latency=latency, reward=REWARD
    )
    line = episode_line("gp", episode=1, episodes=2, history=history)
    reward = 0.9 * (0.8 / 0.6) ** -0.06
    assert line == (
        f"gp: episode 1/2, 3 candidates (1 failed), best reward so far {reward:.4f}: 1L-12H-3A-24F-gelu, "
        "quality 0.900, 0.80 of the teacher's latency"
    )
    budgets = [{"latency_ratio": 0.5}, {"latency_ratio": 0.2}]
    aimed = episode_line("constrained", episode=1, episodes=2, history=history, budgets=budgets)
    assert aimed.endswith(
        "best so far: budget_0.5 3L-12H-3A-24F-gelu, quality 0.700, 0.30 of the teacher's latency; "
        "budget_0.2 none inside"
    )
