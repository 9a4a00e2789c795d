"""Live feeds over WebRTC: senders that call (WHIP), and servers that are called (WHEP)."""
