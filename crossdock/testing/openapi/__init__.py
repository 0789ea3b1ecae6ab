"""A vendor's OpenAPI description, read so that a test can hold our requests against it, and make answers from it."""
