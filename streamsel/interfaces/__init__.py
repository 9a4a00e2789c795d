"""The seams of the pipeline: a protocol for each stage, grouped by module.

    Source -> Prefilter -> queue -> Embeddings (a batch) -> Selector -> queue -> Sink

Data flows one way: no stage holds an earlier or a later one. All protocols are synchronous;
concurrency lives in ``streamsel.runtime`` only. A source and its prefilter run in one thread, the
embeddings and the selector in another, each sink in its own.

A live feed takes the same path through the protocols with names that begin with ``Live``. Its
source is reopened whenever it ends, its frames are never fetched a second time, and its selector
never finishes. A :class:`Sink` is the same for both: it receives a :class:`SelectionUpdate` per
turn of the judge, and what else it receives depends on its capabilities.

A protocol with a single implementation is here because its users must not import that one: the
runtime knows stages by their protocols alone, sources start no threads and so no event loops, and
sinks know no sources. ``tests/test_protocols.py`` checks it against the import contracts.
"""
