from datetime import timedelta
from pathlib import Path

import pytest

from slo.objectives.files import load, read, shipped, text_of
from slo.objectives.windows import load_windows
from tracing.documents import DocumentError

SHIPPED, _ = text_of("discharge-to-cash")


def test_the_shipped_objective_is_valid() -> None:
    assert shipped() == ("discharge-to-cash",)
    (objective,) = load("discharge-to-cash")
    assert (objective.workflow, objective.target, objective.window) == (
        "discharge-to-cash",
        0.95,
        timedelta(days=30),
    )


def test_a_file_may_hold_several_and_give_per_cent(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    other = SHIPPED.replace("name: discharge-to-cash\n", "name: erp\n").replace(
        "target: 0.95", "targetPercent: 99.5"
    )
    other = other.replace("{workflow: discharge-to-cash}", "{workflow: discharge-to-cash, step: ERP posted}")
    path.write_text(f"{SHIPPED}---\n{other}")
    first, second = load(path)
    assert (first.step, second.step, second.target) == ("", "ERP posted", 0.995)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("openslo/v1", "openslo/v2alpha", r"own.yaml:3:\d+: apiVersion: input should be 'openslo/v1'"),
        ("  service: revenue-cycle\n", "", r"own.yaml:8:\d+: spec.service: missing"),
        (
            "budgetingMethod",
            "budgetMethod",
            r"spec.budgetMethod: unknown key \(did you mean 'budgetingMethod'",
        ),
        ("Occurrences", "Timeslices", r"spec.budgetingMethod: input should be 'Occurrences'"),
        ("type: checkpoint", "type: prometheus", r"metricSource.type: input should be 'checkpoint'"),
        ("30d", "1M", r"spec.timeWindow\[0\].duration: must be a duration such as"),
        ("isRolling: true", "isRolling: false", r"spec.timeWindow\[0\].isRolling: must be true"),
        ("target: 0.95", "target: 1", r"spec.objectives\[0\].target: "),
        ("target: 0.95", "target: 0.9, targetPercent: 90", r"spec.objectives\[0\]: needs either target"),
        (", target: 0.95", "", r"spec.objectives\[0\]: needs either target"),
        (
            "good: {metricSource: {type: checkpoint, spec: {workflow: discharge-to-cash}}}",
            "good: {metricSource: {type: checkpoint, spec: {workflow: other}}}",
            r"own.yaml:\d+:\d+: spec.indicator.spec.ratioMetric: good and total must name the same workflow",
        ),
    ],
)
def test_what_is_wrong_names_file_line_and_key(old: str, new: str, message: str) -> None:
    assert old in SHIPPED
    with pytest.raises(DocumentError, match=message):
        read(SHIPPED.replace(old, new), "own.yaml")


def test_two_of_one_name_and_none_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="same name"):
        read(f"{SHIPPED}---\n{SHIPPED}", "own.yaml")
    with pytest.raises(DocumentError, match="holds no objective"):
        read("", "own.yaml")
    with pytest.raises(DocumentError, match="shipped objectives are discharge-to-cash"):
        load(tmp_path / "missing.yaml")


def test_sites_may_bring_their_own_burn_rates(tmp_path: Path) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(
        "apiVersion: caretrail/v1\nkind: BurnRates\nmetadata: {name: own}\nspec:\n  windows:\n"
        "    - {severity: page, factor: 2, long: 2d, short: 3h, minimum_events: 1}\n"
    )
    (window,) = load_windows(path)
    assert (window.long, window.short) == (timedelta(days=2), timedelta(hours=3))
    path.write_text(path.read_text().replace("short: 3h", "short: 3d"))
    with pytest.raises(DocumentError, match=r"rates.yaml:6:\d+: spec.windows\[0\]: short must be shorter"):
        load_windows(path)
