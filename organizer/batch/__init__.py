"""One batch, the whole way: from what waits in an inbox to the journal and the index, and back again."""
