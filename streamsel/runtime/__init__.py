"""The asyncio pipelines: the only room with tasks, threads and queues."""
