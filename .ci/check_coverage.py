"""Says how many branches the unit tests take, and which modules they leave out.

    python .ci/check_coverage.py coverage.json

The file is a report of coverage.py in JSON. Ends with 1 if less than 90 % of all branches, or less
than 80 % of the branches of any module, are taken.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

OF_ALL = 90.0
OF_A_MODULE = 80.0


def main() -> int:
    """Print the figures; return the exit code."""
    report = json.loads(Path(sys.argv[1]).read_text())
    shares = {
        name: 100.0 * found["summary"]["covered_branches"] / branches
        for name, found in report["files"].items()
        if (branches := found["summary"]["num_branches"])
    }
    low = {name: share for name, share in shares.items() if share < OF_A_MODULE}
    for name, share in sorted(low.items(), key=lambda pair: pair[1]):
        print(f"{share:5.1f} % {name}")
    totals = report["totals"]
    overall = 100.0 * totals["covered_branches"] / totals["num_branches"]
    lines = 100.0 * totals["covered_lines"] / totals["num_statements"]
    print(
        f"{overall:.1f} % of {totals['num_branches']} branches and {lines:.1f} % of "
        f"{totals['num_statements']} statements; {len(low)} of {len(shares)} modules are below "
        f"{OF_A_MODULE:.0f} % of their branches"
    )
    return 1 if low or overall < OF_ALL else 0


if __name__ == "__main__":
    sys.exit(main())
