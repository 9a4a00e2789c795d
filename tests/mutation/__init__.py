"""Changes the code in small ways and asks whether any test notices."""
