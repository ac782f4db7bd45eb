import os
import signal
import threading
import time
from pathlib import Path

import pytest

from appraisal import canonical
from appraisal.printing.worker import Renderer, RenderingFailed
from tests.printing.samples import Print, Sample

# So slow is no machine that runs tests, however busy.
SECONDS = 300


@pytest.mark.thorough
def test_renders_in_one_process_from_any_thread(sample: Sample, printed: Print) -> None:
    value = sample.approval()
    asked = canonical.canonical(value)
    found: list[bytes] = []
    with Renderer(renders=3, seconds=SECONDS) as renderer:
        with pytest.raises(RenderingFailed, match="KeyError") as refused:
            renderer.render(b"{}", "en")
        first = renderer.pid
        thread = threading.Thread(target=lambda: found.append(renderer.render(asked, "en")))
        thread.start()
        thread.join()
        assert renderer.pid == first
        assert refused.value.reason == "refused"
        assert found == [printed(value, "en")]
        # The third is its last.
        with pytest.raises(RenderingFailed, match="JSON"):
            renderer.render(b"[]", "en")
        assert renderer.pid is None


@pytest.mark.thorough
def test_a_process_that_is_too_slow_or_dies_is_replaced(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPRAISAL_SECRET", "not for the child")
    asked = canonical.canonical(sample.approval())
    with Renderer(seconds=0.05) as renderer:
        before = time.monotonic()
        with pytest.raises(RenderingFailed) as slow:
            renderer.render(asked, "en")
        assert slow.value.reason == "timeout"
        assert time.monotonic() - before < 20
        lost = renderer.pid
        assert lost is None

        renderer.seconds = SECONDS
        with pytest.raises(RenderingFailed):
            renderer.render(b"{}", "en")
        idle = renderer.pid
        assert idle is not None
        environment = Path(f"/proc/{idle}/environ")
        if environment.exists():
            assert b"not for the child" not in environment.read_bytes()
        os.kill(idle, signal.SIGKILL)
        time.sleep(0.1)
        assert renderer.render(asked, "en").startswith(b"%PDF-1.7")
        assert renderer.pid not in (None, idle)


def test_a_process_that_dies_at_work_is_a_crash(sample: Sample) -> None:
    with Renderer(seconds=SECONDS) as renderer:
        with pytest.raises(RenderingFailed):
            renderer.render(b"{}", "en")
        busy = renderer.pid
        assert busy is not None
        killer = threading.Timer(0.1, os.kill, (busy, signal.SIGKILL))
        killer.start()
        with pytest.raises(RenderingFailed) as dead:
            renderer.render(canonical.canonical(sample.record()), "en")
        killer.join()
        assert dead.value.reason == "crash"
        assert renderer.pid is None


@pytest.mark.thorough
def test_a_process_may_not_take_all_memory(sample: Sample) -> None:
    pytest.importorskip("resource")
    with Renderer(memory=64 * 1024**2, seconds=SECONDS) as renderer:
        with pytest.raises(RenderingFailed) as failed:
            renderer.render(canonical.canonical(sample.approval()), "en")
        assert failed.value.reason in ("memory", "crash")
        assert renderer.pid is None


@pytest.mark.thorough
def test_leaves_nothing_behind(sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Renderer(seconds=SECONDS) as renderer:
        with pytest.raises(RenderingFailed):
            renderer.render(b"{}", "en")
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
