"""`import pymargins` stays light: heavier packages load when first needed."""

import subprocess
import sys

import pymargins

HEAVY = ("formulaic", "great_tables", "matplotlib", "patsy", "scipy.stats", "statsmodels")


def test_import_loads_nothing_heavy():
    program = "import sys, pymargins; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert not set(HEAVY) & set(run.stdout.split())


def test_the_editor_is_offered_public_names_only():
    assert set(dir(pymargins)) == {*pymargins.__all__, "adapters", "errors", "mixed", "testing"}
