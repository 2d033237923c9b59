"""`import pymargins` stays light: heavier packages load when first needed."""

import subprocess
import sys

HEAVY = ("formulaic", "matplotlib", "patsy", "scipy.stats", "statsmodels")


def test_import_loads_nothing_heavy():
    program = "import sys, pymargins; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert not set(HEAVY) & set(run.stdout.split())
