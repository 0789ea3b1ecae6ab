"""Document formats: how the bytes of a standard are read and written, and nothing of what they mean."""
