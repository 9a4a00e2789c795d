from __future__ import annotations

# Runs under the system's Python, which has gi; ours has not.
collect_ignore = ["rtsp_process.py"]
