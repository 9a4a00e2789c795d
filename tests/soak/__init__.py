"""Long runs against real servers, by hand: python -m tests.soak.NAME prints its figures."""
