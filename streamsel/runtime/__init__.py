"""The asyncio pipeline: the only place with tasks, threads and queues."""
