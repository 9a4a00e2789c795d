from __future__ import annotations

# They run under the system's Python, which has gi; ours has not.
collect_ignore = ["rtsp_process.py", "whep_process.py"]
