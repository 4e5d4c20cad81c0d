"""Runs in a file: what was asked before is not run again."""

from benchmarks.kept import Kept


def test_a_run_is_made_once_and_found_by_another_process(tmp_path):
    path = tmp_path / "runs.jsonl"
    made = []

    def run():
        made.append(1)
        return {"mrr": 0.5}

    assert Kept(path).get({"seed": 1, "model": "a"}, run) == {"mrr": 0.5}
    again = Kept(path)
    assert again.get({"model": "a", "seed": 1}, run) == {"mrr": 0.5} and len(made) == 1
    again.get({"model": "a", "seed": 2}, run)
    assert len(made) == 2 and len(path.read_text().splitlines()) == 2


def test_without_a_file_nothing_is_written_and_a_run_is_still_made_once():
    made = []
    kept = Kept(None)
    for _ in range(2):
        kept.get({}, lambda: made.append(1) or {})
    assert len(made) == 1
