"""X12 beyond the single document: who acknowledged what, which numbers came and went, and what we say ourselves."""
