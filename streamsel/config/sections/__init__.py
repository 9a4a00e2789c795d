"""The sections of a configuration: each option with meaning, unit and bounds."""
