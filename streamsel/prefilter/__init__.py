"""What is refused before the embedder looks: damaged, empty, repeated or blurred frames."""
