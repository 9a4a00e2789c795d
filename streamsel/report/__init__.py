"""Results for people: tables and plots of what was measured."""
