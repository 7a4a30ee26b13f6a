"""Files: atomic writes, checksums, the store, digests of the code."""
