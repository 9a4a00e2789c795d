"""The sections of a configuration: each option with what it means, its unit and its bounds."""
