"""Live feeds over WebRTC: WHIP (senders connect to us) and WHEP (we connect to a server)."""
