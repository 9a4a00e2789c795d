"""The prefilter: refuses damaged, empty, repeated or blurred frames before they are embedded."""
